#include "mapreduce/coordinator/logic/output_table.h"

#include <algorithm>

namespace quern::mr {
namespace {

constexpr absl::Duration kShortest = absl::Milliseconds(20);
constexpr absl::Duration kPerReader = absl::Microseconds(500);

}  // namespace

void OutputTable::Add(uint32_t map_task, uint32_t attempt, const OutputHolder& holder) {
  const auto [it, added] = numbers_.try_emplace(holder, static_cast<uint32_t>(holders_.size()));
  if (added) {
    holders_.push_back(holder);
    holder_since_.push_back(entries_.size());
  }
  if (newest_.size() <= map_task) newest_.resize(map_task + 1);
  newest_[map_task] = entries_.size();
  entries_.push_back({map_task, attempt, it->second});
}

OutputTable::Piece OutputTable::Read(uint64_t from, size_t max_entries) const {
  Piece piece;
  piece.from = from > version() ? 0 : from;
  piece.to = std::min<uint64_t>(version(), piece.from + max_entries);
  for (uint64_t i = piece.from; i < piece.to; ++i) {
    if (newest_[entries_[i].map_task] == i) piece.entries.push_back(entries_[i]);
  }
  const auto begin = std::lower_bound(holder_since_.begin(), holder_since_.end(), piece.from);
  const auto end = std::lower_bound(begin, holder_since_.end(), piece.to);
  for (auto it = begin; it != end; ++it) {
    piece.new_holders.push_back(static_cast<uint32_t>(it - holder_since_.begin()));
  }
  return piece;
}

absl::Duration OutputReaders::Interval() const {
  return std::max(kShortest, kPerReader * static_cast<int64_t>(waiting_.size()));
}

void OutputReaders::Want(WorkerKey worker, uint64_t from, uint64_t version) {
  waiting_[worker] = from;
  behind_ = behind_ || from != version;
  // One beyond the end knows a table that is no more.
  if (from > version || version - from >= kPieceEntries) urgent_.insert(worker);
}

std::vector<OutputReaders::Reader> OutputReaders::TakeDue(uint64_t version, bool final,
                                                          absl::Time now) {
  std::vector<Reader> due;
  if (HasNews(version) && (final || now >= told_ + Interval())) {
    for (const auto& [worker, from] : waiting_) {
      if (from != version) due.push_back({worker, from});
    }
    told_ = now;
    told_version_ = version;
    behind_ = false;
  } else {
    for (const WorkerKey worker : urgent_) {
      const auto it = waiting_.find(worker);
      if (it != waiting_.end() && it->second != version) due.push_back({worker, it->second});
    }
  }
  urgent_.clear();
  for (const Reader& reader : due) waiting_.erase(reader.worker);
  return due;
}

}  // namespace quern::mr
