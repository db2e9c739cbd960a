#include "client/master/change_batch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/notification.h"
#include "tests/support/status_matchers.h"

namespace quern::client {
namespace {

pb::Change Named(const std::string& path) {
  pb::Change change;
  change.mutable_mkdirs()->set_path(path);
  return change;
}

// Answers each change with its path, or an error for "/bad".
absl::StatusOr<pb::ChangeManyResponse> Echo(const pb::ChangeManyRequest& request) {
  pb::ChangeManyResponse response;
  for (const pb::Change& change : request.changes()) {
    auto* answer = response.add_answers();
    if (change.mkdirs().path() == "/bad") {
      answer->set_code(static_cast<int32_t>(absl::StatusCode::kAlreadyExists));
      answer->set_message("there already");
    } else {
      answer->set_response(change.mkdirs().path());
    }
  }
  return response;
}

TEST(ChangeBatchTest, ASingleCallerGoesAtOnce) {
  int calls = 0;
  ChangeBatch batch([&](const pb::ChangeManyRequest& request) {
    ++calls;
    return Echo(request);
  });
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(**batch.Make(Named("/a")), "/a");
    EXPECT_EQ(calls, i);
  }
}

// Two calls are held back; ten more callers come meanwhile. The first two calls, and those after
// them, end as `send` says; `made` is told what the ten got.
using Made = std::function<void(const std::string&, std::optional<absl::StatusOr<std::string>>)>;
void TenWhoCameTogether(const ChangeBatch::Send& send, const Made& made) {
  Notification go;
  std::latch held(2);
  ChangeBatch batch([&](const pb::ChangeManyRequest& request) {
    if (request.changes(0).mkdirs().path() == "/first") {
      held.count_down();
      go.Wait();
    }
    return send(request);
  });
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) callers.emplace_back([&] { batch.Make(Named("/first")); });
  held.wait();
  for (int i = 0; i < 10; ++i) {
    callers.emplace_back([&, i] {
      const std::string path = i == 3 ? "/bad" : "/d" + std::to_string(i);
      made(path, batch.Make(Named(path)));
    });
  }
  while (batch.waiting() < 10) std::this_thread::yield();
  go.Notify();
  for (std::thread& caller : callers) caller.join();
}

TEST(ChangeBatchTest, ThoseWhoWaitGoTogetherAndEachGetsItsOwnAnswer) {
  std::atomic<int> calls = 0;
  std::atomic<int> together = 0;
  const auto send = [&](const pb::ChangeManyRequest& request) {
    ++calls;
    return Echo(request);
  };
  TenWhoCameTogether(send, [&](const std::string& path, const auto& answer) {
    ASSERT_TRUE(answer.has_value());
    ++together;
    if (path == "/bad") {
      EXPECT_THAT(*answer, StatusIs(absl::StatusCode::kAlreadyExists));
    } else {
      EXPECT_EQ(**answer, path);
    }
  });
  EXPECT_EQ(together.load(), 10);
  EXPECT_EQ(calls.load(), 3);
}

TEST(ChangeBatchTest, WhenACallIsNotAnsweredNobodyWaitsForTheNext) {
  std::atomic<int> calls = 0;
  std::atomic<int> unanswered = 0;
  const auto send = [&](const pb::ChangeManyRequest&) -> absl::StatusOr<pb::ChangeManyResponse> {
    ++calls;
    return UnavailableError("lost");
  };
  TenWhoCameTogether(send, [&](const std::string&, const auto& answer) {
    if (!answer.has_value()) ++unanswered;
  });
  EXPECT_EQ(unanswered.load(), 10);
  EXPECT_EQ(calls.load(), 2) << "the ten go on by themselves";
}

TEST(ChangeBatchTest, TurnsGoOnAfterACallThatWasNotAnswered) {
  bool lost = true;
  ChangeBatch batch(
      [&](const pb::ChangeManyRequest& request) -> absl::StatusOr<pb::ChangeManyResponse> {
        if (lost) return UnavailableError("lost");
        return Echo(request);
      });
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(batch.Make(Named("/a")).has_value());
  lost = false;
  EXPECT_EQ(**batch.Make(Named("/a")), "/a");
}

}  // namespace
}  // namespace quern::client
