#include "mapreduce/formats/sst_file_system.h"

#include <rocksdb/file_system.h>

#include <cstring>
#include <string_view>

namespace quern::mr {

namespace {

rocksdb::IOStatus ToIo(const absl::Status& status) {
  if (status.ok()) return rocksdb::IOStatus::OK();
  return rocksdb::IOStatus::IOError(Message(status));
}

class SinkFile final : public rocksdb::FSWritableFile {
 public:
  explicit SinkFile(OutputFile* file) : file_(file) {}
  using rocksdb::FSWritableFile::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions&,
                           rocksdb::IODebugContext*) override {
    return ToIo(file_->Append({data.data(), data.size()}));
  }
  // The file is closed, durably, by whoever opened it.
  rocksdb::IOStatus Close(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus Flush(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();
  }
  uint64_t GetFileSize(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return file_->bytes();
  }

 private:
  OutputFile* const file_;
};

class SourceFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit SourceFile(ReadableFile* file) : file_(file) {}
  rocksdb::IOStatus Read(uint64_t offset, size_t n, const rocksdb::IOOptions&,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext*) const override {
    const auto stream = file_->Stream(offset, n);
    size_t got = 0;
    while (got < n) {
      const auto piece = stream->Next();
      if (!piece.ok()) return ToIo(piece.status());
      if (piece->empty()) break;
      std::memcpy(scratch + got, piece->data(), piece->size());
      got += piece->size();
    }
    *result = rocksdb::Slice(scratch, got);
    return rocksdb::IOStatus::OK();
  }

 private:
  ReadableFile* const file_;
};

class OneFile final : public rocksdb::FileSystemWrapper {
 public:
  OneFile(OutputFile* to, ReadableFile* from)
      : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()), to_(to), from_(from) {}
  const char* Name() const override { return "quern-sst"; }
  rocksdb::IOStatus NewWritableFile(const std::string&, const rocksdb::FileOptions&,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext*) override {
    *result = std::make_unique<SinkFile>(to_);
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus NewRandomAccessFile(const std::string&, const rocksdb::FileOptions&,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext*) override {
    *result = std::make_unique<SourceFile>(from_);
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus GetFileSize(const std::string&, const rocksdb::IOOptions&, uint64_t* size,
                                rocksdb::IODebugContext*) override {
    *size = from_ != nullptr ? from_->length() : to_->bytes();
    return rocksdb::IOStatus::OK();
  }

 private:
  OutputFile* const to_;
  ReadableFile* const from_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> MakeSstWriteEnv(OutputFile* file) {
  return rocksdb::NewCompositeEnv(std::make_shared<OneFile>(file, nullptr));
}

std::unique_ptr<rocksdb::Env> MakeSstReadEnv(ReadableFile* file) {
  return rocksdb::NewCompositeEnv(std::make_shared<OneFile>(nullptr, file));
}

}  // namespace quern::mr
