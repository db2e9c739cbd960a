// The tasks and attempts of one job, and which attempt was chosen for each task.
//
// Invariants (Validate checks them):
//  - a task is done exactly when one attempt of it is chosen;
//  - a task waits exactly when it is not done and no attempt of it runs;
//  - no two attempts of a task have the same number, so each has its own directory. They count
//    from 0, and from the next thousand under each coordinator that takes the job over.
// Memory is O(maps + reduces), whatever their product. Decides nothing about workers; no locks.
#pragma once

#include <absl/time/time.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/logic/locality_queue.h"

namespace quern::mr {

enum class AttemptState : uint8_t { kRunning, kSucceeded, kFailed, kKilled, kLost };

struct Attempt {
  uint32_t task = 0;
  uint32_t number = 0;
  WorkerKey worker;
  AttemptState state = AttemptState::kRunning;
  Locality locality = Locality::kAny;
  absl::Time started;
  absl::Time finished = absl::InfiniteFuture();
  // The attempt before it of the same task: index into attempts(), or kNone.
  uint32_t previous = 0;
  // Lost because reducers could not fetch it: it stays so, whatever its worker says.
  bool unreachable = false;
  // Its worker died under it, as far as is known.
  bool worker_lost = false;
  static constexpr uint32_t kNone = UINT32_MAX;
};

struct JobPlan {
  std::string user;
  // Of the range partitioner; maps wait for ReleaseMaps when there are any.
  std::vector<TaskPlaces> samples;
  std::vector<TaskPlaces> maps;
  uint32_t reduces = 0;
  // Failed attempts of one task before the job fails.
  uint32_t max_failures = 4;
};

struct TaskCounts {
  uint32_t total = 0;
  uint32_t done = 0;
  uint32_t waiting = 0;
  uint32_t running_attempts = 0;
  uint32_t failed_attempts = 0;
  // Started attempts by Locality.
  std::array<uint32_t, 3> started{};
  // Times that a finished task had to run again.
  uint32_t reruns = 0;
  // Sum over the tasks of the furthest that any attempt has come, 0 to 1: it never falls.
  double progress = 0;
};

// Whose fault a failure was.
enum class Fault {
  kUserCode,
  kUserCodeForGood,  // no other attempt could do better
  // The second one in a record that is stepped over from now on: neither of the two counts.
  kBadRecord,
  kEnvironment,  // of something around it
  kWorker,       // its worker could not even start it
};

struct TaskFailures {
  uint32_t attempts = 0;
  uint32_t workers = 0;                       // that they ran on
  absl::Time since = absl::InfiniteFuture();  // the first of them
};

// Why an attempt was stopped that did not fail.
enum class Stop { kKilled, kWorkerLost };

// Why the output of a map is gone.
enum class Loss { kWorkerLost, kUnreachable };

class JobTasks {
 public:
  explicit JobTasks(JobPlan plan);

  const std::string& user() const { return user_; }
  const TaskCounts& counts(TaskKind kind) const { return list(kind).counts; }
  // In the order in which they started.
  const std::vector<Attempt>& attempts(TaskKind kind) const { return list(kind).attempts; }
  // Null when there is no such attempt.
  const Attempt* Find(TaskKind kind, uint32_t task, uint32_t number) const;
  // The chosen attempt; null while the task is not done.
  const Attempt* Chosen(TaskKind kind, uint32_t task) const;
  const Attempt* Newest(TaskKind kind, uint32_t task) const;
  // Attempts of a task that run.
  std::vector<uint32_t> RunningNumbers(TaskKind kind, uint32_t task) const;

  // Waiting tasks of a kind that may start now.
  LocalityQueue* Startable(TaskKind kind);
  // Until when better another worker tries: an attempt of the task failed on this one, or, for
  // good, its output could not be fetched from there.
  absl::Time AvoidsUntil(TaskKind kind, uint32_t task, WorkerKey worker) const;
  // A waiting task is not to start before: after so many environment failures it is tried once a
  // minute, however many workers there are.
  absl::Time RestsUntil(TaskKind kind, uint32_t task) const;
  // The failed attempts of a task that is not over them: it waits, or has begun again only just
  // now. None of any other.
  TaskFailures Retrying(TaskKind kind, uint32_t task, absl::Time now) const;
  // The bounds are known: maps may start.
  void ReleaseMaps() { maps_released_ = true; }
  // Every reduce is done, or every map of a job without reduces; and of every map it is known what
  // came of it. A map counts, and may have written named outputs, whether or not a reduce still
  // needs what it made.
  bool AllDone() const;

