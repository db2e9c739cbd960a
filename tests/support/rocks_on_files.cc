#include "tests/support/rocks_on_files.h"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <utility>

namespace quern {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus ToIo(const absl::Status& status) {
  if (status.ok()) return IOStatus::OK();
  const std::string text(Message(status));
  if (absl::IsNotFound(status)) return IOStatus::PathNotFound(text);
  if (absl::IsResourceExhausted(status)) return IOStatus::NoSpace(text);
  return IOStatus::IOError(text);
}

class WritableFile : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::unique_ptr<File> file, uint64_t size) : file_(std::move(file)), size_(size) {}

  using FSWritableFile::Append;
  using FSWritableFile::PositionedAppend;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    const absl::Status status = file_->Pwrite({data.data(), data.size()}, size_);
    if (status.ok()) size_ += data.size();
    return ToIo(status);
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions&,
                            IODebugContext*) override {
    size_ = std::max(size_, offset + data.size());
    return ToIo(file_->Pwrite({data.data(), data.size()}, offset));
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    size_ = size;
    return ToIo(file_->Truncate(size));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return ToIo(file_->Datasync()); }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

 private:
  const std::unique_ptr<File> file_;
  uint64_t size_;
};

class ReadableFile : public rocksdb::FSRandomAccessFile {
 public:
  explicit ReadableFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    const auto got = file_->Pread(offset, n, scratch);
    *result = Slice(scratch, got.value_or(0));
    return ToIo(got.status());
  }

 private:
  const std::unique_ptr<File> file_;
};

class Directory : public rocksdb::FSDirectory {
 public:
  Directory(FileSystem* fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return ToIo(fs_->SyncDir(path_)); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  FileSystem* const fs_;
  const std::string path_;
};

class RocksOnFiles : public rocksdb::FileSystemWrapper {
 public:
  explicit RocksOnFiles(quern::FileSystem* files)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), files_(files) {}

  const char* Name() const override { return "RocksOnFiles"; }
  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext*) override {
    return OpenWritable(path, {.write = true, .create = true, .truncate = true}, result);
  }
  IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext*) override {
    return OpenWritable(path, {.write = true, .create = true}, result);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                             const rocksdb::FileOptions&,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext*) override {
    const IOStatus renamed = ToIo(files_->Rename(old_path, path));
    return renamed.ok() ? OpenWritable(path, {.write = true}, result) : renamed;
  }
  IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    auto file = files_->Open(path, {});
    if (!file.ok()) return ToIo(file.status());
    result->reset(new ReadableFile(std::move(*file)));
    return IOStatus::OK();
  }
  IOStatus NewRandomRWFile(const std::string&, const rocksdb::FileOptions&,
                           std::unique_ptr<rocksdb::FSRandomRWFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("random writes");
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override {
    result->reset(new Directory(files_, path));
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIo(files_->Remove(path));
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return ToIo(files_->Rename(from, to));
  }
  IOStatus LinkFile(const std::string&, const std::string&, const IOOptions&,
                    IODebugContext*) override {
    return IOStatus::NotSupported("hard links");
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions&,
                    IODebugContext*) override {
    const auto file = files_->Open(path, {.write = true});
    return ToIo(file.ok() ? (*file)->Truncate(size) : file.status());
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIo(files_->MakeDirs(path));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIo(files_->MakeDirs(path));
  }

 private:
  IOStatus OpenWritable(const std::string& path, const OpenOptions& options,
                        std::unique_ptr<rocksdb::FSWritableFile>* result) {
    auto file = files_->Open(path, options);
    if (!file.ok()) return ToIo(file.status());
    const auto size = (*file)->Size();
    if (!size.ok()) return ToIo(size.status());
    result->reset(new WritableFile(std::move(*file), *size));
    return IOStatus::OK();
  }

  // Qualified, since the base class brings RocksDB's own of that name.
  quern::FileSystem* const files_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewRocksEnv(FileSystem* fs) {
  return rocksdb::NewCompositeEnv(std::make_shared<RocksOnFiles>(fs));
}

}  // namespace quern
