#include "master/service/committer.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "common/clock.h"
#include "common/log.h"
#include "master/logic/disk_room.h"
#include "master/logic/record_applier.h"

namespace quern::master {
namespace {

// Entries of the log that are kept behind the applied index, and how often the rest is dropped.
constexpr uint64_t kLogTail = 100'000;
constexpr uint64_t kTrimEvery = 4096;
// Answers held for clients that never said they had arrived.
constexpr size_t kMaxHeldAnswers = 200'000;

// Another state would have led to another answer, and the client does not ask again.
bool IsWorthRemembering(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
      return true;
    default:
      return false;
  }
}

pb::LogRecord NothingChanged(const absl::Status& status) {
  pb::LogRecord record;
  record.mutable_change_nothing()->set_code(static_cast<int32_t>(status.code()));
  record.mutable_change_nothing()->set_message(std::string(Message(status)));
  return record;
}

[[noreturn]] void Die(std::string_view event, const absl::Status& status) {
  LogError(event, {{"status", status}, {"action", "the master ends; a restart recovers"}});
  std::_Exit(1);
}

}  // namespace

Committer::Committer(MetadataStore* store, Clock* clock, Applied applied)
    : store_(store), clock_(clock), applied_(std::move(applied)), results_(kMaxHeldAnswers) {}

absl::StatusOr<std::unique_ptr<Committer>> Committer::Start(MetadataStore* store, Clock* clock,
                                                            Applied applied) {
  auto committer = std::unique_ptr<Committer>(new Committer(store, clock, std::move(applied)));
  RETURN_IF_ERROR(committer->Recover());
  committer->thread_ = Thread("committer", [c = committer.get()] { c->Run(); });
  return committer;
}

absl::Status Committer::Recover() {
  MutexLock lock(&mutex_);
  overlay_.ReadFrom(store_->Latest());
  const MetadataView view(overlay_);
  const uint64_t applied = view.Meta().applied_index();
  ASSIGN_OR_RETURN(const auto entries, store_->ReadLog(applied + 1));
  uint64_t last = applied;
  for (const auto& entry : entries) {
    pb::LogRecord record;
    if (!record.ParseFromString(entry.record)) {
      return DataLossError("log record {} cannot be read", entry.index);
    }
    RETURN_IF_ERROR(RecordApplier(view, &overlay_).Apply(entry.index, record));
    last = entry.index;
  }
  if (last != applied) {
    RETURN_IF_ERROR(store_->Write(overlay_.StartFlush()));
    overlay_.Flushed();
  }
  view.ForEachRequest([&](uint64_t client, uint64_t request, const pb::RequestRow& row)
                          ABSL_NO_THREAD_SAFETY_ANALYSIS {
                            results_.Add(client, request, row.log_index());
                            results_.Heard(client, row.lowest_outstanding(), row.log_index());
                          });
  next_index_ = last + 1;
  committed_ = last;
  return view.status();
}

Committer::~Committer() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    work_.SignalAll();
  }
  thread_.Join();
}

Committer::Batch* Committer::Pending() {
  return filling_->records.empty() ? flushing_.get() : filling_.get();
}

void Committer::Halt(const absl::Status& why) {
  MutexLock lock(&mutex_);
  halted_ = why;
}

void Committer::SetFull(const absl::Status& full) {
  MutexLock lock(&mutex_);
  full_ = full;
}

absl::Status Committer::full() {
  MutexLock lock(&mutex_);
  return full_;
}

absl::Status Committer::CheckRoom(
    const absl::StatusOr<std::optional<pb::LogRecord>>& record) const {
  const bool taken = !record.ok() || !record->has_value() || TakenWhenFull(**record);
  return taken ? absl::OkStatus() : full_;
}

absl::Status Committer::Commit(const Decide& decide) {
  return Await([&](const Then& then) { CommitDecided(decide, 0, false, then); });
}

absl::Status Committer::CommitAt(uint64_t index, const Decide& decide) {
  return Await([&](const Then& then) { CommitDecided(decide, index, true, then); });
}

