#include "master/store/memory_metadata_store.h"

namespace quern::master {
namespace {

// Reads what `rows()` returns: always the same state for a snapshot, the newest one otherwise.
class MemoryReader : public RowReader {
 public:
  using Rows = MemoryMetadataStore::Rows;
  explicit MemoryReader(std::function<std::shared_ptr<const Rows>()> rows)
      : rows_(std::move(rows)) {}

  std::optional<std::string> Get(Table table, std::string_view key) const override {
    const auto rows = rows_();
    const auto& map = (*rows)[static_cast<size_t>(table)];
    const auto found = map.find(key);
    if (found == map.end()) return std::nullopt;
    return found->second;
  }
  void Scan(Table table, std::string_view from, std::string_view to,
            const Visit& visit) const override {
    const auto rows = rows_();
    const auto& map = (*rows)[static_cast<size_t>(table)];
    for (auto it = map.lower_bound(from); it != map.end(); ++it) {
      if (!to.empty() && it->first >= to) return;
      if (!visit(it->first, it->second)) return;
    }
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const std::function<std::shared_ptr<const Rows>()> rows_;
};

}  // namespace

MemoryMetadataStore::MemoryMetadataStore() : rows_(std::make_shared<Rows>()) {}

std::shared_ptr<const MemoryMetadataStore::Rows> MemoryMetadataStore::rows() const {
  MutexLock lock(&mutex_);
  return rows_;
}

absl::Status MemoryMetadataStore::Write(const WriteSet& changes) {
  MutexLock lock(&mutex_);
  if (rows_.use_count() > 1) rows_ = std::make_shared<Rows>(*rows_);
  for (size_t table = 0; table < kTableCount; ++table) {
    for (const auto& [key, value] : changes.rows[table]) {
      if (value.has_value()) {
        (*rows_)[table][key] = *value;
      } else {
        (*rows_)[table].erase(key);
      }
    }
  }
  for (const auto& entry : changes.log) log_[entry.index] = entry.record;
  log_.erase(log_.begin(), log_.lower_bound(changes.log_begin));
  return absl::OkStatus();
}

std::unique_ptr<RowReader> MemoryMetadataStore::Snapshot() const {
  return std::make_unique<MemoryReader>([rows = rows()] { return rows; });
}

std::unique_ptr<RowReader> MemoryMetadataStore::Latest() const {
  return std::make_unique<MemoryReader>([this] { return rows(); });
}

absl::StatusOr<std::vector<WriteSet::LogEntry>> MemoryMetadataStore::ReadLog(uint64_t index) const {
  MutexLock lock(&mutex_);
  std::vector<WriteSet::LogEntry> entries;
  for (auto it = log_.lower_bound(index); it != log_.end(); ++it) {
    entries.push_back({it->first, it->second});
  }
  return entries;
}

absl::StatusOr<DiskSpace> MemoryMetadataStore::Space() const {
  MutexLock lock(&mutex_);
  return space_;
}

void MemoryMetadataStore::SetSpace(const DiskSpace& space) {
  MutexLock lock(&mutex_);
  space_ = space;
}

}  // namespace quern::master
