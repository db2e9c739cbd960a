// Which record a task is working on, in a page of a file that the worker can still read after the
// task has crashed, was killed or hangs (MapReduce 2004, section 4.6).
//
// The task maps the file `record` of its scratch directory and stores a position before each
// record: one plain store, no system call. The kernel keeps the page when the process dies.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"

namespace quern::mr {

// What the task is doing while the position stands.
enum class RecordPhase : uint32_t {
  kNone = 0,       // nothing of the user's
  kMap = 1,        // Map; position = the record's offset in the source
  kCombine = 2,    // the combiner, or a fold, over records that came before
  kReduce = 3,     // Reduce; position = number of the key, from 0
  kCallback = 4,   // Start or Finish
  kPartition = 5,  // the partitioner, over records that came before
  kReading = 6,    // nothing of the user's; position = of the record before
};

// Descriptors that a task needs and user code is to leave alone: bits.
enum ClosedDescriptor : uint32_t {
  kClosedConnection = 1,  // to the worker
  kClosedStdout = 2,
  kClosedStderr = 4,
  kClosedNotes = 8,  // what a run on one machine writes down for the process that waits for it
};

struct RecordPosition {
  RecordPhase phase = RecordPhase::kNone;
  uint64_t position = 0;
  uint32_t piece = 0;  // of the split
  std::string source;  // path of the input file; empty for a reducer
  // What user code has closed, so that the task ended itself: bits of ClosedDescriptor.
  uint32_t closed = 0;
};

class RecordPositionWriter {
 public:
  // Makes or clears the file.
  static absl::StatusOr<std::unique_ptr<RecordPositionWriter>> Create(const std::string& path);
  // A page that nobody else sees, for runs within one process.
  static std::unique_ptr<RecordPositionWriter> Private();
  ~RecordPositionWriter();
  RecordPositionWriter(const RecordPositionWriter&) = delete;
  RecordPositionWriter& operator=(const RecordPositionWriter&) = delete;

  // The path is cut to what fits in the page.
  void SetSource(std::string_view source, uint32_t piece = 0);
  void SetPosition(uint64_t position) {
    page_->position.store(position, std::memory_order_relaxed);
  }
  void SetPhase(RecordPhase phase) {
    page_->phase.store(static_cast<uint32_t>(phase), std::memory_order_relaxed);
  }
  // In signal handlers as well.
  void SetClosed(uint32_t closed) { page_->closed.store(closed, std::memory_order_relaxed); }
  RecordPhase phase() const {
    return static_cast<RecordPhase>(page_->phase.load(std::memory_order_relaxed));
  }
  RecordPosition Get() const;

  struct Page {
    std::atomic<uint32_t> phase;
    std::atomic<uint32_t> source_size;
    std::atomic<uint64_t> position;
    std::atomic<uint32_t> piece;
    std::atomic<uint32_t> closed;
    char source[4096 - 24];
  };

 private:
  explicit RecordPositionWriter(Page* page) : page_(page) {}
  Page* const page_;  // a mapping of its own
};

// Something else that goes on for as long as this lives, also when it throws.
class PhaseGuard {
 public:
  // Null: nobody is told.
  PhaseGuard(RecordPositionWriter* position, RecordPhase phase) : position_(position) {
    if (position_ == nullptr) return;
    before_ = position_->phase();
    position_->SetPhase(phase);
  }
  ~PhaseGuard() {
    if (position_ != nullptr) position_->SetPhase(before_);
  }
  PhaseGuard(const PhaseGuard&) = delete;
  PhaseGuard& operator=(const PhaseGuard&) = delete;

 private:
  RecordPositionWriter* const position_;
  RecordPhase before_ = RecordPhase::kNone;
};

// What the task left in the file. Bytes are not trusted: a torn or foreign page gives kNone.
absl::StatusOr<RecordPosition> ReadRecordPosition(const std::string& path);

}  // namespace quern::mr
