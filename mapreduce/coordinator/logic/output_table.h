// Where the map outputs of one job lie, as a log that only grows: an output that was made again, or
// whose worker has moved, gets a new entry, and the older one of that task counts no longer.
//
// Every worker that reduces reads the log once, in pieces, however many reduces it runs: so telling
// costs O(maps x workers) numbers of a few bytes, and a piece is the same for all who are at the
// same point. No locks.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/logic/ids.h"

namespace quern::mr {

// A directory of a worker, at the address that the worker had then.
struct OutputHolder {
  WorkerKey worker;
  std::string address;
  std::string node;
  std::string directory;
  auto operator<=>(const OutputHolder&) const = default;
};

class OutputTable {
 public:
  struct Entry {
    uint32_t map_task = 0;
    uint32_t attempt = 0;
    uint32_t holder = 0;
  };
  // What a reader at `from` has to hear to be at `to`: entries that still count, and the holders
  // that it may not have heard of (by their numbers, which are indexes into holders()).
  struct Piece {
    uint64_t from = 0;
    uint64_t to = 0;
    std::vector<Entry> entries;
    std::vector<uint32_t> new_holders;
  };

  void Add(uint32_t map_task, uint32_t attempt, const OutputHolder& holder);
  // Grows with every Add.
  uint64_t version() const { return entries_.size(); }
  // At most max_entries of the log. A reader beyond its end begins anew.
  Piece Read(uint64_t from, size_t max_entries) const;
  const std::vector<OutputHolder>& holders() const { return holders_; }

 private:
  std::vector<Entry> entries_;
  std::vector<uint64_t> newest_;  // by map task: its last entry
  std::vector<OutputHolder> holders_;
  std::vector<uint64_t> holder_since_;  // the first entry of each
  std::map<OutputHolder, uint32_t> numbers_;
};

// Readers that have asked for news, and when they get them: at once when they are far behind, and
// all together in intervals that grow with their number, so that telling never fills the machine.
class OutputReaders {
 public:
  static constexpr size_t kPieceEntries = 8'192;

  struct Reader {
    WorkerKey worker;
    uint64_t from = 0;
  };

  // `version` is the table's at this moment.
  void Want(WorkerKey worker, uint64_t from, uint64_t version);
  void Remove(WorkerKey worker) { waiting_.erase(worker); }
  // Takes out those that are to be answered now. `final`: there will be no more entries for now, so
  // that waiting for company makes no sense.
  std::vector<Reader> TakeDue(uint64_t version, bool final, absl::Time now);
  // When TakeDue may give more for this version.
  absl::Time NextDue(uint64_t version) const {
    return HasNews(version) ? told_ + Interval() : absl::InfiniteFuture();
  }
  bool empty() const { return waiting_.empty(); }

 private:
  absl::Duration Interval() const;
  // Some reader may wait for less than the whole table.
  bool HasNews(uint64_t version) const {
    return !waiting_.empty() && (behind_ || version != told_version_);
  }

  std::map<WorkerKey, uint64_t> waiting_;
  std::set<WorkerKey> urgent_;  // far behind
  bool behind_ = false;         // somebody asked who had not read everything
  uint64_t told_version_ = 0;
  absl::Time told_ = absl::InfinitePast();
};

}  // namespace quern::mr
