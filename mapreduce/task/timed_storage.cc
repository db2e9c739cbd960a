#include "mapreduce/task/timed_storage.h"

#include <utility>

namespace quern::mr {
namespace {

using Part = TaskTimes::Part;

class TimedStream final : public ByteStream {
 public:
  TimedStream(std::unique_ptr<ByteStream> stream, TaskTimes* times)
      : stream_(std::move(stream)), times_(times) {}
  absl::StatusOr<std::string_view> Next() override {
    const TaskTimes::Within reading(times_, Part::kRead);
    return stream_->Next();
  }

 private:
  const std::unique_ptr<ByteStream> stream_;
  TaskTimes* const times_;
};

class TimedReadable final : public ReadableFile {
 public:
  TimedReadable(std::unique_ptr<ReadableFile> file, TaskTimes* times)
      : file_(std::move(file)), times_(times) {}
  uint64_t length() const override { return file_->length(); }
  std::string id() const override { return file_->id(); }
  std::unique_ptr<ByteStream> Stream(uint64_t offset, uint64_t length) override {
    return std::make_unique<TimedStream>(file_->Stream(offset, length), times_);
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
  TaskTimes* const times_;
};

class TimedWritable final : public WritableFile {
 public:
  TimedWritable(std::unique_ptr<WritableFile> file, TaskTimes* times)
      : file_(std::move(file)), times_(times) {}
  ~TimedWritable() override {
    // What is given up in the middle may have to wait for the master.
    const TaskTimes::Within writing(times_, Part::kWrite);
    file_.reset();
  }
  TimedWritable(const TimedWritable&) = delete;
  TimedWritable& operator=(const TimedWritable&) = delete;
  absl::Status Append(std::string_view bytes) override {
    const TaskTimes::Within writing(times_, Part::kWrite);
    return file_->Append(bytes);
  }
  absl::Status Close() override {
    const TaskTimes::Within writing(times_, Part::kWrite);
    return file_->Close();
  }

 private:
  std::unique_ptr<WritableFile> file_;
  TaskTimes* const times_;
};

class TimedStorage final : public Storage {
 public:
  TimedStorage(Storage* storage, TaskTimes* times) : storage_(storage), times_(times) {}

  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    const TaskTimes::Within reading(times_, Part::kRead);
    ASSIGN_OR_RETURN(auto file, storage_->Open(path));
    return std::make_unique<TimedReadable>(std::move(file), times_);
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path,
                                                       const WriteOptions& options) override {
    const TaskTimes::Within writing(times_, Part::kWrite);
    ASSIGN_OR_RETURN(auto file, storage_->Create(path, options));
    return std::make_unique<TimedWritable>(std::move(file), times_);
  }
  absl::Status Rename(const std::string& from, const std::string& to, bool replace) override {
    return storage_->Rename(from, to, replace);
  }
  absl::Status RenameAll(const Moves& moves, bool replace) override {
    return storage_->RenameAll(moves, replace);
  }
  absl::Status RemoveTree(const std::string& path) override { return storage_->RemoveTree(path); }

 private:
  Storage* const storage_;
  TaskTimes* const times_;
};

}  // namespace

std::unique_ptr<Storage> MakeTimedStorage(Storage* storage, TaskTimes* times) {
  return std::make_unique<TimedStorage>(storage, times);
}

}  // namespace quern::mr
