// A server that answers queries over HTTP.
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <iterator>
#include <memory>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/http_server.h"
#include "common/log.h"
#include "common/periodic_thread.h"
#include "common/version.h"
#include "jobs/search/cli/commands.h"
#include "jobs/search/serving/live_index.h"
#include "jobs/search/serving/part_front.h"
#include "jobs/search/serving/search_pages.h"
#include "jobs/search/serving/work_pool.h"

namespace quern::search {
namespace {

constexpr absl::Duration kLookEvery = absl::Seconds(2);
// After failures it looks less often, up to every so many rounds.
constexpr int kMaxRoundsBetween = 32;
// Of a front, to each of its servers.
constexpr size_t kCallsAtOnce = 8;

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

// What all servers have, whoever answers their queries.
struct ServerOptions {
  std::string http = "127.0.0.1:9600";
  bool insecure_network = false;
  std::string name;  // of what is served
};

// From its READY line to a signal; the exit code.
absl::StatusOr<int> ServePages(const ServerOptions& server_options, QueryAnswerer* answerer,
                               std::vector<HttpRoute> more, const sigset_t& signals,
                               const std::function<void()>& on_hangup) {
  Metrics metrics;
  SearchPages pages(
      {.answerer = answerer, .metrics = &metrics, .name = "quern-search " + server_options.name});
  HttpOptions options{.listen = server_options.http,
                      .insecure_network = server_options.insecure_network};
  options.metrics = &metrics;
  std::vector<HttpRoute> routes = pages.Routes();
  std::move(more.begin(), more.end(), std::back_inserter(routes));
  auto server = HttpServer::Start(options, {}, std::move(routes));
  if (absl::IsInvalidArgument(server.status())) return UsageError(Message(server.status()));
  RETURN_IF_ERROR(server.status());
  LogInfo("server_ready",
          {{"role", "search"}, {"http", (*server)->address()}, {"index", server_options.name}});
  Out().Format("READY role=search http={}\n", (*server)->address());
  if (const absl::Status said = Out().Flush(); !said.ok()) {
    LogWarning("ready_line_lost", {{"status", said}});
  }
  const int signal = WaitForEnd(signals, on_hangup);
  LogInfo("server_stopping", {{"role", "search"}, {"signal", signal}});
  (*server)->Shutdown();
  return ExitCodeOf(signal);
}

class Serve final : public Command {
 public:
  void Define(CommandLine* line) override {
    line->Arguments(&arguments_, 0, 1);
    line->Value("--http", "HOST:PORT", &server_.http,
                "where to listen (127.0.0.1:9600; port 0: any)");
    line->Number("--threads", "N", &threads_, {1, 256},
                 "segments of a query that are searched at once (2)");
    line->Value("--segments", "0-3,7,9-", &segments_,
                "only these segments, for a server that has --from");
    line->Value("--from", "URL,...", &from_,
                "instead of INDEX: answer from these servers, which have its segments");
    line->Value("--deadline", "TIME", &deadline_,
                "with --from: of a query; servers that have not answered are left out (2s)");
    line->Switch("--insecure_network", &server_.insecure_network,
                 "allow to listen beyond loopback: the network is private");
    line->Value("--master", "HOST:PORT,...", &master_,
                "where the file system is (else QUERN_MASTER, the config file, 127.0.0.1:9400)");
  }

  absl::StatusOr<int> Run() override {
    RETURN_IF_ERROR(CheckFlags());
    // Blocked before the first thread is made, so that sigwait is the only receiver.
    const sigset_t signals = Signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return from_.empty() ? ServeIndex(signals) : ServeFrom(signals);
  }

 private:
  absl::Status CheckFlags() const {
    if (arguments_.empty() == from_.empty()) {
      return UsageError("give either INDEX or --from URL,...");
    }
    if (!from_.empty() && !segments_.empty()) {
      return UsageError("--segments: is for those that --from names");
    }
    if (from_.empty() && !deadline_.empty()) return UsageError("--deadline: is for --from");
    return absl::OkStatus();
  }

