#include "mapreduce/task/task_storage.h"

#include <mutex>
#include <utility>

#include "common/storage/file_io.h"
#include "mapreduce/plan/input_files.h"

namespace quern::mr {

namespace {

class DfsStream final : public ByteStream {
 public:
  explicit DfsStream(std::unique_ptr<client::ReadStream> stream) : stream_(std::move(stream)) {}
  absl::StatusOr<std::string_view> Next() override { return stream_->Next(); }

 private:
  const std::unique_ptr<client::ReadStream> stream_;
};

class DfsReadable final : public ReadableFile {
 public:
  explicit DfsReadable(std::unique_ptr<client::FileReader> reader) : reader_(std::move(reader)) {}
  uint64_t length() const override { return reader_->status().length; }
  std::string id() const override { return ClusterFileId(reader_->status()); }
  std::unique_ptr<ByteStream> Stream(uint64_t offset, uint64_t length) override {
    return std::make_unique<DfsStream>(reader_->Stream(offset, length));
  }

 private:
  const std::unique_ptr<client::FileReader> reader_;
};

class DfsWritable final : public WritableFile {
 public:
  explicit DfsWritable(std::unique_ptr<client::FileWriter> writer) : writer_(std::move(writer)) {}
  absl::Status Append(std::string_view bytes) override { return writer_->Append(bytes); }
  absl::Status Close() override { return writer_->Close().status(); }

 private:
  const std::unique_ptr<client::FileWriter> writer_;
};

class DfsStorage final : public Storage {
 public:
  explicit DfsStorage(client::ClientOptions options)
      : dfs_(client::FileSystem::Create(std::move(options))) {}

  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    ASSIGN_OR_RETURN(auto reader, dfs_->Open(path));
    return std::make_unique<DfsReadable>(std::move(reader));
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path,
                                                       const WriteOptions& options) override {
    client::CreateOptions create;
    create.replication = options.replication;
    create.overwrite = true;
    create.create_parents = options.make_ancestors;
    if (!options.make_ancestors) {
      const absl::Status made = dfs_->Mkdirs(ParentDir(path));
      if (!made.ok() && made.code() != absl::StatusCode::kAlreadyExists) return made;
    }
    ASSIGN_OR_RETURN(auto writer, dfs_->Create(path, create));
    return std::make_unique<DfsWritable>(std::move(writer));
  }
  absl::Status Rename(const std::string& from, const std::string& to, bool replace) override {
    RETURN_IF_ERROR(dfs_->Mkdirs(ParentDir(to), {.parents = true}));
    return dfs_->Rename(
        from, to, replace ? client::RenameMode::kReplaceTree : client::RenameMode::kNoReplace);
  }
  absl::Status RenameAll(const Moves& moves, bool replace) override {
    for (const auto& [from, to] : moves) {
      RETURN_IF_ERROR(dfs_->Mkdirs(ParentDir(to), {.parents = true}));
    }
    return dfs_->RenameAll(
        moves, replace ? client::RenameMode::kReplaceTree : client::RenameMode::kNoReplace);
  }
  absl::Status RemoveTree(const std::string& path) override {
    return dfs_->Delete(path, {.recursive = true}).status();
  }

 private:
  const std::unique_ptr<client::FileSystem> dfs_;
};

class TaskStorage final : public Storage {
 public:
  explicit TaskStorage(client::ClientOptions options) : options_(std::move(options)) {}

  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    return For(path)->Open(path);
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path,
                                                       const WriteOptions& options) override {
    return For(path)->Create(path, options);
  }
  absl::Status Rename(const std::string& from, const std::string& to, bool replace) override {
    return For(from)->Rename(from, to, replace);
  }
  absl::Status RenameAll(const Moves& moves, bool replace) override {
    return moves.empty() ? absl::OkStatus() : For(moves[0].first)->RenameAll(moves, replace);
  }
  absl::Status RemoveTree(const std::string& path) override { return For(path)->RemoveTree(path); }

 private:
  Storage* For(const std::string& path) {
    if (IsLocalPath(path)) return local_.get();
    std::call_once(dfs_made_, [this] { dfs_ = std::make_unique<DfsStorage>(options_); });
    return dfs_.get();
  }

  const client::ClientOptions options_;
  const std::unique_ptr<Storage> local_ = MakeLocalStorage();
  std::once_flag dfs_made_;
  std::unique_ptr<Storage> dfs_;
};

}  // namespace

std::unique_ptr<Storage> MakeTaskStorage(client::ClientOptions options) {
  return std::make_unique<TaskStorage>(std::move(options));
}

}  // namespace quern::mr
