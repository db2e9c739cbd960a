// The append streams of a FakeDfs's chunkservers.
#pragma once

#include "common/rpc/bulk.h"
#include "tests/support/fake_dfs_state.h"

namespace quern::testing {

// Serve one stream to the server of this id until it ends.
void HandleFakeAppend(FakeDfs::State* state, uint32_t server_id, rpc::BulkLoop* loop,
                      rpc::BulkStream* stream);
void HandleFakeAppendWhole(FakeDfs::State* state, uint32_t server_id, rpc::BulkLoop* loop,
                           rpc::BulkStream* stream);

}  // namespace quern::testing
