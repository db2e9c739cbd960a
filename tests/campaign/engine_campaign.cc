// engine_campaign: random jobs through every path of the engine against std::map, for as long as it
// is told to. Prints its seed; a round that differs ends it with the command that replays the
// round.
#include <fmt/core.h>
#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "common/clock.h"
#include "common/memory.h"
#include "common/random.h"
#include "tests/campaign/engine_round.h"

namespace quern::mr {
namespace {

constexpr char kHelp[] =
    "Usage: engine_campaign [--minutes N | --records N] [--seed S]\n"
    "       engine_campaign --round SEED\n\n"
    "  --minutes N   go on for so long (default: until 1,000,000 records)\n"
    "  --records N   go on until so many records have been through\n"
    "  --seed S      of the whole campaign (default: a new one)\n"
    "  --round SEED  one round, as a failure names it\n";

struct Options {
  double minutes = 0;
  uint64_t records = 1'000'000;
  uint64_t seed = RandomId() >> 32;
  uint64_t round = 0;
};

RoundOutcome RunRound(uint64_t seed) {
  try {
    return RunEngineRound(seed);
  } catch (const std::exception& error) {
    return {.records = 0, .shape = "", .difference = fmt::format("threw: {}", error.what())};
  }
}

int Report(uint64_t seed, const RoundOutcome& outcome, const char* program) {
  fmt::print("FAILED round {}: {}\n  {}\nreplay: {} --round {}\n", seed, outcome.difference,
             outcome.shape, program, seed);
  return 1;
}

int RunCampaign(const Options& options, const char* program) {
  fmt::print("engine campaign: seed {}\n", options.seed);
  std::fflush(stdout);
  const absl::Time start = Clock::Real()->MonotonicNow();
  absl::Time say = start + absl::Minutes(1);
  Random seeds(options.seed);
  uint64_t records = 0;
  uint64_t rounds = 0;
  const auto more = [&] {
    if (options.minutes == 0) return records < options.records;
    return Clock::Real()->MonotonicNow() - start < absl::Minutes(options.minutes);
  };
  while (more()) {
    const uint64_t seed = seeds() >> 16;
    const RoundOutcome outcome = RunRound(seed);
    if (!outcome.difference.empty()) return Report(seed, outcome, program);
    records += outcome.records;
    ++rounds;
    if (Clock::Real()->MonotonicNow() < say) continue;
    fmt::print("  {} rounds, {} records\n", rounds, records);
    std::fflush(stdout);
    say += absl::Minutes(1);
  }
  fmt::print("engine campaign: {} rounds, {} records, no difference\n", rounds, records);
  return 0;
}

int Main(int argc, char** argv) {
  const option flags[] = {
      {"minutes", required_argument, nullptr, 'm'}, {"records", required_argument, nullptr, 'n'},
      {"seed", required_argument, nullptr, 's'},    {"round", required_argument, nullptr, 'r'},
      {"help", no_argument, nullptr, 'h'},          {nullptr, 0, nullptr, 0}};
  Options options;
  for (int flag = 0; (flag = getopt_long(argc, argv, "", flags, nullptr)) != -1;) {
    if (flag == 'm') options.minutes = std::strtod(optarg, nullptr);
    if (flag == 'n') options.records = std::strtoull(optarg, nullptr, 10);
    if (flag == 's') options.seed = std::strtoull(optarg, nullptr, 10);
    if (flag == 'r') options.round = std::strtoull(optarg, nullptr, 10);
    if (flag == 'h') return fmt::print("{}", kHelp), 0;
    if (flag == '?') return 2;
  }
  KeepFreedMemory(16 << 20);
  if (options.round == 0) return RunCampaign(options, argv[0]);
  const RoundOutcome outcome = RunRound(options.round);
  if (!outcome.difference.empty()) return Report(options.round, outcome, argv[0]);
  fmt::print("round {}: {} records, no difference\n  {}\n", options.round, outcome.records,
             outcome.shape);
  return 0;
}

}  // namespace
}  // namespace quern::mr

int main(int argc, char** argv) { return quern::mr::Main(argc, argv); }
