#include "mapreduce/cli/table_parts.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "client/file_reader.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/plan/input_files.h"

namespace quern::mr {

namespace {

class OneRead final : public ByteStream {
 public:
  explicit OneRead(absl::StatusOr<std::string> bytes) : bytes_(std::move(bytes)) {}
  absl::StatusOr<std::string_view> Next() override {
    RETURN_IF_ERROR(bytes_.status());
    if (std::exchange(taken_, true)) return std::string_view();
    return std::string_view(*bytes_);
  }

 private:
  const absl::StatusOr<std::string> bytes_;
  bool taken_ = false;
};

// A file of the cluster; each stream is one read.
class ClusterFile final : public ReadableFile {
 public:
  explicit ClusterFile(std::unique_ptr<client::FileReader> reader) : reader_(std::move(reader)) {}
  uint64_t length() const override { return reader_->status().length; }
  std::unique_ptr<ByteStream> Stream(uint64_t offset, uint64_t length) override {
    return std::make_unique<OneRead>(Read(offset, length));
  }

 private:
  absl::StatusOr<std::string> Read(uint64_t offset, uint64_t length) {
    const uint64_t end = reader_->status().length;
    std::string bytes(std::min(length, end - std::min(offset, end)), '\0');
    ASSIGN_OR_RETURN(const size_t got, reader_->Pread(offset, bytes.size(), bytes.data()));
    bytes.resize(got);
    return bytes;
  }

  const std::unique_ptr<client::FileReader> reader_;
};

absl::StatusOr<std::unique_ptr<ReadableFile>> OpenFile(client::FileSystem* dfs,
                                                       const std::string& path) {
  if (IsLocalPath(path)) return MakeLocalStorage()->Open(path);
  ASSIGN_OR_RETURN(auto reader, dfs->Open(path));
  return std::make_unique<ClusterFile>(std::move(reader));
}

}  // namespace

absl::StatusOr<TableParts> TableParts::Find(client::FileSystem* dfs, const std::string& path) {
  pb::JobSpec::Input input;
  input.set_path(path);
  input.set_format("table");
  ASSIGN_OR_RETURN(const std::vector<InputFile> files, FindInputFiles(dfs, input, 0));
  TableParts parts;
  parts.dfs_ = dfs;
  for (const InputFile& file : files) parts.parts_.push_back({file.path, nullptr});
  return parts;
}

absl::StatusOr<TableParts> TableParts::Open(client::FileSystem* dfs, const std::string& path) {
  ASSIGN_OR_RETURN(TableParts parts, Find(dfs, path));
  for (size_t i = 0; i < parts.size(); ++i) RETURN_IF_ERROR(parts.Opened(i).status());
  return parts;
}

absl::StatusOr<const SortedTable*> TableParts::Opened(size_t part) const {
  Part& opened = parts_[part];
  if (opened.table == nullptr) {
    ASSIGN_OR_RETURN(auto readable, OpenFile(dfs_, opened.path));
    auto table = SortedTable::Open(std::move(readable));
    RETURN_IF_ERROR(Annotate(table.status(), opened.path));
    opened.table = *std::move(table);
  }
  return opened.table.get();
}

absl::StatusOr<bool> TableParts::Get(std::string_view key, std::string* value) const {
  for (size_t i = 0; i < parts_.size(); ++i) {
    ASSIGN_OR_RETURN(const bool found, GetFrom(i, key, value));
    if (found) return true;
  }
  return false;
}

absl::StatusOr<bool> TableParts::GetFrom(size_t part, std::string_view key,
                                         std::string* value) const {
  ASSIGN_OR_RETURN(const SortedTable* const table, Opened(part));
  auto found = table->Get(key, value);
  if (!found.ok()) return Annotate(found.status(), parts_[part].path);
  return found;
}

absl::Status TableParts::Scan(
    const Range& range, const std::function<bool(std::string_view, std::string_view)>& take) const {
  const std::string& from = std::max(range.from, range.prefix);
  const auto later = [](const TableCursor* a, const TableCursor* b) { return a->key() > b->key(); };
  std::priority_queue<TableCursor*, std::vector<TableCursor*>, decltype(later)> next(later);
  std::vector<std::unique_ptr<TableCursor>> cursors;
  for (size_t i = 0; i < parts_.size(); ++i) {
    ASSIGN_OR_RETURN(const SortedTable* const table, Opened(i));
    cursors.push_back(table->NewCursor());
    if (cursors.back()->Seek(from)) next.push(cursors.back().get());
    RETURN_IF_ERROR(cursors.back()->status());
  }
  while (!next.empty()) {
    TableCursor* const cursor = next.top();
    next.pop();
    const std::string_view key = cursor->key();
    if (!range.to.empty() && key >= range.to) break;
    if (!key.starts_with(range.prefix)) break;
    if (!take(key, cursor->value())) break;
    if (cursor->Next()) next.push(cursor);
    RETURN_IF_ERROR(cursor->status());
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