  // New attempts are numbered from here on at least.
  void SetFirstNumber(uint32_t number) { first_number_ = number; }
  // Starts a new attempt of a task; returns its number.
  uint32_t Start(TaskKind kind, uint32_t task, WorkerKey worker, Locality locality, absl::Time now);
  // An attempt that was started earlier. False when there is no such task, or it is known already.
  bool Restore(TaskKind kind, uint32_t task, uint32_t number, WorkerKey worker, Locality locality,
               absl::Time started);
  // How far an attempt has come, 0 to 1.
  void Progress(TaskKind kind, uint32_t task, double fraction);
  // True when the attempt is now the chosen one of its task. Also for one that was given up before
  // (its worker was silent for a while), as long as no other was chosen: the work is not wasted.
  // Not for one that could not be fetched.
  bool Succeed(TaskKind kind, uint32_t task, uint32_t number, absl::Time now);
  // These do nothing unless the attempt runs. True when that has happened to the task too often.
  bool Fail(TaskKind kind, uint32_t task, uint32_t number, Fault fault, absl::Time now);
  bool Kill(TaskKind kind, uint32_t task, uint32_t number, Stop why, absl::Time now);
  // The worker that was lost under it lives: that does not count. False when it did not count.
  bool TakeLossBack(TaskKind kind, uint32_t task, uint32_t number);
  // The chosen output of a map task is gone: the task waits again. True when its outputs could not
  // be fetched too often.
  bool Lose(uint32_t map_task, Loss why);

  absl::Status Validate() const;

  // Environment failures of one task in a row that end the job, when the first of them lies so far
  // back: the cluster does not get over it by itself. A disk that is full, say, has somebody look
  // at it within that time. Attempts that end in any other way begin anew; one that ran for a
  // while first forgets the ones that failed at once before it: the cluster had got over those.
  static constexpr uint32_t kMaxEnvironmentFailures = 20;
  static constexpr absl::Duration kEnvironmentPatience = absl::Hours(1);
  // Workers that died while they ran one task: it is the task that kills them.
  static constexpr uint32_t kMaxWorkerLosses = 4;
  // Outputs of one map that nobody could fetch, wherever it ran.
  static constexpr uint32_t kMaxUnreachable = 5;
  // Numbers of attempts that each coordinator has for itself.
  static constexpr uint32_t kNumbersPerTerm = 1'000;
  // So long after a failure another worker is preferred.
  static constexpr absl::Duration kRetryElsewhere = absl::Seconds(5);

 private:
  static constexpr absl::Duration kEnvironmentRest = absl::Minutes(1);
  // An attempt that has run for so long gets on.
  static constexpr absl::Duration kSettled = absl::Seconds(30);

  // Environment failures in a row.
  struct FailureRow {
    uint16_t count = 0;
    absl::Time since;  // the first of them
    void Add(absl::Time now) {
      if (count++ == 0) since = now;
    }
  };
  struct Task {
    uint32_t newest = Attempt::kNone;  // index into attempts
    uint32_t chosen = Attempt::kNone;
    uint32_t next_number = 0;
    float furthest = 0;
    uint16_t running = 0;
    uint16_t failures = 0;
    uint16_t worker_losses = 0;
    uint16_t unreachable = 0;
    bool known = false;  // what came of it, also when its output was lost later
    FailureRow around;
    FailureRow around_settled;  // of attempts that had run for a while
  };
  struct TaskList {
    std::vector<Task> tasks;
    std::vector<Attempt> attempts;
    LocalityQueue queue;
    TaskCounts counts;
    uint32_t known = 0;  // tasks
  };

  const TaskList& list(TaskKind kind) const { return lists_[static_cast<size_t>(kind)]; }
  TaskList& list(TaskKind kind) { return lists_[static_cast<size_t>(kind)]; }
  bool MapsMostlyDone() const;
  Attempt* FindMutable(TaskKind kind, uint32_t task, uint32_t number);
  // True when that was one too many.
  bool CountFailure(Task* t, const Attempt& attempt, Fault fault, absl::Time now) const;
  void StopRunning(TaskList* tasks, Attempt* attempt, AttemptState state, absl::Time now);
  void WaitIfIdle(TaskList* tasks, uint32_t task);
  void AddAttempt(TaskList* tasks, Attempt attempt);
  static void SetFurthest(TaskList* tasks, uint32_t task, double fraction);
  static absl::Status ValidateList(const TaskList& tasks);

  const std::string user_;
  const uint32_t max_failures_;
  uint32_t first_number_ = 0;
  bool maps_released_;
  std::array<TaskList, kTaskKinds> lists_;
};

}  // namespace quern::mr