void Committer::CommitLater(const Decide& decide, const Then& then) {
  CommitDecided(decide, 0, false, then);
}

absl::Status Committer::Await(const std::function<void(const Then& then)>& begin) {
  Notification durable;
  absl::Status result;
  begin([&](const absl::Status& status) {
    result = status;
    durable.Notify();
  });
  Hurry();
  durable.Wait();
  return result;
}

absl::Status Committer::DecideAndEnqueue(const Decide& decide) {
  overlay_.ReadFrom(store_->Latest());
  const MetadataView view(overlay_);
  absl::StatusOr<std::optional<pb::LogRecord>> record = decide(view);
  RETURN_IF_ERROR(view.status());
  RETURN_IF_ERROR(record.status());
  RETURN_IF_ERROR(CheckRoom(record));
  if (record->has_value()) Enqueue(nullptr, "", **std::move(record));
  return absl::OkStatus();
}

void Committer::CommitDecided(const Decide& decide, uint64_t index, bool even_if_halted,
                              const Then& then) {
  absl::Status result;
  {
    MutexLock lock(&mutex_);
    Batch* batch = nullptr;
    if (halted_.ok() || even_if_halted) {
      next_index_ = std::max(next_index_, index);
      result = DecideAndEnqueue(decide);
      batch = Pending();
    } else {
      result = halted_;
    }
    if (batch != nullptr) {
      batch->then.emplace_back([then, result] { then(result); });
      return;
    }
  }
  then(result);
}

absl::Status Committer::CommitAll(std::span<const Decide> decisions) {
  Notification durable;
  absl::Status first;
  {
    const Together together(this);
    for (const Decide& decide : decisions) {
      {
        MutexLock lock(&mutex_);
        if (first.ok()) first = halted_;
        if (!halted_.ok()) break;
        const uint64_t next = next_index_;
        const absl::Status status = DecideAndEnqueue(decide);
        if (first.ok()) first = status;
        if (next_index_ == next) continue;
      }
      // Who waits for the lock is asleep, and would find it taken again when it has woken up.
      GiveWay();
      WriteIfAwaited();
    }
  }
  {
    MutexLock lock(&mutex_);
    Batch* batch = Pending();
    if (batch == nullptr) return first;
    batch->then.emplace_back([&durable] { durable.Notify(); });
  }
  Hurry();
  durable.Wait();
  return first;
}

void Committer::AnswerBytes(const pb::RequestHeader& header, const DecideBytes& decide,
                            RespondBytes respond) {
  if (header.client_id() == 0) {
    respond(InvalidArgumentError("the request carries no client id"));
    return;
  }
  if (header.request_id() < header.lowest_outstanding()) {
    respond(InvalidArgumentError("request {} says that its client waits for none below {}",
                                 header.request_id(), header.lowest_outstanding()));
    return;
  }
  absl::StatusOr<std::string> answer = std::string();
  {
    MutexLock lock(&mutex_);
    const absl::Status status = FindOrDecide(header, decide, &*answer);
    if (!status.ok()) answer = status;
    if (Batch* batch = Pending(); batch != nullptr) {
      batch->then.emplace_back(
          [respond = std::move(respond), answer = std::move(answer)] { respond(answer); });
      return;
    }
  }
  respond(std::move(answer));
}

absl::Status Committer::FindOrDecide(const pb::RequestHeader& header, const DecideBytes& decide,
                                     std::string* response) {
  overlay_.ReadFrom(store_->Latest());
  const MetadataView view(overlay_);
  if (results_.Holds(header.client_id(), header.request_id())) {
    const pb::RequestRow row =
        view.Request(header.client_id(), header.request_id()).value_or(pb::RequestRow());
    RETURN_IF_ERROR(view.status());
    *response = row.response();
    return MakeStatus(static_cast<absl::StatusCode>(row.code()), row.message());
  }
  if (results_.IsStale(header.client_id(), header.request_id())) {
    return FailedPreconditionError(
        "request {} comes too late: its client has long stopped waiting for it. Nothing was "
        "changed",
        header.request_id());
  }
  RETURN_IF_ERROR(halted_);
  absl::StatusOr<std::optional<pb::LogRecord>> record = decide(view, response);
  RETURN_IF_ERROR(view.status());
  RETURN_IF_ERROR(CheckRoom(record));
  results_.Heard(header.client_id(), header.lowest_outstanding(), next_index_);
  if (results_.clients() > kMaxHeldAnswers + kTrimEvery) ForgetSilentClients();
  if (record.ok() && record->has_value()) {
    Enqueue(&header, *response, std::move(**record));
  } else if (IsWorthRemembering(record.status())) {
    Enqueue(&header, *response, NothingChanged(record.status()));
  }
  return record.status();
}

