// Which machines a front does not ask for a while since they hang: a circuit breaker for each.
//
// One that refuses at once costs a query nothing and is asked by each. One that does not answer in
// time is left out; after a pause, which doubles up to a limit, one query at a time asks it again.
// Where nobody else is left all are asked: then there is nothing to lose.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quern::search {

struct BreakerOptions {
  absl::Duration first_pause = absl::Seconds(1);
  absl::Duration longest_pause = absl::Seconds(30);
};

// Logic: times in, decisions out. Used under a lock.
class PartBreakers {
 public:
  explicit PartBreakers(size_t parts, const BreakerOptions& options = {})
      : options_(options), parts_(parts) {}

  struct LeftOut {
    size_t part = 0;
    std::string why;
  };
  struct Choice {
    std::vector<size_t> asked;  // of each of them, what became of it has to be told
    std::vector<LeftOut> left_out;
  };
  Choice Choose(absl::Time now);

  // It has answered, were it by a refusal.
  void Answered(size_t part, absl::Time now);
  // It has not. Nothing follows when it has answered somebody since `asked`: it is the question
  // that takes long. Nor when others have told the same meanwhile.
  void NotAnswered(size_t part, absl::Time asked, absl::Time now, std::string_view why);
  // There was no time left to ask it.
  void NotAsked(size_t part) { parts_[part].is_probed = false; }

 private:
  struct Part {
    bool open = false;       // it is left out
    bool is_probed = false;  // somebody asks it whether it is there again
    absl::Duration pause;
    absl::Time until = absl::InfinitePast();
    absl::Time judged = absl::InfinitePast();  // when it was last heard of, or missed
    std::string why;
  };

  const BreakerOptions options_;
  std::vector<Part> parts_;
};

}  // namespace quern::search
