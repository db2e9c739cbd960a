// Logs over a real connection, while they are written.
#include "mapreduce/worker/log_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "common/notification.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "mapreduce/worker/shuffle_service.h"
#include "tests/mapreduce/worker/worker_fixture.h"

namespace quern::mr {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

class LogSenderTest : public testing::Test {
 protected:
  LogSenderTest() : service_(parts_.scratch(), &logs_), id_(MakeTask("").id()) {
    rpc::ServerOptions options;
    options.watchdog = false;
    server_ = *rpc::Server::Start(options, {}, service_.Methods());
  }

  void Begin() {
    logs_.Started(id_);
    dir_ = *parts_.scratch()->MakeAttemptDir(id_);
  }
  void Print(const std::string& text) {
    std::ofstream(dir_ + "/log", std::ios::app) << text << std::flush;
    if (!opened_) logs_.Opened(id_);
    opened_ = true;
  }
  void Follow(uint64_t offset = 0) {
    stream_ = loop_.Open(rpc::MakeChannel(server_->address(), rpc::ChannelKind::kControl),
                         "/quern.mr.v1.Shuffle/ReadLog", kPatience);
    pb::ReadLogRequest request;
    *request.mutable_id() = id_;
    request.set_follow(true);
    request.set_offset(offset);
    stream_->Send(rpc::EncodeMessage(request));
    stream_->CloseSend();
  }
  // Takes what comes until that is all of it.
  void ExpectNext(const std::string& want) {
    std::string got;
    while (got.size() < want.size() && Take(&got)) continue;
    EXPECT_EQ(got, want);
  }
  absl::Status End() {
    std::string rest;
    while (Take(&rest)) continue;
    EXPECT_EQ(rest, "");
    return end_;
  }

  WorkerParts parts_;
  RunningLogs logs_;
  ShuffleService service_;
  const pb::AttemptId id_;
  std::string dir_;
  bool opened_ = false;
  int restarts_ = 0;

 private:
  // False when the stream has ended.
  bool Take(std::string* data) {
    while (true) {
      const rpc::BulkEvent event = loop_.Next(kPatience);
      if (event.kind == rpc::BulkEvent::Kind::kFinished) {
        end_ = event.status;
        return false;
      }
      if (event.kind == rpc::BulkEvent::Kind::kTimeout) {
        ADD_FAILURE() << "nothing came";
        return false;
      }
      if (event.kind != rpc::BulkEvent::Kind::kMessage) continue;
      pb::ReadLogResponse response;
      EXPECT_TRUE(rpc::DecodeMessage(event.message, &response).ok());
      if (response.restarted()) ++restarts_;
      *data += response.data();
      return true;
    }
  }

  std::unique_ptr<rpc::Server> server_;
  rpc::BulkLoop loop_;
  rpc::BulkStream* stream_ = nullptr;
  absl::Status end_;
};

TEST_F(LogSenderTest, AFollowerGetsWhatIsPrintedAndTheEnd) {
  Begin();
  Print("before\n");
  Follow();
  ExpectNext("before\n");
  Print("while");
  ExpectNext("while");
  Print(" it runs\nlast");
  logs_.Ended(id_);
  ExpectNext(" it runs\nlast");
  EXPECT_TRUE(End().ok());
}

TEST_F(LogSenderTest, ALogMayBeFollowedBeforeItIsThere) {
  logs_.Started(id_);
  Follow();
  Begin();
  Print("first\n");
  ExpectNext("first\n");
  logs_.Ended(id_);
  EXPECT_TRUE(End().ok());
}

TEST_F(LogSenderTest, ALogThatIsCutIsSentFromItsNewBeginning) {
  Begin();
  Print("a long first line\n");
  Follow();
  ExpectNext("a long first line\n");
  std::filesystem::resize_file(dir_ + "/log", 0);
  Print("anew\n");
  ExpectNext("anew\n");
  EXPECT_EQ(restarts_, 1);
  logs_.Ended(id_);
  EXPECT_TRUE(End().ok());
}

TEST_F(LogSenderTest, AnotherLogInItsPlaceIsFollowedToo) {
  Begin();
  Print("of the first process\n");
  Follow();
  ExpectNext("of the first process\n");
  dir_ = *parts_.scratch()->MakeAttemptDir(id_);
  std::filesystem::remove_all(parts_.scratch()->FindLog(id_).value_or("/nonexistent"));
  opened_ = false;
  Print("second\n");
  ExpectNext("second\n");
  logs_.Ended(id_);
  EXPECT_TRUE(End().ok());
}

TEST_F(LogSenderTest, WhatAFollowerHasHadIsNotSentAgain) {
  Begin();
  Print("0123456789");
  logs_.Ended(id_);
  Follow(/*offset=*/7);
  ExpectNext("789");
  EXPECT_TRUE(End().ok());
}

TEST_F(LogSenderTest, AnAttemptThatPrintedNothingHasNoLog) {
  Begin();
  Follow();
  parts_.scratch()->Discard(dir_);
  logs_.Ended(id_);
  EXPECT_EQ(End().code(), absl::StatusCode::kNotFound);
}

TEST_F(LogSenderTest, TheKernelTellsOfEveryChange) {
  Begin();
  Print("x");
  Notification changed;
  std::atomic<bool> told = false;
  RunningLogs::Follower follower(&logs_, id_, [&] {
    if (!told.exchange(true)) changed.Notify();
  });
  follower.WatchFile(dir_ + "/log");
  Print("y");
  changed.Wait();
}

}  // namespace
}  // namespace quern::mr