  absl::StatusOr<int> ServeIndex(const sigset_t& signals) {
    SegmentChoice choice;
    if (!segments_.empty()) {
      const auto chosen = SegmentChoice::Parse(segments_);
      if (!chosen.ok()) return UsageError(fmt::format("--segments: {}", Message(chosen.status())));
      choice = *chosen;
    }
    std::atomic<bool> stopping{false};
    const auto is_stopping = [&] { return stopping || EndIsPending(); };
    auto files = OpenIndexFiles(arguments_[0], {.master = master_, .stopping = is_stopping});
    if (!files.ok()) return UsageError(Message(files.status()));
    const auto opened = LiveIndex::Open(*std::move(files), choice);
    // Of a call that was cancelled for another reason nobody will send a signal.
    if (absl::IsCancelled(opened.status()) && EndIsPending()) {
      return ExitCodeOf(WaitForEnd(signals, [] {}));
    }
    RETURN_IF_ERROR(opened.status());
    const std::unique_ptr<LiveIndex>& index = *opened;
    WorkPool pool(static_cast<size_t>(threads_) - 1);
    LocalAnswerer answerer(index.get(), &pool);
    Refresher refresher(index.get());
    const HttpRoute part = {
        .path = kPartPath,
        .handler = [&](const HttpRequest& request) -> HttpResponse {
          return {200, "application/x-protobuf", answerer.AskPart(request.body)};
        },
        .takes_body = true};
    server_.name = arguments_[0];
    absl::StatusOr<int> code =
        ServePages(server_, &answerer, {part}, signals, [&] { refresher.Refresh(); });
    stopping = true;
    return code;
  }

  absl::StatusOr<int> ServeFrom(const sigset_t& signals) {
    PartFrontOptions options;
    if (!deadline_.empty()) {
      const auto deadline = ParseDuration(deadline_);
      if (!deadline.ok())
        return UsageError(fmt::format("--deadline: {}", Message(deadline.status())));
      if (*deadline < absl::Milliseconds(1)) return UsageError("--deadline: is too short");
      options.deadline = *deadline;
    }
    std::vector<std::unique_ptr<PartConnection>> parts;
    for (const std::string& url : SplitList(from_)) {
      auto client = HttpClient::Create(url);
      if (!client.ok()) return UsageError(fmt::format("--from: {}", Message(client.status())));
      parts.push_back(std::make_unique<HttpPartConnection>(*std::move(client)));
    }
    if (parts.empty()) return UsageError("--from: names no server");
    // One that hangs holds a thread for a while, which others must not wait for.
    WorkPool pool(parts.size() * kCallsAtOnce);
    options.run_all = [&pool](size_t n, const std::function<void(size_t)>& work) {
      pool.RunAll(n, work);
    };
    PartFront front(std::move(parts), std::move(options));
    server_.name = "--from " + from_;
    return ServePages(server_, &front, {}, signals, [] {});
  }

  std::vector<std::string> arguments_;
  ServerOptions server_;
  int64_t threads_ = 2;
  std::string segments_;
  std::string from_;
  std::string deadline_;
  std::string master_;
};

}  // namespace

CommandSpec ServeCommand() {
  return {.name = "serve",
          .aliases = {},
          .usage = "[--http HOST:PORT] [--threads N] [--segments LIST] INDEX | --from URL,...",
          .summary = "a page with a search box, and GET /search?q=...&k=10 as JSON",
          .examples = {"quern-search serve /index",
                       "quern-search serve file:///tmp/index --http 127.0.0.1:0",
                       "quern-search serve /index --segments 0-3 --http 10.0.0.1:9600 "
                       "--insecure_network",
                       "quern-search serve --from http://10.0.0.1:9600,http://10.0.0.2:9600"},
          .make = [] { return std::make_unique<Serve>(); }};
}

}  // namespace quern::search
