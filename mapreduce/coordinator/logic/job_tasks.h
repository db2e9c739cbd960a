// The tasks and attempts of one job, and which attempt was chosen for each task.
//
// Invariants (Validate checks them):
//  - a task is done exactly when one attempt of it is chosen;
//  - a task waits exactly when it is not done and no attempt of it runs;
//  - attempts of a task are numbered 0, 1, 2, ... and never reused, so each has its own directory.
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
};

// Whose fault a failure was.
enum class Fault {
  kUserCode,
  kUserCodeForGood,  // no other attempt could do better
  kEnvironment,
};

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
  // The bounds are known: maps may start.
  void ReleaseMaps() { maps_released_ = true; }
  // Every task that leaves output of the job is done.
  bool AllDone() const;

  // Starts a new attempt of a task; returns its number.
  uint32_t Start(TaskKind kind, uint32_t task, WorkerKey worker, Locality locality, absl::Time now);
  // True when the attempt is now the chosen one of its task. Also for one that was given up before
  // (its worker was silent for a while), as long as no other was chosen: the work is not wasted.
  bool Succeed(TaskKind kind, uint32_t task, uint32_t number, absl::Time now);
  // These do nothing unless the attempt runs. Fail returns true when the task has failed too often.
  bool Fail(TaskKind kind, uint32_t task, uint32_t number, Fault fault, absl::Time now);
  void Kill(TaskKind kind, uint32_t task, uint32_t number, absl::Time now);
  // The chosen output of a map task is gone: the task waits again.
  void Lose(uint32_t map_task);

  absl::Status Validate() const;

  // Environment failures of one task that end the job: the cluster does not get over it by itself.
  static constexpr uint32_t kMaxEnvironmentFailures = 20;

 private:
  struct Task {
    uint32_t newest = Attempt::kNone;  // index into attempts
    uint32_t chosen = Attempt::kNone;
    uint16_t attempts = 0;
    uint16_t running = 0;
    uint16_t failures = 0;
    uint16_t environment_failures = 0;
  };
  struct TaskList {
    std::vector<Task> tasks;
    std::vector<Attempt> attempts;
    LocalityQueue queue;
    TaskCounts counts;
  };

  const TaskList& list(TaskKind kind) const { return lists_[static_cast<size_t>(kind)]; }
  TaskList& list(TaskKind kind) { return lists_[static_cast<size_t>(kind)]; }
  bool MapsMostlyDone() const;
  Attempt* FindMutable(TaskKind kind, uint32_t task, uint32_t number);
  void StopRunning(TaskList* tasks, Attempt* attempt, AttemptState state, absl::Time now);
  void WaitIfIdle(TaskList* tasks, uint32_t task);
  static absl::Status ValidateList(const TaskList& tasks);

  const std::string user_;
  const uint32_t max_failures_;
  bool maps_released_;
  std::array<TaskList, kTaskKinds> lists_;
};

}  // namespace quern::mr
