// When a wish is heard, what is tried again, and what is decided.
#include "mapreduce/coordinator/service/publication_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quern::mr {
namespace {

using testing::ElementsAre;

// What the tries answer, in order (the last one for ever), and what was done.
struct Script {
  std::optional<WishToKill> wish;
  std::deque<absl::Status> tries;
  absl::StatusOr<bool> withdrawn = true;

  std::vector<std::string> done = {};
  Publication::Outcome outcome = {};
  std::promise<void> ended;  // what is above may be read then
};

class ScriptedPublication final : public Publication {
 public:
  explicit ScriptedPublication(Script* script) : script_(script) {}

  LogField Name() const override { return {"job", "job-1"}; }
  std::optional<WishToKill> KillWish() override { return script_->wish; }
  absl::Status Publish() override {
    script_->done.push_back("publish");
    absl::Status answer = script_->tries.front();
    if (script_->tries.size() > 1) script_->tries.pop_front();
    return answer;
  }
  absl::StatusOr<bool> Withdraw(const std::string& reason) override {
    script_->done.push_back("withdraw " + reason);
    return script_->withdrawn;
  }
  void Settle() override { script_->done.push_back("settle"); }
  void End(const Outcome& outcome) override {
    script_->done.push_back("end");
    script_->outcome = outcome;
    script_->ended.set_value();
  }

 private:
  Script* const script_;
};

void RunScript(Script* script) {
  PublicationQueue queue(absl::Milliseconds(1));
  queue.Start("publisher");
  queue.Add(std::make_unique<ScriptedPublication>(script));
  const auto ended = script->ended.get_future().wait_for(std::chrono::minutes(1));
  ASSERT_EQ(ended, std::future_status::ready);
}

TEST(PublicationQueue, TriesAgainUntilItHasAppeared) {
  Script script;
  script.tries = {UnavailableError("nobody answers"), absl::OkStatus()};
  RunScript(&script);
  EXPECT_THAT(script.done, ElementsAre("publish", "publish", "settle", "end"));
  EXPECT_TRUE(script.outcome.published.ok());
  EXPECT_FALSE(script.outcome.killed);
}

TEST(PublicationQueue, TriesNothingAgainThatIsRefusedForGood) {
  Script script;
  script.tries = {AlreadyExistsError("taken")};
  RunScript(&script);
  EXPECT_THAT(script.done, ElementsAre("publish", "settle", "end"));
  EXPECT_EQ(script.outcome.published.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(script.outcome.killed);
}

TEST(PublicationQueue, HearsAWishAtOnceOrAfterOneTry) {
  Script at_once;
  at_once.wish = WishToKill{"by ada"};
  at_once.tries = {absl::OkStatus()};
  RunScript(&at_once);
  EXPECT_THAT(at_once.done, ElementsAre("withdraw by ada", "settle", "end"));
  EXPECT_EQ(at_once.outcome.killed, "by ada");
  Script later;
  later.wish = WishToKill{"by ada", /*after_one_try=*/true};
  later.tries = {UnavailableError("nobody answers")};
  RunScript(&later);
  EXPECT_THAT(later.done, ElementsAre("publish", "withdraw by ada", "settle", "end"));
  EXPECT_TRUE(later.outcome.published.ok());
  EXPECT_EQ(later.outcome.killed, "by ada");
}

TEST(PublicationQueue, AWishThatComesTooLateKillsNothing) {
  Script published;
  published.wish = WishToKill{"by ada", /*after_one_try=*/true};
  published.tries = {absl::OkStatus()};
  RunScript(&published);
  EXPECT_THAT(published.done, ElementsAre("publish", "settle", "end"));
  EXPECT_FALSE(published.outcome.killed);
  Script appeared;
  appeared.wish = WishToKill{"by ada"};
  appeared.withdrawn = false;
  RunScript(&appeared);
  EXPECT_THAT(appeared.done, ElementsAre("withdraw by ada", "settle", "end"));
  EXPECT_TRUE(appeared.outcome.published.ok());
  EXPECT_FALSE(appeared.outcome.killed);
}

}  // namespace
}  // namespace quern::mr
