// Tries to publish what jobs and pipelines have made until what becomes of it is decided: it has
// appeared, cannot appear, or was given up because somebody wanted it killed before it appeared.
//
// One that cannot be published now lets the others try before it tries again.
#pragma once

#include <absl/time/time.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/log.h"
#include "common/status.h"
#include "mapreduce/coordinator/service/wish_to_kill.h"
#include "mapreduce/coordinator/service/work_queue.h"

namespace quern::mr {

// The output of one job or pipeline. Used by one thread at a time.
class Publication {
 public:
  virtual ~Publication() = default;

  // Whose output it is, for the log.
  virtual LogField Name() const = 0;
  // That somebody wants it given up. Asked before each try.
  virtual std::optional<WishToKill> KillWish() = 0;
  // Both may be repeated, the second also after the first.
  virtual absl::Status Publish() = 0;
  // True: nothing has appeared, and nothing will. False: everything has.
  virtual absl::StatusOr<bool> Withdraw(const std::string& reason) = 0;
  // No wish is heard any more. Called before End, behind whose record none may be written.
  virtual void Settle() = 0;
  struct Outcome {
    absl::Status published;             // an error: why it cannot be
    std::optional<std::string> killed;  // why it was given up
  };
  virtual void End(const Outcome& outcome) = 0;
};

// Thread-safe.
class PublicationQueue {
 public:
  static constexpr int kThreads = 4;

  // `retry`: between two tries.
  explicit PublicationQueue(absl::Duration retry) : retry_(retry) {}

  // Once; `name` is that of its threads.
  void Start(const std::string& name);
  // Leaves what is not decided to the next start. Returns at once.
  void Stop() { queue_.Stop(); }
  // Stops, and waits for what is being done.
  void Shutdown() { queue_.Shutdown(); }

  void Add(std::unique_ptr<Publication> publication) { queue_.Add({std::move(publication)}); }

 private:
  struct Work {
    std::unique_ptr<Publication> publication;
    bool is_tried = false;
  };
  void Try(Work work);

  const absl::Duration retry_;
  WorkQueue<Work> queue_;
};

}  // namespace quern::mr
