// The one road of every change: decide -> make durable -> apply -> answer.
//
// A decision runs under the decision lock, on a state that already contains the records on their
// way to the disk, so it is short and never waits for the disk. Its record joins the batch that is
// being collected. One thread writes batch after batch, each with one synced write (group commit),
// hands the records on in the order of their indices, and only then lets the callers be answered,
// by another thread, while the next batch is on its way to the disk.
// Changes of one call are collected whole (Together): the first of them does not go to the disk
// alone, with the others waiting for its sync.
// A failed write ends the process: nobody can say what is on the disk, and a restart finds out.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/notification.h"
#include "common/status.h"
#include "common/task_thread.h"
#include "common/thread.h"
#include "master/logic/metadata_view.h"
#include "master/logic/outcome.h"
#include "master/logic/request_results.h"
#include "master/service/overlay.h"
#include "master/store/metadata_store.h"

namespace quern::master {

// Thread-safe.
class Committer {
 public:
  // What to do about the state: a record, nothing (no record), or an error.
  using Decide =
      std::function<absl::StatusOr<std::optional<pb::LogRecord>>(const MetadataView& view)>;
  // Told of each record after it is durable, in order, by the committing thread.
  using Applied = std::function<void(const pb::LogRecord& record)>;

  // Replays what the log has beyond the rows. The store must be formatted and outlive this.
  static absl::StatusOr<std::unique_ptr<Committer>> Start(MetadataStore* store, Clock* clock,
                                                          Applied applied);
  // Finishes what was begun.
  ~Committer();

  // Makes one change. Returns when the record is durable and applied; also "nothing" and errors are
  // only returned when everything they were based on is durable.
  absl::Status Commit(const Decide& decide);
  // The same without waiting: `then` is called once, by the caller or by the thread that answers;
  // it must not block.
  using Then = std::function<void(const absl::Status& status)>;
  void CommitLater(const Decide& decide, const Then& then);

  // From now on nothing is decided: `why` is the answer to everything that is not answered already.
  // What was decided before still becomes durable.
  void Halt(const absl::Status& why);
  void Resume() { Halt(absl::OkStatus()); }
  // The disk is nearly full: unless OK, only records that are taken even then (disk_room.h) are
  // decided on, others fail with this.
  void SetFull(const absl::Status& full);
  absl::Status full();
  // Commit of a record whose index shall be at least `index`, also while halted.
  absl::Status CommitAt(uint64_t index, const Decide& decide);

  // Makes several changes, each for itself, and waits for the disk once. The first error, if any.
  absl::Status CommitAll(std::span<const Decide> decisions);

  // What is decided while one lives becomes durable together, up to kMaxTogether records. Blocking
  // calls (Commit) do not wait for its end, and end it for what was collected so far.
  class Together;

  // The calling thread is going to wait for what is collected: it is written at once, whatever else
  // is being decided together.
  void Hurry();

  // For a mutating request: the answer, decided once. A repeated request gets the first answer.
  // That it was refused, or that there was nothing to do, is logged too before it is said, except
  // for errors after which the client tries again and those that do not depend on the state.
  template <typename Response, typename DecideRequest>
  absl::StatusOr<Response> Answer(const pb::RequestHeader& header, DecideRequest decide);
  // The same without waiting: `respond` is called once with the answer, by the caller or by the
  // thread that answers; it must not block.
  template <typename Response, typename DecideRequest>
  void AnswerLater(const pb::RequestHeader& header, DecideRequest decide,
                   std::function<void(absl::StatusOr<Response>)> respond);

  // A consistent state of what is durable.
  std::unique_ptr<RowReader> Snapshot() const { return store_->Snapshot(); }
  // Index of the last durable record: what orders carry.
  uint64_t committed_index() const { return committed_.load(std::memory_order_acquire); }
  // True when the answer to this request is held (it need not be decided again).
  bool HoldsAnswer(const pb::RequestHeader& header);

 private:
  // Records that become durable together, and what is to happen then.
  struct Batch {
    std::vector<pb::LogRecord> records;
    uint64_t last_index = 0;
    std::vector<std::function<void()>> then;  // in the order of the decisions
  };
  using DecideBytes = std::function<absl::StatusOr<std::optional<pb::LogRecord>>(
      const MetadataView& view, std::string* response)>;
  using RespondBytes = std::function<void(absl::StatusOr<std::string> response)>;

