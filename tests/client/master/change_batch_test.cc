#include "client/master/change_batch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

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

TEST(ChangeBatchTest, ASingleCallerGoesAloneAndAtOnce) {
  ChangeBatch batch([](const pb::ChangeManyRequest&) -> absl::StatusOr<pb::ChangeManyResponse> {
    return InternalError("nobody else is there");
  });
  int alone = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(batch.Make(Named("/a"), [&] { ++alone; }).has_value());
  }
  EXPECT_EQ(alone, 3);
}

// Two calls are held back; ten more callers come meanwhile. `made` is told what they got.
template <typename Made>
void TenWhoCameTogether(ChangeBatch* batch, Made made) {
  Notification go;
  std::latch held(2);
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] {
      batch->Make(Named("/first"), [&] {
        held.count_down();
        go.Wait();
      });
    });
  }
  held.wait();
  for (int i = 0; i < 10; ++i) {
    callers.emplace_back([&, i] {
      bool alone = false;
      const std::string path = i == 3 ? "/bad" : "/d" + std::to_string(i);
      const auto answer = batch->Make(Named(path), [&] { alone = true; });
      made(path, answer, alone);
    });
  }
  while (batch->waiting() < 10) std::this_thread::yield();
  go.Notify();
  for (std::thread& caller : callers) caller.join();
}

TEST(ChangeBatchTest, ThoseWhoWaitGoTogetherAndEachGetsItsOwnAnswer) {
  std::atomic<int> calls = 0;
  ChangeBatch batch([&](const pb::ChangeManyRequest& request) {
    ++calls;
    return Echo(request);
  });
  std::atomic<int> together = 0;
  TenWhoCameTogether(&batch, [&](const std::string& path, const auto& answer, bool alone) {
    EXPECT_FALSE(alone);
    ASSERT_TRUE(answer.has_value());
    ++together;
    if (path == "/bad") {
      EXPECT_THAT(*answer, StatusIs(absl::StatusCode::kAlreadyExists));
    } else {
      EXPECT_EQ(**answer, path);
    }
  });
  EXPECT_EQ(together.load(), 10);
  EXPECT_EQ(calls.load(), 1);
}

TEST(ChangeBatchTest, WhenACallFailsEachGoesAlone) {
  ChangeBatch batch([](const pb::ChangeManyRequest&) -> absl::StatusOr<pb::ChangeManyResponse> {
    return UnavailableError("lost");
  });
  std::atomic<int> went_alone = 0;
  TenWhoCameTogether(&batch, [&](const std::string&, const auto& answer, bool alone) {
    EXPECT_FALSE(answer.has_value());
    went_alone += alone ? 1 : 0;
  });
  EXPECT_EQ(went_alone.load(), 10);
}

}  // namespace
}  // namespace quern::client
