#include "mapreduce/formats/sorted_table.h"

#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include "mapreduce/formats/sst_file_system.h"
#include "mapreduce/formats/sst_footer.h"

namespace quern::mr {

namespace {

constexpr size_t kReadAheadBytes = 1 << 20;

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }

absl::Status FromRocks(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  if (status.IsIOError()) return UnavailableError("{}", status.ToString());
  return DataLossError("sorted table: {}", status.ToString());
}

rocksdb::ReadOptions ScanOptions() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.readahead_size = kReadAheadBytes;
  return options;
}

}  // namespace

struct TableCursor::Impl {
  std::unique_ptr<rocksdb::Iterator> iterator;  // nullptr: of an empty table
};

struct SortedTable::Impl {
  std::unique_ptr<ReadableFile> owned;
  std::unique_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::SstFileReader> reader;  // nullptr: the table is empty
};

TableCursor::TableCursor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TableCursor::~TableCursor() = default;

bool TableCursor::CheckPlace() {
  if (impl_->iterator->Valid()) return true;
  status_ = FromRocks(impl_->iterator->status());
  return false;
}

bool TableCursor::Seek(std::string_view key) {
  if (impl_->iterator == nullptr) return false;
  impl_->iterator->Seek(ToSlice(key));
  return CheckPlace();
}

bool TableCursor::Next() {
  if (impl_->iterator == nullptr || !impl_->iterator->Valid()) return false;
  impl_->iterator->Next();
  return CheckPlace();
}

std::string_view TableCursor::key() const {
  const rocksdb::Slice key = impl_->iterator->key();
  return {key.data(), key.size()};
}

std::string_view TableCursor::value() const {
  const rocksdb::Slice value = impl_->iterator->value();
  return {value.data(), value.size()};
}

SortedTable::SortedTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SortedTable::~SortedTable() = default;

absl::StatusOr<std::unique_ptr<SortedTable>> SortedTable::Open(std::unique_ptr<ReadableFile> file) {
  ASSIGN_OR_RETURN(auto table, Open(file.get()));
  table->impl_->owned = std::move(file);
  return table;
}

absl::StatusOr<std::unique_ptr<SortedTable>> SortedTable::Open(ReadableFile* file) {
  auto impl = std::make_unique<Impl>();
  if (file->length() > 0) {
    RETURN_IF_ERROR(CheckSstFooter(file));
    impl->env = MakeSstReadEnv(file);
    rocksdb::Options options;
    options.env = impl->env.get();
    impl->reader = std::make_unique<rocksdb::SstFileReader>(options);
    RETURN_IF_ERROR(FromRocks(impl->reader->Open(kSstName)));
  }
  return std::unique_ptr<SortedTable>(new SortedTable(std::move(impl)));
}

absl::StatusOr<bool> SortedTable::Get(std::string_view key, std::string* value) const {
  if (impl_->reader == nullptr) return false;
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  const std::unique_ptr<rocksdb::Iterator> at(impl_->reader->NewIterator(options));
  at->Seek(ToSlice(key));
  RETURN_IF_ERROR(FromRocks(at->status()));
  if (!at->Valid() || at->key() != ToSlice(key)) return false;
  value->assign(at->value().data(), at->value().size());
  return true;
}

std::unique_ptr<TableCursor> SortedTable::NewCursor() const {
  auto cursor = std::make_unique<TableCursor::Impl>();
  if (impl_->reader != nullptr) cursor->iterator.reset(impl_->reader->NewIterator(ScanOptions()));
  return std::unique_ptr<TableCursor>(new TableCursor(std::move(cursor)));
}

}  // namespace quern::mr
