// A worker whose map outputs are all alike: one block with one record. For reducers over very many
// of them.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "common/rpc/bulk_codec.h"
#include "common/rpc/server.h"
#include "mapreduce/engine/map_output_writer.h"
#include "quern/mr/v1/shuffle.pb.h"
#include "tests/support/status_matchers.h"

namespace quern::mr {

// Serves partition 0 of any map task.
class TinyOutputs {
 public:
  // `dir` is for one small file.
  explicit TinyOutputs(const std::string& dir) : block_(MakeBlock(dir + "/tiny")) {
    rpc::ServerOptions options;
    options.watchdog = false;
    auto server = rpc::Server::Start(
        options, {},
        {{"/quern.mr.v1.Shuffle/Fetch",
          [this](rpc::BulkLoop* loop, rpc::BulkStream* stream) { Serve(loop, stream); }}});
    EXPECT_OK(server);
    server_ = *std::move(server);
  }

  pb::MapOutput Output(uint32_t task) const {
    pb::MapOutput output;
    output.set_map_task(task);
    output.set_address(server_->address());
    return output;
  }

  std::atomic<uint32_t> streams = 0;
  std::atomic<uint32_t> asked = 0;  // outputs

 private:
  static std::string MakeBlock(const std::string& path) {
    const auto writer = MapOutputWriter::Create(path, {"job-x", 0, 0}, 1, Codec::kNone);
    EXPECT_OK(writer);
    EXPECT_OK((*writer)->Append(0, "key", "value"));
    EXPECT_OK((*writer)->Finish());
    const auto file = MapOutputFile::Open(path);
    EXPECT_OK(file);
    std::string block((*file)->partition(0).bytes, '\0');
    EXPECT_OK((*file)->file()->Pread((*file)->partition(0).offset, block.size(), block.data()));
    return block;
  }

  void Serve(rpc::BulkLoop* loop, rpc::BulkStream* stream) {
    ++streams;
    pb::FetchRequest request;
    ASSERT_OK(rpc::DecodeMessage(loop->Next(absl::Seconds(10)).message, &request));
    const grpc::Slice slice(block_.data(), block_.size());
    for (const auto& wanted : request.outputs()) {
      ++asked;
      pb::FetchHeader header;
      header.set_map_task(wanted.map_task());
      header.set_partition_bytes(block_.size());
      stream->Send(rpc::EncodeBulk(header, {&slice, 1}));
    }
    stream->Finish(absl::OkStatus());
  }

  const std::string block_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace quern::mr
