// What every campaign is told: for how long, and from which seed. The same seed makes the same
// choices; what the machine makes of them in time differs from run to run.
#pragma once

#include <absl/time/time.h>

#include <cstdint>

namespace quern::campaign {

struct Options {
  absl::Duration duration = absl::ZeroDuration();  // zero: one short round
  uint64_t seed = 1;
  uint64_t megabytes = 0;  // of data, where a campaign lets it be said; zero: as it thinks best
};

// Reads --minutes N, --seed S and --megabytes N and takes them out; exits with code 2 on anything
// else that is not GoogleTest's. Without --seed it is random.
void Parse(int* argc, char** argv);
const Options& Get();

}  // namespace quern::campaign
