// The reading side of a chunkserver of a FakeDfs.
#pragma once

#include <cstdint>

#include "common/rpc/bulk.h"
#include "tests/support/fake_dfs.h"

namespace quern::testing {

void HandleFakeRead(FakeDfs::State* state, uint32_t server_id, rpc::BulkLoop* loop,
                    rpc::BulkStream* stream);

}  // namespace quern::testing
