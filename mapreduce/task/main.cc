// quern-task: runs user code, for a worker (one attempt at a time) or for a whole job on this
// machine.
#include <getopt.h>

#include <csignal>
#include <optional>
#include <string>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/periodic_thread.h"
#include "common/version.h"
#include "mapreduce/task/guard.h"
#include "mapreduce/task/held_descriptors.h"
#include "mapreduce/task/leftovers.h"
#include "mapreduce/task/lent_memory.h"
#include "mapreduce/task/local_runner.h"
#include "mapreduce/task/worker_session.h"

namespace quern::mr {
namespace {

constexpr char kHelp[] =
    "Usage: quern-task --local SPEC_FILE [--threads N] [--master HOST:PORT]\n"
    "       quern-task --debug FILE [--threads N] [--master HOST:PORT]\n"
    "       quern-task --worker_fd N\n"
    "Runs user code. Started by quern-worker, `mr run --local` and `mr debug`.\n\n"
    "  --local SPEC_FILE  run the whole job of this serialized JobSpec in this process\n"
    "  --local_pipeline F the same of a whole pipeline, a serialized PipelineSpec\n"
    "  --debug FILE       run one task once more, of this serialized DebugRun (mr debug)\n"
    "  --tasks LIST       with --local: only these tasks, such as m-0,r-2\n"
    "  --check            end the process when user code keeps what it was only lent\n"
    "  --quiet            say nothing of what succeeds, but warnings\n"
    "  --json             say how it ended as one JSON object on stdout\n"
    "  --threads N        map and reduce tasks at once (default: the number of cores)\n"
    "  --master LIST      where the file system is (else QUERN_MASTER)\n"
    "  --worker_fd N      serve the worker at the other end of this socket\n"
    "  --no_namespaces    hold user code without them, as where they are not permitted\n\n"
    "Example: mr run --local wordcount file:///etc/services file:///tmp/counts\n";

// Received pieces of data are allocated and freed all the time.
constexpr size_t kKeptBytes = 16 << 20;
constexpr absl::Duration kLookInterval = absl::Milliseconds(200);
constexpr int64_t kMaxFd = 1 << 20;
constexpr int64_t kMaxThreads = 1000;

// The value of the flag that getopt has just found.
template <typename T>
bool Number(std::string_view flag, NumberRange range, T* target) {
  const auto number = ParseNumber(optarg, range);
  if (number.ok()) {
    *target = static_cast<T>(*number);
  } else {
    Err().Print(ErrorLine("quern-task", Annotate(number.status(), flag)));
  }
  return number.ok();
}

int RunWatched(const LocalOptions& local) {
  // A task that waits for what comes through a descriptor that is gone would wait for ever.
  const PeriodicThread watch("descriptors", kLookInterval, [&] { local.held->EndIfCutOff(); });
  if (!local.spec_file.empty()) return RunLocal(local);
  return local.pipeline_file.empty() ? RunDebug(local) : RunLocalPipeline(local);
}

int RunHere(LocalOptions local) {
  // What the engine logs while it reads is about what counters and warnings tell at the end.
  if (local.quiet || local.json) SetLogLevel(LogLevel::kError);
  Leftovers leftovers;
  const FaultNote fault;
  HeldDescriptors held;
  held.Add(kClosedNotes, leftovers.fd());
  held.Add(kClosedNotes, fault.fd());
  if (IsTraced()) held.SpeakForItself();
  local.leftovers = &leftovers;
  local.fault = &fault;
  local.held = &held;
  // Whoever started a single task removes what that leaves.
  if (local.debug_file.empty()) {
    const absl::Time started = local.clock->TimeNow();
    GoOnInChild([&](const ExitStatus& exit) {
      // Who has read what it prints may be gone, and it cleans up all the same.
      std::signal(SIGPIPE, SIG_IGN);
      // Before what it has left goes, which says where it was.
      const std::optional<int> code = DescribeCutShort(local, started, exit);
      RemoveLeftovers(local);
      return code;
    });
  }
  KeepFreedMemory(kKeptBytes);
  const bool adopts = AdoptOrphans();
  held.WatchAborts();
  const int code = RunWatched(local);
  if (adopts) EndDescendants(Isolation::kProcessTree);
  leftovers.Clear();
  return code;
}

int Main(int argc, char** argv) {
  const option flags[] = {{"worker_fd", required_argument, nullptr, 'w'},
                          {"local", required_argument, nullptr, 'l'},
                          {"threads", required_argument, nullptr, 't'},
                          {"master", required_argument, nullptr, 'm'},
                          {"local_pipeline", required_argument, nullptr, 'p'},
                          {"debug", required_argument, nullptr, 'd'},
                          {"tasks", required_argument, nullptr, 'T'},
                          {"check", no_argument, nullptr, 'c'},
                          {"quiet", no_argument, nullptr, 'q'},
                          {"json", no_argument, nullptr, 'j'},
                          {"no_namespaces", no_argument, nullptr, 'n'},
                          {"help", no_argument, nullptr, 'h'},
                          {"version", no_argument, nullptr, 'v'},
                          {nullptr, 0, nullptr, 0}};
  int worker_fd = -1;
  Isolation wish = Isolation::kNamespaces;
  LocalOptions local;
  for (int flag = 0; (flag = getopt_long(argc, argv, "", flags, nullptr)) != -1;) {
    if (flag == 'w' && !Number("--worker_fd", {0, kMaxFd}, &worker_fd)) return kExitUsage;
    if (flag == 'n') wish = Isolation::kProcessTree;
    if (flag == 'l') local.spec_file = optarg;
    if (flag == 't' && !Number("--threads", {1, kMaxThreads}, &local.threads)) return kExitUsage;
    if (flag == 'p') local.pipeline_file = optarg;
    if (flag == 'd') local.debug_file = optarg;
    if (flag == 'T') local.tasks = optarg;
    if (flag == 'c') local.check = true;
    if (flag == 'q') local.quiet = true;
    if (flag == 'j') local.json = true;
    if (flag == 'm') local.master = optarg;
    if (flag == 'h') return Out().Print(kHelp), kExitOk;
    if (flag == 'v') return Out().Format("quern-task {}\n", VersionString()), kExitOk;
    if (flag == '?') return kExitUsage;
  }
  if (!local.spec_file.empty() || !local.pipeline_file.empty() || !local.debug_file.empty()) {
    return RunHere(local);
  }
  if (worker_fd >= 0) {
    const Isolation isolation = EnterGuard(worker_fd, wish);
    KeepFreedMemory(kKeptBytes);
    WorkerSession(UniqueFd(worker_fd), isolation).Run();
    return kExitOk;
  }
  Err().Print(
      "quern-task: needs --local, --local_pipeline, --debug or --worker_fd. Try: quern-task "
      "--help\n");
  return kExitUsage;
}

}  // namespace
}  // namespace quern::mr

int main(int argc, char** argv) {
  quern::ClaimStandardStreams();
  return quern::EndOutput("quern-task", quern::mr::Main(argc, argv));
}
