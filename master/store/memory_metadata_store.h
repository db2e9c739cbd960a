// The in-memory twin of RocksMetadataStore, for tests and simulations.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "master/store/metadata_store.h"

namespace quern::master {

// Copies itself when a snapshot is held during a write: meant for small states.
class MemoryMetadataStore : public MetadataStore {
 public:
  MemoryMetadataStore();
  absl::Status Write(const WriteSet& changes) override;
  std::unique_ptr<RowReader> Snapshot() const override;
  std::unique_ptr<RowReader> Latest() const override;
  absl::StatusOr<DiskSpace> Space() const override;
  absl::StatusOr<std::vector<WriteSet::LogEntry>> ReadLog(uint64_t index) const override;
  // What Space answers from now on.
  void SetSpace(const DiskSpace& space);

  using Rows = std::array<std::map<std::string, std::string, std::less<>>, kTableCount>;
  std::shared_ptr<const Rows> rows() const;

 private:
  mutable Mutex mutex_;
  std::shared_ptr<Rows> rows_ ABSL_GUARDED_BY(mutex_);
  DiskSpace space_ ABSL_GUARDED_BY(mutex_) = {.capacity_bytes = uint64_t{1} << 40,
                                              .free_bytes = uint64_t{1} << 40};
  std::map<uint64_t, std::string> log_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::master
