// Several chunkservers in one process, and a fake master: the fixture of the service tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "chunkserver/service/chunkserver.h"
#include "tests/chunkserver/service/chunk_client.h"
#include "tests/support/fake_master.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

inline constexpr ChunkId kChunk{0x2a};
inline const std::vector<std::string> kNodes = {"n1", "n2", "n3"};

class ChunkserverTest : public ::testing::Test {
 protected:
  void StartMaster(const FakeMaster::Options& options = {}) {
    FakeMaster::Options at = options;
    if (!master_address_.empty()) at.listen = master_address_;
    master_ = std::make_unique<FakeMaster>(at);
    master_address_ = master_->address();
  }

  // Starts or restarts the server of this node, with its disks DIR/NODE/0, 1, ...
  void Start(const std::string& node, int disks = 1, const std::string& boot_id = "boot-1") {
    servers_[node].reset();
    ChunkserverOptions options;
    options.flags.listen = "127.0.0.1:0";
    options.flags.http = "127.0.0.1:0";
    options.flags.node = node;
    options.flags.masters = {master_address_};
    for (int i = 0; i < disks; ++i) options.flags.dirs.push_back(Dir(node, i));
    options.boot_id = boot_id;
    options.reserve_bytes = 1;
    options.limits.ack_timeout = absl::Seconds(5);
    options.limits.report_sealed = absl::Seconds(10);
    options.fs = &fs_;
    options.watchdog = false;
    options.limits.append_rest = append_rest_;
    Adjust(&options);
    auto server = Chunkserver::Start(options);
    ASSERT_OK(server);
    servers_[node] = *std::move(server);
  }
  // What a fixture changes about its servers.
  virtual void Adjust(ChunkserverOptions* /*options*/) {}
  void StartAll(const std::vector<std::string>& nodes) {
    if (master_ == nullptr) StartMaster();
    for (const std::string& node : nodes) Start(node);
    ASSERT_TRUE(master_->AwaitSessions(nodes));
  }
  // Like a kill: nothing is flushed that was not flushed before.
  void Kill(const std::string& node) { servers_[node].reset(); }

  std::string Dir(const std::string& node, int disk = 0) const {
    return dir_ / fmt::format("{}/{}", node, disk);
  }
  std::string DataFile(const std::string& node, ChunkId chunk, int disk = 0) const {
    return fmt::format("{}/data/{:02x}/{:016x}", Dir(node, disk), chunk.value() & 0xff,
                       chunk.value());
  }
  absl::StatusOr<ReadAnswer> Read(
      const std::string& node, ChunkId chunk, uint64_t offset = 0, uint64_t length = 0,
      const std::optional<pb::ReadRequest::Sealed>& sealed = std::nullopt) {
    return ReadChunk(master_->Chain({node})[0].address(), chunk, offset, length, sealed);
  }
  // Bytes that tell where they belong.
  static std::string Text(size_t n, uint64_t salt = 0) {
    std::string text(n, '\0');
    uint64_t x = salt * 0x9e3779b97f4a7c15 + 1;
    for (char& c : text) {
      x = x * 6364136223846793005 + 1442695040888963407;
      c = static_cast<char>(x >> 56);
    }
    return text;
  }
  // Appends, seals and finalizes a chunk on these nodes; returns its bytes.
  std::string MakeSealedChunk(ChunkId chunk, const std::vector<std::string>& nodes,
                              size_t bytes = 300'000);

  TempDir dir_;
  FaultyFileSystem fs_;
  absl::Duration append_rest_ = absl::Seconds(60);
  std::string master_address_;
  std::unique_ptr<FakeMaster> master_;
  std::map<std::string, std::unique_ptr<Chunkserver>> servers_;
};

inline std::string ChunkserverTest::MakeSealedChunk(ChunkId chunk,
                                                    const std::vector<std::string>& nodes,
                                                    size_t bytes) {
  EXPECT_OK(master_->Create(chunk, nodes));
  const std::string text = Text(bytes, chunk.value());
  AppendClient client(chunk, master_->Chain(nodes));
  constexpr size_t kPiece = 100'000;
  for (size_t at = 0; at < bytes; at += kPiece)
    client.Send(at / kPiece + 1, text.substr(at, kPiece));
  client.Seal();
  EXPECT_TRUE(client.Await([&] { return client.sealed.has_value(); })) << client.error;
  client.CloseSend();
  EXPECT_OK(client.AwaitEnd());
  if (!client.sealed) return text;
  for (const std::string& node : nodes) {
    EXPECT_OK(master_->Finalize(node, chunk, client.sealed->length(), client.sealed->crc()));
  }
  return text;
}

}  // namespace quern::chunkserver
