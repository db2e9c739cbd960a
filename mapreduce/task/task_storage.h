// The storage of a task: file:///... paths on this machine, all others in the distributed file
// system.
#pragma once

#include <memory>

#include "client/file_system.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// The client is made when the first path of the file system is used.
std::unique_ptr<Storage> MakeTaskStorage(client::ClientOptions options);

}  // namespace quern::mr
