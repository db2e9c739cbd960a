// Messages between processes of one machine, along which an open file may go.
//
// The sockets have names in the kernel's abstract space: no file is left behind, and a container
// with a network of its own does not see them. Every message arrives whole or not at all.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "common/fd.h"
#include "common/status.h"

namespace quern {

// Under which the chunkserver that is known as `address` hands out open files.
std::string LocalReadsName(std::string_view address);

// At most so many bytes; names are at most 107.
inline constexpr size_t kMaxLocalMessage = size_t{128} << 10;

// A socket that listens under `name`; it blocks. AlreadyExists when another one does.
absl::StatusOr<UniqueFd> ListenLocally(std::string_view name);
// The next connection. Cancelled when `listener` was shut down.
absl::StatusOr<UniqueFd> AcceptLocally(int listener);
// Unavailable when nobody listens there, or too many are waiting. Does not wait.
absl::StatusOr<UniqueFd> ConnectLocally(std::string_view name);

// `file` goes along unless it is negative; it stays the sender's too.
absl::Status SendLocally(int socket, std::string_view message, int file = -1);

struct LocalMessage {
  std::string bytes;
  UniqueFd file;  // none, or the one that came along
};
// DeadlineExceeded when none comes within `patience`; Unavailable when the other side is gone.
absl::StatusOr<LocalMessage> ReceiveLocally(int socket, absl::Duration patience);

}  // namespace quern
