// A server that answers queries over HTTP.
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/http_server.h"
#include "common/log.h"
#include "common/periodic_thread.h"
#include "common/version.h"
#include "jobs/search/cli/commands.h"
#include "jobs/search/serving/live_index.h"
#include "jobs/search/serving/search_pages.h"
#include "jobs/search/serving/work_pool.h"

namespace quern::search {
namespace {

constexpr absl::Duration kLookEvery = absl::Seconds(2);
// After failures it looks less often, up to every so many rounds.
constexpr int kMaxRoundsBetween = 32;

// Exchanges the index when its manifest has changed.
class Refresher {
 public:
  explicit Refresher(LiveIndex* index)
      : index_(index), thread_("refresh", kLookEvery, [this] { Round(); }) {}

  void Refresh() {
    const absl::StatusOr<bool> changed = index_->Refresh();
    if (!changed.ok()) {
      // Once, until it works again.
      if (!failing_.exchange(true)) LogWarning("index_not_read", {{"status", changed.status()}});
      return;
    }
    failing_ = false;
    if (!*changed) return;
    const auto now = index_->current();
    LogInfo("index_changed", {{"generation", now->manifest().generation},
                              {"documents", now->documents()},
                              {"segments", now->segments().size()}});
  }

 private:
  void Round() {
    if (--rounds_left_ > 0) return;
    Refresh();
    rounds_between_ = failing_ ? std::min(2 * rounds_between_, kMaxRoundsBetween) : 1;
    rounds_left_ = rounds_between_;
  }

  LiveIndex* const index_;
  std::atomic<bool> failing_{false};
  int rounds_between_ = 1;
  int rounds_left_ = 0;
  PeriodicThread thread_;
};

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

// SIGTERM or SIGINT; SIGHUP is answered meanwhile.
int WaitForEnd(const sigset_t& signals, const std::function<void()>& on_hangup) {
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) on_hangup();
  return signal;
}

// Whether WaitForEnd would return, for whoever is busy before it is called or within it.
bool EndIsPending() {
  sigset_t pending;
  return sigpending(&pending) == 0 &&
         (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

int ExitCodeOf(int signal) { return signal == SIGINT ? kExitInterrupted : kExitOk; }

class Serve final : public Command {
 public:
  void Define(CommandLine* line) override {
    line->Arguments(&arguments_, 1, 1);
    line->Value("--http", "HOST:PORT", &http_, "where to listen (127.0.0.1:9600; port 0: any)");
    line->Number("--threads", "N", &threads_, {1, 256},
                 "segments of a query that are searched at once (2)");
    line->Switch("--insecure_network", &insecure_network_,
                 "allow to listen beyond loopback: the network is private");
    line->Value("--master", "HOST:PORT,...", &master_,
                "where the file system is (else QUERN_MASTER, the config file, 127.0.0.1:9400)");
  }

  absl::StatusOr<int> Run() override {
    // Blocked before the first thread is made, so that sigwait is the only receiver.
    const sigset_t signals = Signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::atomic<bool> stopping{false};
    const auto is_stopping = [&] { return stopping || EndIsPending(); };
    auto files = OpenIndexFiles(arguments_[0], {.master = master_, .stopping = is_stopping});
    if (!files.ok()) return UsageError(Message(files.status()));
    const auto opened = LiveIndex::Open(*std::move(files));
    // Of a call that was cancelled for another reason nobody will send a signal.
    if (absl::IsCancelled(opened.status()) && EndIsPending()) {
      return ExitCodeOf(WaitForEnd(signals, [] {}));
    }
    RETURN_IF_ERROR(opened.status());
    const std::unique_ptr<LiveIndex>& index = *opened;
    Metrics metrics;
    WorkPool pool(static_cast<size_t>(threads_) - 1);
    SearchPages pages({.index = index.get(),
                       .pool = &pool,
                       .metrics = &metrics,
                       .name = "quern-search " + arguments_[0]});
    HttpOptions options{.listen = http_, .insecure_network = insecure_network_};
    options.metrics = &metrics;
    auto server = HttpServer::Start(options, {}, pages.Routes());
    if (absl::IsInvalidArgument(server.status())) return UsageError(Message(server.status()));
    RETURN_IF_ERROR(server.status());
    Refresher refresher(index.get());
    LogInfo("server_ready", {{"role", "search"},
                             {"http", (*server)->address()},
                             {"index", arguments_[0]},
                             {"documents", index->current()->documents()}});
    Out().Format("READY role=search http={}\n", (*server)->address());
    if (const absl::Status said = Out().Flush(); !said.ok()) {
      LogWarning("ready_line_lost", {{"status", said}});
    }
    const int signal = WaitForEnd(signals, [&] { refresher.Refresh(); });
    stopping = true;
    LogInfo("server_stopping", {{"role", "search"}, {"signal", signal}});
    (*server)->Shutdown();
    return ExitCodeOf(signal);
  }

 private:
  std::vector<std::string> arguments_;
  std::string http_ = "127.0.0.1:9600";
  int64_t threads_ = 2;
  bool insecure_network_ = false;
  std::string master_;
};

}  // namespace

CommandSpec ServeCommand() {
  return {.name = "serve",
          .aliases = {},
          .usage = "[--http HOST:PORT] [--threads N] INDEX",
          .summary = "a page with a search box, and GET /search?q=...&k=10 as JSON",
          .examples = {"quern-search serve /index",
                       "quern-search serve file:///tmp/index --http 127.0.0.1:0"},
          .make = [] { return std::make_unique<Serve>(); }};
}

}  // namespace quern::search
