#include "mapreduce/cli/watch.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/cli/interrupt_watch.h"
#include "mapreduce/plan/status_json.h"

namespace quern::mr {
namespace {

constexpr absl::Duration kLineInterval = absl::Seconds(10);

// The progress of one job on stderr.
class JobProgress {
 public:
  JobProgress(bool quiet, Clock* clock)
      : quiet_(quiet),
        clock_(*clock),
        terminal_(isatty(STDERR_FILENO) == 1 && std::getenv("TERM") != nullptr) {}

  void Show(const pb::JobStatus& status) {
    if (quiet_) return;
    const absl::Time now = clock_.MonotonicNow();
    if (terminal_) {
      std::string line = ProgressLine(status);
      winsize size{};
      if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) {
        line = CleanLine(line, size.ws_col - 1u);
      }
      Err().Write(fmt::format("\r\x1b[K{}", line)).IgnoreError();
      drawn_ = true;
    } else if (now - shown_ >= kLineInterval) {
      // The first line after ten seconds: a short job leaves only its outcome.
      if (shown_ != absl::InfinitePast()) Err().Format("{}\n", ProgressLine(status));
      shown_ = now;
    }
  }
  void Clear() {
    if (drawn_) Err().Write("\r\x1b[K").IgnoreError();
    drawn_ = false;
  }

 private:
  const bool quiet_;
  Clock& clock_;
  const bool terminal_;
  bool drawn_ = false;
  absl::Time shown_ = absl::InfinitePast();
};

absl::StatusOr<int> AskWhatNow(CoordinatorClient* client, const std::string& job_id) {
  if (isatty(STDIN_FILENO) == 1) {
    Err().Format("\n{}: [d]etach and let it run, or [k]ill it? ", job_id);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer.starts_with('k')) {
      ASSIGN_OR_RETURN(const pb::JobStatus job, client->Kill(job_id, "interrupted by its user"));
      Err().Format("{}: {}\n", job_id, KillText(job));
      return kExitInterrupted;
    }
  }
  Err().Format("{}: goes on without you. Try: mr watch {}, or mr kill {}\n", job_id, job_id,
               job_id);
  return kExitInterrupted;
}

int ShowEnd(const Session& session, const pb::JobStatus& status, Success success) {
  const bool succeeded = status.state() == pb::JOB_STATE_SUCCEEDED;
  if (session.json) Out().Format("{}\n", JobEndJson(status).ToString());
  const bool silent = session.quiet || success == Success::kSilent;
  if (!session.json && silent && succeeded) {
    const std::string warning = WarningLine(status);
    if (!warning.empty()) Err().Format("{}\n", warning);
  } else if (const std::string none = NoAnswerLine(status);
             !session.json && success == Success::kSilent && !none.empty()) {
    Err().Format("mr run: {}\n", none);
  } else if (!session.json) {
    Err().Format("{}\n", EndLine(status, session.clock->TimeNow()));
    Err().Print(succeeded ? CounterText(status, false) : FailureText(status));
  }
  return succeeded ? kExitOk : kExitFailed;
}

}  // namespace

absl::StatusOr<int> WatchToTheEnd(Session* session, const std::string& job_id, Success success) {
  ASSIGN_OR_RETURN(CoordinatorClient * client, session->coordinator());
  JobProgress progress(session->quiet || session->json, session->clock);
  absl::StatusOr<pb::JobStatus> end;
  bool interrupted = false;
  {
    InterruptWatch interrupt(client);
    end = client->Watch(job_id, [&](const pb::JobStatus& status) {
      if (!HasEnded(status)) progress.Show(status);
    });
    interrupted = interrupt.interrupted();
  }
  progress.Clear();
  if (interrupted && !end.ok()) return AskWhatNow(client, job_id);
  if (!end.ok()) return end.status();
  return ShowEnd(*session, *end, success);
}

}  // namespace quern::mr
