// What a FileReader and its streams share.
#pragma once

#include <memory>

#include "client/chunk_map.h"

namespace quern::client {

class ReaderImpl {
 public:
  FileSystem::Impl* fs = nullptr;
  std::shared_ptr<ChunkMap> chunks;
};

}  // namespace quern::client
