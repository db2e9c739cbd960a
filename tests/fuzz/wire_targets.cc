// What users, workers and chunkservers send: specs, queries, plugins, messages, map output.
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>

#include "common/rpc/bulk_codec.h"
#include "jobs/search/query/query_parser.h"
#include "mapreduce/cli/job_spec.h"
#include "mapreduce/engine/block_checker.h"
#include "mapreduce/engine/run_reader.h"
#include "mapreduce/plan/plugin_info.h"
#include "quern/dfs/v1/chunk.pb.h"
#include "quern/mr/v1/shuffle.pb.h"
#include "tests/fuzz/targets.h"

namespace quern::fuzz {

namespace {

void Spec(std::string_view bytes) { mr::ParseSpec(bytes, "spec.toml").status().IgnoreError(); }

// What is read has to be read from its own words as well.
void Query(std::string_view bytes) {
  const auto query = search::ParseQuery(bytes);
  if (!query.ok()) return;
  const std::string said = search::ToString(*query);
  // Escapes and brackets make it longer.
  const auto again = search::ParseQuery(said, {.max_bytes = 8 * bytes.size() + 64});
  Require(again.ok() && search::ToString(*again) == said, "a query does not understand itself");
}

void PluginNotes(std::string_view bytes) {
  mr::ParsePlugin("plugin.so", bytes).status().IgnoreError();
}

void Frames(std::string_view bytes) {
  const grpc::Slice slices[] = {{bytes.data(), bytes.size() / 2},
                                {bytes.data() + bytes.size() / 2, bytes.size() - bytes.size() / 2}};
  const grpc::ByteBuffer buffer(slices, 2);
  rpc::Payload payload;
  mr::v1::FetchHeader fetch;
  rpc::DecodeBulk(buffer, &fetch, &payload).IgnoreError();
  dfs::v1::AppendHeader append;
  if (rpc::DecodeBulk(buffer, &append, &payload).ok()) {
    Require(payload.size() <= bytes.size(), "a payload is longer than its message");
  }
}

// The checker and the reader have to agree about what is a run.
void MapOutput(std::string_view bytes) {
  mr::BlockChecker checker;
  const bool right = checker.Add(bytes).ok() && checker.Finish().ok();
  mr::SortedRun run;
  run.memory = std::make_shared<const std::string>(bytes);
  run.bytes = bytes.size();
  run.packed = true;
  mr::RunReader reader(run);
  while (reader.Next()) {
  }
  Require(right || bytes.empty() || !reader.status().ok(),
          "a run is read that the checker refuses");
}

}  // namespace

const std::vector<Target>& WireTargets() {
  static const std::vector<Target> targets = {{"spec", Spec},
                                              {"plugin_notes", PluginNotes},
                                              {"frames", Frames},
                                              {"map_output", MapOutput},
                                              {"query", Query}};
  return targets;
}

}  // namespace quern::fuzz
