// Reads one replica whole from the server that is said to hold it, as `dfs fsck --verify` does.
#pragma once

#include "client/client_context.h"
#include "client/types.h"
#include "common/status.h"

namespace quern::client {

// `chunk` is sealed. DataLoss: the bytes are not those that were sealed; it is reported to the
// master. NotFound: the server has no such replica. Anything else: it cannot be read now.
absl::Status CheckReplica(ClientContext* context, const ChunkInfo& chunk,
                          const ServerAddress& server);

}  // namespace quern::client
