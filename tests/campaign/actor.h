// A user of the file system who never rests: puts, overwrites, reads, renames, removes, in a
// directory of its own, and writes down in its ledger what it was told.
//
// Some of its changes go out by hand and are sent again much later, as a network may do: they must
// have no second effect.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/file_system.h"
#include "common/mutex.h"
#include "common/random.h"
#include "common/thread.h"
#include "tests/campaign/ledger.h"

namespace quern::campaign {

class LateRequests;

// Its own thread acts between Resume and Pause; everything else belongs to the thread that owns it.
class Actor {
 public:
  Actor(const std::string& name, const std::string& master, uint64_t seed);
  ~Actor();

  void Resume();
  // Returns when the operation under way has ended.
  void Pause();
  // Paused: compares the ledger with everything that is there, every byte read.
  void Observe();

  uint64_t operations() const { return operations_; }
  uint64_t unknown_outcomes() const { return unknown_; }
  // What must not have happened, since the last call; with the operations before it.
  std::vector<std::string> TakeViolations();

 private:
  using Change = std::function<bool(Tree*)>;

  void Run();
  void Step();
  void Put();
  void PutSmall();
  void Read();
  void MakeDir();
  void Move();
  void Remove();
  void SetReplication();
  void ActLate();
  // One of the master's own answers to a change that should be possible.
  void Finish(const std::string& what, const absl::Status& status, const Change& change);
  void Violation(std::string what);
  // Takes note of what an operation came to, for whoever has to find out about a violation.
  void Note(const std::string& what, const absl::Status& status);
  absl::StatusOr<Entry> ReadFile(const std::string& path);
  absl::Status LookAt(const std::string& directory, Tree* seen);

  // A name from a small pool, so that names are used again.
  std::string NewPath();
  std::string AnyDirectory();
  std::optional<std::string> AnyFile();
  std::optional<std::string> AnyEntry();
  uint64_t Below(uint64_t n) { return random_() % n; }

  const std::string root_;
  Random random_;
  const std::unique_ptr<client::FileSystem> fs_;
  const std::unique_ptr<LateRequests> late_;
  Ledger ledger_;
  std::atomic<uint64_t> operations_ = 0;
  std::atomic<uint64_t> unknown_ = 0;

  Mutex mutex_;
  CondVar changed_;
  enum class State { kPaused, kActing, kPausing, kEnding };
  State state_ ABSL_GUARDED_BY(mutex_) = State::kPaused;
  std::vector<std::string> violations_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> lately_ ABSL_GUARDED_BY(mutex_);  // with their times
  Thread thread_;
};

}  // namespace quern::campaign
