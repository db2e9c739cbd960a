// How long `mr` goes on calling a coordinator that is not there: 5 s, which is what a command waits
// for the master as well. No clocks; `now` is an argument.
#pragma once

#include <absl/time/time.h>

#include <optional>

namespace quern::mr {

class CallPatience {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(5);

  // How a try failed that may be made again.
  enum class Failure {
    kNeverReached,  // it came to nobody
    kBroken,        // it came to somebody, who was gone before he answered
    kAnswered,      // somebody has said that it cannot be done now
    kInWork,        // ... that he is doing it
  };

  // Nobody is waited for any longer once `timeout` has passed.
  CallPatience(absl::Time now, absl::Duration timeout) : end_(now + timeout) {}

  // How long the next try, which begins now, may take until it has come to anybody.
  absl::Duration ToReach(absl::Time now) const { return give_up_ ? *give_up_ - now : kPatience; }

  // A try that began at `begun` has failed. False: there is to be no other.
  bool Failed(Failure how, absl::Time begun, absl::Time now) {
    // Who took his time and answered has ended his work; what he lacks may be away for long.
    const bool somebody_works =
        how == Failure::kInWork || (how == Failure::kBroken && now - begun > kPatience);
    if (!give_up_) {
      // Somebody may have worked on the call for minutes before he was gone.
      give_up_ = (how == Failure::kNeverReached ? begun : now) + kPatience;
    } else if (somebody_works && now < end_) {
      give_up_ = now + kPatience;
    }
    return now <= *give_up_;
  }

 private:
  const absl::Time end_;
  std::optional<absl::Time> give_up_;
};

}  // namespace quern::mr
