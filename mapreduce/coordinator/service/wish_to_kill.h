// That somebody wants a job or pipeline killed whose output is being published: it ends so unless
// that appears first.
#pragma once

#include <string>

namespace quern::mr {

struct WishToKill {
  std::string reason;
  // Of a pipeline that stops the job of a stage: its work is done, and may be all that is kept of
  // the stage, so it is tried once, however early this comes. What a user kills must not appear at
  // the user's paths, or replace anything there, by a try that begins after the answer.
  bool after_one_try = false;
};

}  // namespace quern::mr