bool Committer::HoldsAnswer(const pb::RequestHeader& header) {
  MutexLock lock(&mutex_);
  return results_.Holds(header.client_id(), header.request_id());
}

void Committer::Enqueue(const pb::RequestHeader* header, std::string_view response,
                        pb::LogRecord record) {
  const uint64_t index = next_index_++;
  record.set_time_ms(absl::ToUnixMillis(clock_->TimeNow()));
  if (header != nullptr) {
    record.set_client_id(header->client_id());
    record.set_request_id(header->request_id());
    record.set_response(std::string(response));
    record.set_lowest_outstanding(header->lowest_outstanding());
    for (const uint64_t id : results_.TakeArrived(header->client_id())) {
      record.add_forgotten_requests(id);
    }
    results_.Add(header->client_id(), header->request_id(), index);
  }
  const MetadataView view(overlay_);
  const absl::Status status = RecordApplier(view, &overlay_).Apply(index, record);
  if (!status.ok()) Die("record_not_applicable", status);
  overlay_.filling().log.push_back({index, record.SerializeAsString()});
  filling_->records.push_back(std::move(record));
  filling_->last_index = index;
  if (IsTimeToFlush()) work_.Signal();
  if (index % kTrimEvery != 0) return;
  if (index > kLogTail) overlay_.filling().log_begin = index - kLogTail;
  ForgetSilentClients();
}

void Committer::ForgetSilentClients() {
  pb::LogRecord record;
  for (const auto& [client, request] : results_.TakeOverLimit()) {
    auto* forgotten = record.mutable_forget_requests()->add_requests();
    forgotten->set_client_id(client);
    forgotten->set_request_id(request);
  }
  if (record.has_forget_requests()) Enqueue(nullptr, "", std::move(record));
}

void Committer::Hurry() {
  {
    MutexLock lock(&mutex_);
    awaited_ = !filling_->records.empty();
  }
  work_.Signal();
}

void Committer::WriteIfAwaited() {
  MutexLock lock(&mutex_);
  if (filling_->then.empty()) return;
  awaited_ = true;
  work_.Signal();
}

bool Committer::IsTimeToFlush() {
  if (filling_->records.empty()) return false;
  return together_ == 0 || awaited_ || filling_->records.size() >= kMaxTogether || stopping_;
}

void Committer::Run() {
  while (true) {
    const Batch* batch = nullptr;
    const WriteSet* changes = nullptr;
    {
      MutexLock lock(&mutex_);
      while (!IsTimeToFlush() && !stopping_) work_.Wait(&mutex_);
      if (filling_->records.empty()) return;
      awaited_ = false;
      flushing_ = std::exchange(filling_, std::make_unique<Batch>());
      batch = flushing_.get();
      changes = &overlay_.StartFlush();
    }
    Flush(*changes, *batch);
    std::unique_ptr<Batch> flushed;
    {
      MutexLock lock(&mutex_);
      overlay_.Flushed();
      flushed = std::move(flushing_);
    }
    answering_.Add([then = std::move(flushed->then)] {
      for (const auto& answer : then) answer();
    });
  }
}

void Committer::Flush(const WriteSet& changes, const Batch& batch) {
  const absl::Status status = store_->Write(changes);
  if (!status.ok()) Die("metadata_write_failed", status);
  committed_.store(batch.last_index, std::memory_order_release);
  for (const pb::LogRecord& record : batch.records) applied_(record);
}

}  // namespace quern::master
