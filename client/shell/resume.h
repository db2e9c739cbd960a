// How a copy to this machine that was interrupted goes on: what is here is compared with the
// checksums of the file's chunks, and what is right need not come again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/shell/shell.h"
#include "client/types.h"
#include "common/status.h"

namespace quern::shell {

// The end of the leading chunks whose bytes `fd` has, at most `length`. `name` is for errors.
absl::StatusOr<uint64_t> VerifiedBytes(int fd, std::string_view name, uint64_t length,
                                       const std::vector<client::ChunkInfo>& chunks);

// Cuts `fd` to what it has of this very file, and places it at the end of that; so many bytes.
// Aborted when the file's name has been given to another one.
absl::StatusOr<uint64_t> KeepVerified(Shell* shell, const client::FileStatus& file, int fd,
                                      std::string_view name);
// A local file of that name has the very bytes of the file. One that cannot be read has not.
absl::StatusOr<bool> HasAllBytes(Shell* shell, const client::FileStatus& file,
                                 const std::string& path);

}  // namespace quern::shell
