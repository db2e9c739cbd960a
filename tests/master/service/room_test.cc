// Chunks for which there is little room, or none.
#include <gmock/gmock.h>

#include "tests/master/service/test_cluster.h"

namespace quern::master {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Code = absl::StatusCode;

using RoomTest = MasterTest;

TEST_F(RoomTest, AFullClusterSaysSo) {
  StartMaster();
  for (const char* node : {"a", "b"}) {
    servers_.push_back(std::make_unique<FakeChunkserver>(
        FakeChunkserver::Options{.master = listen_, .node = node, .free_bytes = 1000}));
    ASSERT_OK(servers_.back()->Connect());
  }
  ASSERT_OK_AND_ASSIGN(const auto file, client_->Call(client_->CreateRequest("/f")));
  EXPECT_THAT(
      client_->Call(client_->AllocateRequest(file)),
      StatusIs(Code::kResourceExhausted, HasSubstr("cs1 has no room (1000 B free), cs2 has no")));
  auto request = client_->AllocateRequest(file);
  request.set_expected_bytes(3 << 20);
  EXPECT_THAT(client_->Call(request),
              StatusIs(Code::kResourceExhausted, HasSubstr("no room for 3 MiB on each of ")));
}

// The output of a task, say, on a cluster of small disks.
TEST_F(RoomTest, AFileOfUnknownLengthGetsASmallerChunkWhereAWholeOneHasNoRoom) {
  StartMaster();
  for (const char* node : {"a", "b"}) {
    servers_.push_back(std::make_unique<FakeChunkserver>(FakeChunkserver::Options{
        .master = listen_, .node = node, .free_bytes = uint64_t{40} << 20}));
    ASSERT_OK(servers_.back()->Connect());
  }
  ASSERT_OK_AND_ASSIGN(const auto some, client_->Call(client_->CreateRequest("/some")));
  auto request = client_->AllocateRequest(some);
  request.set_expected_bytes(50 << 20);
  EXPECT_THAT(client_->Call(request),
              StatusIs(Code::kResourceExhausted, HasSubstr("no room for 50 MiB")))
      << "said at once of what cannot be stored";
  ASSERT_OK_AND_ASSIGN(auto chunk, client_->Call(client_->AllocateRequest(some)));
  EXPECT_EQ(chunk.capacity(), 16u << 20);
  EXPECT_THAT(chunk.chunk().replicas(), SizeIs(2));
  for (const auto& server : servers_) SetFreeBytes(server.get(), 10 << 20);
  ASSERT_OK_AND_ASSIGN(const auto less, client_->Call(client_->CreateRequest("/less")));
  ASSERT_OK_AND_ASSIGN(chunk, client_->Call(client_->AllocateRequest(less)));
  EXPECT_EQ(chunk.capacity(), 4u << 20);
  for (const auto& server : servers_) SetFreeBytes(server.get(), 5 << 20);
  ASSERT_OK_AND_ASSIGN(const auto none, client_->Call(client_->CreateRequest("/none")));
  EXPECT_THAT(client_->Call(client_->AllocateRequest(none)),
              StatusIs(Code::kResourceExhausted, HasSubstr("no room for 4 MiB")));
}

// More of them than are asked for one chunk.
TEST_F(RoomTest, SoItDoesWhereServersHaveTheRoomOnSeveralDisksOnly) {
  StartMaster();
  AddServers(6);
  for (const auto& server : servers_) {
    server->SetOverride([](const pb::Order& order) -> std::optional<FakeChunkserver::Result> {
      if (order.create().reserve_bytes() <= 16u << 20) return std::nullopt;
      return FakeChunkserver::Failure(static_cast<int>(Code::kResourceExhausted));
    });
  }
  ASSERT_OK_AND_ASSIGN(const auto file, client_->Call(client_->CreateRequest("/f", 1)));
  auto request = client_->AllocateRequest(file);
  request.set_expected_bytes(50 << 20);
  EXPECT_THAT(client_->Call(request), StatusIs(Code::kUnavailable))
      << "others may have the room for what is known to be long";
  ASSERT_OK_AND_ASSIGN(const auto chunk, client_->Call(client_->AllocateRequest(file)));
  EXPECT_EQ(chunk.capacity(), 16u << 20);
}

TEST_F(RoomTest, AFullClusterOfOneSaysSoToo) {
  StartMaster();
  servers_.push_back(std::make_unique<FakeChunkserver>(
      FakeChunkserver::Options{.master = listen_, .node = "a", .free_bytes = 1000}));
  ASSERT_OK(servers_.back()->Connect());
  ASSERT_OK_AND_ASSIGN(const auto file, client_->Call(client_->CreateRequest("/f")));
  auto request = client_->AllocateRequest(file);
  request.set_expected_bytes(3 << 20);
  EXPECT_THAT(
      client_->Call(request),
      StatusIs(Code::kResourceExhausted, HasSubstr("no room for 3 MiB on any chunkserver (")));
}

TEST_F(RoomTest, EachServersOwnReasonIsTold) {
  StartMaster();
  for (const char* node : {"a", "b"}) {
    servers_.push_back(std::make_unique<FakeChunkserver>(
        FakeChunkserver::Options{.master = listen_, .node = node}));
    ASSERT_OK(servers_.back()->Connect());
    const std::string why = fmt::format("the disk of {} says no. Try: another", node);
    servers_.back()->SetOverride(
        [why](const FakeChunkserver::Order& order) -> std::optional<FakeChunkserver::Result> {
          if (!order.has_create()) return std::nullopt;
          auto result = FakeChunkserver::Failure(static_cast<int>(Code::kResourceExhausted));
          result.set_message(why);
          return result;
        });
  }
  ASSERT_OK_AND_ASSIGN(const auto file, client_->Call(client_->CreateRequest("/f")));
  auto request = client_->AllocateRequest(file);
  request.set_expected_bytes(3 << 20);
  EXPECT_THAT(
      client_->Call(request),
      StatusIs(Code::kResourceExhausted,
               HasSubstr("(cs1 could not: the disk of a says no, cs2 could not: the disk of "
                         "b says no). Try: dfs df")));
  // The one that could is told too: who makes room needs to know where.
  servers_[0]->SetOverride(nullptr);
  request = client_->AllocateRequest(file);
  request.set_expected_bytes(3 << 20);
  EXPECT_THAT(client_->Call(request),
              StatusIs(Code::kResourceExhausted,
                       HasSubstr("(cs2 could not: the disk of b says no, cs1 has room)")));
}

TEST_F(RoomTest, ASilentServerMayHaveTheRoomThatAFullOneLacks) {
  StartMaster();
  AddServers(3);
  servers_.push_back(std::make_unique<FakeChunkserver>(
      FakeChunkserver::Options{.master = listen_, .node = "full", .free_bytes = 1000}));
  ASSERT_OK(servers_.back()->Connect());
  servers_[0]->Disconnect();
  servers_[1]->Disconnect();
  ASSERT_OK_AND_ASSIGN(const auto file, client_->Call(client_->CreateRequest("/f")));
  // ResourceExhausted would make a writer give up.
  EXPECT_TRUE(Eventually([&] {
    const auto status = client_->Call(client_->AllocateRequest(file)).status();
    return status.code() == Code::kUnavailable &&
           Message(status).find("silent") != std::string::npos;
  }));
}

}  // namespace
}  // namespace quern::master
