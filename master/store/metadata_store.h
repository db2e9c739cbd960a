// The master's durable rows and log.
//
// One Write is atomic and durable when it returns OK; after a failed one nothing may be assumed and
// the process must end. Readers never block writers. Thread-safe; one thread writes at a time.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/storage/file_io.h"
#include "common/strings.h"
#include "master/logic/rows.h"

namespace quern::master {

// New contents of rows (no value: deleted), at most one per key, and entries of the log.
struct WriteSet {
  std::array<StringMap<std::optional<std::string>>, kTableCount> rows;
  struct LogEntry {
    uint64_t index = 0;
    std::string record;
  };
  std::vector<LogEntry> log;
  // Log entries below are dropped.
  uint64_t log_begin = 0;
};

class MetadataStore {
 public:
  virtual ~MetadataStore() = default;

  virtual absl::Status Write(const WriteSet& changes) = 0;
  // The state after the last Write, unchanged by later ones. Must not outlive the store.
  virtual std::unique_ptr<RowReader> Snapshot() const = 0;
  // The newest state at every single read; cheaper.
  virtual std::unique_ptr<RowReader> Latest() const = 0;
  // Of the disk that it is on.
  virtual absl::StatusOr<DiskSpace> Space() const = 0;
  // Holds space back for when that disk is full, where it has been needed, or there was none.
  virtual void TakeReserve() const {}
  // Log entries from `index` on, in order.
  virtual absl::StatusOr<std::vector<WriteSet::LogEntry>> ReadLog(uint64_t index) const = 0;
};

}  // namespace quern::master
