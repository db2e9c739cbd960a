// gather_runs [MAPS]: what a reducer pays for fetching from so many map tasks, each of which has
// one record for it. Prints seconds of processor time: of the reducer's thread, and of the process,
// which is also the worker that serves them.
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

#include "mapreduce/task/shuffle.h"
#include "tests/mapreduce/task/tiny_outputs.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

double CpuSeconds(clockid_t of) {
  timespec time{};
  clock_gettime(of, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void Run(uint32_t maps) {
  const TempDir dir;
  const TinyOutputs worker(dir.path());
  TaskProgress progress{Clock::Real()};
  ShuffleOptions options;
  options.job_id = "job-x";
  options.map_tasks = maps;
  options.scratch_dir = dir.path();
  options.memory_bytes = 256 << 20;
  options.progress = &progress;
  uint32_t reports = 0;
  MapOutputFeed feed([&](uint32_t, uint32_t, const std::string&) { ++reports; });
  const double began = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
  const double process_began = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
  for (uint32_t task = 0; task < maps; ++task) feed.Add(worker.Output(task));
  const double fed = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
  const auto runs = GatherRuns(options, &feed);
  if (!runs.ok() || runs->size() != maps || reports != 0) std::abort();
  fmt::print(
      "{} map outputs: fed in {:.2f} s, gathered in {:.2f} s of the reducer's thread, {:.2f} s of "
      "the process; {} streams\n",
      maps, fed - began, CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - fed,
      CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - process_began, worker.streams.load());
}

}  // namespace
}  // namespace quern::mr

int main(int argc, char** argv) {
  quern::mr::Run(argc > 1 ? static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 200'000);
  return 0;
}