  static constexpr size_t kMaxTogether = 256;

  Committer(MetadataStore* store, Clock* clock, Applied applied);
  absl::Status Recover();
  absl::Status DecideAndEnqueue(const Decide& decide) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CommitDecided(const Decide& decide, uint64_t index, bool even_if_halted, const Then& then);
  // Waits until what `begin` began calls its argument; the status it is called with.
  absl::Status Await(const std::function<void(const Then& then)>& begin);
  void AnswerBytes(const pb::RequestHeader& header, const DecideBytes& decide,
                   RespondBytes respond);
  // Looks up or decides. `response` is the answer when OK.
  absl::Status FindOrDecide(const pb::RequestHeader& header, const DecideBytes& decide,
                            std::string* response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Adds a decided record to the batch that is being collected.
  void Enqueue(const pb::RequestHeader* header, std::string_view response, pb::LogRecord record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // OK when there is a place on the disk for the record, if there is one.
  absl::Status CheckRoom(const absl::StatusOr<std::optional<pb::LogRecord>>& record) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetSilentClients() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Where to wait until everything decided so far is durable; null when it is.
  Batch* Pending() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What is collected is written now if somebody's answer waits for it.
  void WriteIfAwaited();
  // There are records, and no reason to wait for more.
  bool IsTimeToFlush() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();
  void Flush(const WriteSet& changes, const Batch& batch);

  MetadataStore* const store_;
  Clock* const clock_;
  const Applied applied_;
  std::atomic<uint64_t> committed_{0};

  // The decision lock.
  Mutex mutex_;
  CondVar work_;
  Overlay overlay_ ABSL_GUARDED_BY(mutex_);
  RequestResults results_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_index_ ABSL_GUARDED_BY(mutex_) = 1;
  std::unique_ptr<Batch> filling_ ABSL_GUARDED_BY(mutex_) = std::make_unique<Batch>();
  int together_ ABSL_GUARDED_BY(mutex_) = 0;      // Together objects that live
  bool awaited_ ABSL_GUARDED_BY(mutex_) = false;  // what is collected, by a blocked thread
  std::unique_ptr<Batch> flushing_ ABSL_GUARDED_BY(mutex_);
  absl::Status halted_ ABSL_GUARDED_BY(mutex_);
  absl::Status full_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  TaskThread answering_{"answers"};
  Thread thread_;
};

class Committer::Together {
 public:
  explicit Together(Committer* committer) : committer_(committer) {
    MutexLock lock(&committer_->mutex_);
    ++committer_->together_;
  }
  ~Together() {
    {
      MutexLock lock(&committer_->mutex_);
      --committer_->together_;
    }
    committer_->work_.Signal();  // it wakes with the lock free
  }
  Together(const Together&) = delete;
  Together& operator=(const Together&) = delete;

 private:
  Committer* const committer_;
};

template <typename Response, typename DecideRequest>
void Committer::AnswerLater(const pb::RequestHeader& header, DecideRequest decide,
                            std::function<void(absl::StatusOr<Response>)> respond) {
  AnswerBytes(
      header,
      [&](const MetadataView& view,
          std::string* response) -> absl::StatusOr<std::optional<pb::LogRecord>> {
        absl::StatusOr<Outcome<Response>> outcome = decide(view);
        if (!outcome.ok()) return outcome.status();
        *response = outcome->response.SerializeAsString();
        return std::move(outcome->record);
      },
      [respond = std::move(respond), id = header.request_id()](absl::StatusOr<std::string> bytes) {
        if (!bytes.ok()) return respond(bytes.status());
        Response response;
        if (response.ParseFromString(*bytes)) return respond(std::move(response));
        respond(
            InvalidArgumentError("request id {} was used for another kind of request before", id));
      });
}

template <typename Response, typename DecideRequest>
absl::StatusOr<Response> Committer::Answer(const pb::RequestHeader& header, DecideRequest decide) {
  Notification answered;
  absl::StatusOr<Response> answer;
  AnswerLater<Response>(header, std::move(decide), [&](absl::StatusOr<Response> response) {
    answer = std::move(response);
    answered.Notify();
  });
  Hurry();
  answered.Wait();
  return answer;
}

}  // namespace quern::master
