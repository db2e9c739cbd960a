// How long a chunkserver may be silent before it counts as failed: a machine that is paused or cut
// off breaks no connection, and neither does a slow link, over which one message takes seconds.
//
// The answer is `silence`, which is enough where no bytes are under way, and what the bytes that
// are awaited take on the link. AwaitedBytes knows of all streams of a client in one direction how
// many those are and how fast they come; StreamWait is one stream's part in it: it measures, and
// says how long this stream may wait. What follows from it, for messages of up to 1 MiB:
//   - a server that answers is not given up while the link brings what all streams wait for at the
//     speed that was measured, or at half of it. Nothing is measured before the first answers: then
//     512 KiB/s are expected, and should that have been too much, 64 KiB/s at the second try;
//   - one that is silent is given up after `silence` and a few times what the awaited bytes take on
//     the link, which is nothing on a fast one; before anything was measured, after `silence` and
//     two seconds for each waiting stream;
//   - when all are silent, one try of a stream waits for the slowest link, the others do not; and
//     where the link is known that one waits for this stream's bytes only, which is 16 s;
//   - more than `silence` and two minutes are never waited.
#pragma once

#include <absl/time/time.h>

#include <atomic>
#include <cstdint>

#include "common/mutex.h"

namespace quern::client {

// `silence`, and what `awaited_bytes` take at a speed, but no more than two minutes.
absl::Duration AllowedSilence(absl::Duration silence, uint64_t awaited_bytes,
                              double bytes_per_second);

// For how long to wait at once, of what is left: others may begin to wait or measure meanwhile, so
// whoever waits long looks again now and then; and the less patience, the sooner.
absl::Duration UntilNextLook(absl::Duration left, absl::Duration silence);

// Bytes that the streams of a client wait for at the moment, those that it reads or those that it
// writes: they may share one link, on which each waits for those of the others. Of a stream only
// those up to its next answer. Thread-safe.
class AwaitedBytes {
 public:
  // Counts as long as it lives.
  class Share {
   public:
    Share(AwaitedBytes* all, uint64_t bytes) : all_(all), bytes_(bytes) { all_->total_ += bytes_; }
    ~Share() { all_->total_ -= bytes_; }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    AwaitedBytes* const all_;
    const uint64_t bytes_;
  };

  uint64_t total() const { return total_; }

  // What may be expected of the link: half of what it did lately, so that a server which falls
  // silent on a fast one is noticed as soon as ever.
  double bytes_per_second() const { return bytes_per_second_; }
  static constexpr double kLowest = 64 << 10;  // that is worth waiting for

 private:
  friend class StreamWait;

  // What the link did at least while somebody waited for it.
  struct Measurement {
    double bytes_per_second = 0;
    // Nothing else kept the bytes away: they came no faster since the link did not bring them.
    bool is_all = false;
    // They came so late that more was expected of the link than it can do.
    bool is_late = false;
  };
  void Measured(const Measurement& measurement);

  static constexpr double kUnknown = 512 << 10;

  std::atomic<uint64_t> total_ = 0;
  std::atomic<double> bytes_per_second_ = kUnknown;
  std::atomic<uint64_t> brought_ = 0;       // bytes that streams had to wait for, since ever
  std::atomic<uint64_t> measurements_ = 0;  // number of
  std::atomic<bool> is_known_ = false;      // the link's speed, from measurements of all it can do
  // Somebody waited for the slowest link, in vain, and nothing has come to anybody since.
  std::atomic<bool> silent_ = false;
  Mutex mutex_;
  double best_ ABSL_GUARDED_BY(mutex_) = 0;  // of late
};

// One stream's waits for its server, which may be another one after a failure. Used by one thread.
//
// Speed is bytes by time, in a window that begins when nothing can have been under way unseen: with
// the request, or with a wait that was long enough to show that nothing was there. What arrived
// while nobody looked is taken at the speed of memory afterwards, but its time counts as well. Of
// what others got, pieces that were nearly there when the window began count whole: the result may
// be twice what the link did, which is why half of it is expected.
class StreamWait {
 public:
  StreamWait(AwaitedBytes* all, absl::Duration silence) : all_(all), silence_(silence) {}

  // A server was asked for bytes at `asked`, which is now or before.
  void Asked(absl::Time asked, absl::Time now);
  // It owes nothing at the moment.
  void Rest() { asked_ = waiting_ = false; }
  // Somebody waits for it from now on, if they did not before. To be called again as often as they
  // look, while the stream's Share lives.
  void Await(absl::Time now);
  struct Answer {
    uint64_t bytes = 0;
    bool waited_for_disk = false;  // perhaps
  };
  // What was waited for; the Share still lives.
  void Arrived(absl::Time now, const Answer& answer);
  // How long it may be silent while the stream waits for `own_bytes`. May become less or more when
  // others begin to wait or measure: see UntilNextLook.
  absl::Duration Allowed(uint64_t own_bytes) const;
  // It was silent for longer than that.
  void GaveUp();

  // After which those who wait ask again.
  static constexpr absl::Duration kAskAgain = absl::Seconds(1);

 private:
  AwaitedBytes* const all_;
  const absl::Duration silence_;
  bool asked_ = false;
  bool waiting_ = false;
  bool link_doubted_ = false;  // the last server was silent: the link may have become slow
  absl::Time since_;           // it waits, or did last
  absl::Time last_;            // arrival
  uint64_t most_awaited_ = 0;  // by all streams since then
  uint64_t brought_then_ = 0;  // to all, when the wait began
  uint64_t measurements_then_ = 0;

  absl::Time window_begin_;
  uint64_t window_brought_ = 0;  // to all, when it began
  uint64_t window_own_ = 0;      // bytes of this stream in it that are not among those
  absl::Duration window_away_;   // in which nobody waited for this stream
};

}  // namespace quern::client
