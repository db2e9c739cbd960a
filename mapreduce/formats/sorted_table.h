// Reads one part of a sorted table: lookups and scans (docs/formats/sorted-table.md).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// Goes through records in the order of their keys. Used by one thread; must not outlive its table.
class TableCursor {
 public:
  ~TableCursor();
  // To the first record whose key is not below `key`. False when there is none, or on an error.
  bool Seek(std::string_view key);
  bool Next();
  const absl::Status& status() const { return status_; }
  // Of the present record, valid until the next move.
  std::string_view key() const;
  std::string_view value() const;

 private:
  friend class SortedTable;
  struct Impl;
  explicit TableCursor(std::unique_ptr<Impl> impl);
  bool CheckPlace();

  const std::unique_ptr<Impl> impl_;
  absl::Status status_;
};

// Lookups may come from several threads.
class SortedTable {
 public:
  // An empty file is a table without records. DataLoss when it is no table.
  static absl::StatusOr<std::unique_ptr<SortedTable>> Open(std::unique_ptr<ReadableFile> file);
  // The same of a file that is borrowed.
  static absl::StatusOr<std::unique_ptr<SortedTable>> Open(ReadableFile* file);
  ~SortedTable();

  // Sets *value; false when no record has this key. Reads a block of records at most, and none for
  // a key beyond the last one.
  absl::StatusOr<bool> Get(std::string_view key, std::string* value) const;
  std::unique_ptr<TableCursor> NewCursor() const;

 private:
  struct Impl;
  explicit SortedTable(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace quern::mr
