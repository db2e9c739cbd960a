// Which map outputs to ask of which worker next.
//
// An output is unknown until it is announced, then ready; it is asked for in a batch of its worker;
// after that it is done, or fails and waits before it is ready again. Every step costs O(log n) in
// the number of outputs, so that a reducer over 200,000 maps is busy with data and not with lists.
// No clock, no RPC: `now` is passed in. Used by one thread.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace quern::mr {

class FetchQueue {
 public:
  struct Options {
    size_t max_batches = 4;  // under way at once, of different workers
    size_t batch_outputs = 1000;
    absl::Duration first_pause = absl::Milliseconds(100);
    absl::Duration longest_pause = absl::Seconds(5);
  };
  FetchQueue(uint32_t outputs, Options options) : options_(options), outputs_(outputs) {}

  // The output can be had at `address`, perhaps another one than before: earlier failures are
  // forgotten. One that is asked for at this moment stays so until its batch lets go of it.
  void Announce(uint32_t output, const std::string& address);

  struct Batch {
    std::string address;
    std::vector<uint32_t> outputs;
  };
  // A batch to ask for now; none when there is nothing ready, or enough is under way. It counts as
  // under way until EndBatch.
  std::optional<Batch> NextBatch(absl::Time now);
  void EndBatch(const std::string& address);

  // The batch is through with this output and it is here: it is never asked for again.
  void Done(uint32_t output);
  // The batch is through with it, and it came to nothing. Returns how often in a row; it waits
  // longer each time.
  int Failed(uint32_t output, absl::Time now);
  // The batch is through with an attempt that is no longer wanted: ready at once.
  void Release(uint32_t output);

  // When the next waiting output becomes ready.
  absl::Time next_retry() const {
    return waiting_.empty() ? absl::InfiniteFuture() : waiting_.top().first;
  }
  size_t batches() const { return batches_; }
  bool done(uint32_t output) const { return outputs_[output].state == State::kDone; }
  // Entries of its lists that were taken up so far: what all calls together have cost.
  uint64_t steps() const { return steps_; }

 private:
  enum class State : uint8_t { kUnknown, kReady, kAsked, kWaiting, kDone };
  struct Output {
    State state = State::kUnknown;
    uint32_t failures = 0;
    uint32_t worker = 0;   // index into workers_
    uint32_t version = 0;  // of its place in a list: older entries are dropped when they come up
  };
  struct Entry {
    uint32_t output;
    uint32_t version;
  };
  struct Worker {
    std::string address;
    std::deque<Entry> ready;
    bool asked = false;
    bool listed = false;  // in turn_
  };

  uint32_t WorkerOf(const std::string& address);
  void MakeReady(uint32_t output);
  void ListIfFree(uint32_t worker);
  bool IsCurrent(const Entry& entry) const {
    return outputs_[entry.output].state == State::kReady &&
           outputs_[entry.output].version == entry.version;
  }
  void WakeWaiting(absl::Time now);

  const Options options_;
  std::vector<Output> outputs_;
  std::vector<Worker> workers_;
  std::map<std::string, uint32_t> worker_by_address_;
  std::deque<uint32_t> turn_;  // workers that are not asked and may have something ready
  size_t batches_ = 0;
  uint64_t steps_ = 0;

  struct WakesLater {
    bool operator()(const std::pair<absl::Time, Entry>& a,
                    const std::pair<absl::Time, Entry>& b) const {
      return a.first > b.first;
    }
  };
  std::priority_queue<std::pair<absl::Time, Entry>, std::vector<std::pair<absl::Time, Entry>>,
                      WakesLater>
      waiting_;
};

}  // namespace quern::mr
