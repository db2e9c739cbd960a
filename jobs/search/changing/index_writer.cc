#include "jobs/search/changing/index_writer.h"

#include <utility>

#include "client/file_system.h"
#include "common/cluster_config.h"
#include "common/random.h"
#include "common/storage/file_io.h"

namespace quern::search {
namespace {

constexpr std::string_view kLocal = "file://";

class ClusterFile final : public NewIndexFile {
 public:
  explicit ClusterFile(std::unique_ptr<client::FileWriter> writer) : writer_(std::move(writer)) {}
  absl::Status Append(std::string_view bytes) override { return writer_->Append(bytes); }
  absl::Status Close() override { return writer_->Close().status(); }

 private:
  const std::unique_ptr<client::FileWriter> writer_;
};

class ClusterWriter final : public IndexWriter {
 public:
  ClusterWriter(std::vector<std::string> masters, std::string dir)
      : fs_(client::FileSystem::Create({.masters = std::move(masters)})), dir_(std::move(dir)) {}

  absl::StatusOr<std::unique_ptr<NewIndexFile>> Create(std::string_view name) override {
    client::CreateOptions options;
    options.overwrite = true;
    ASSIGN_OR_RETURN(auto writer, fs_->Create(Path(name), options));
    return std::make_unique<ClusterFile>(std::move(writer));
  }
  absl::Status Remove(std::string_view name) override { return fs_->Delete(Path(name)).status(); }

 private:
  std::string Path(std::string_view name) const { return fmt::format("{}/{}", dir_, name); }

  const std::unique_ptr<client::FileSystem> fs_;
  const std::string dir_;
};

std::string DirOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

class LocalFile final : public NewIndexFile {
 public:
  LocalFile(std::unique_ptr<File> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  ~LocalFile() override {
    if (file_ != nullptr) FileSystem::Real()->Remove(file_->path()).IgnoreError();
  }
  absl::Status Append(std::string_view bytes) override {
    RETURN_IF_ERROR(file_->Pwrite(bytes, size_));
    size_ += bytes.size();
    return absl::OkStatus();
  }
  absl::Status Close() override {
    RETURN_IF_ERROR(file_->Datasync());
    RETURN_IF_ERROR(FileSystem::Real()->Rename(file_->path(), path_));
    file_.reset();
    return FileSystem::Real()->SyncDir(DirOf(path_));
  }

 private:
  std::unique_ptr<File> file_;
  const std::string path_;
  uint64_t size_ = 0;
};

class LocalWriter final : public IndexWriter {
 public:
  explicit LocalWriter(std::string dir) : dir_(std::move(dir)) {}

  absl::StatusOr<std::unique_ptr<NewIndexFile>> Create(std::string_view name) override {
    const std::string path = Path(name);
    OpenOptions options;
    options.create = options.exclusive = true;
    ASSIGN_OR_RETURN(auto file,
                     FileSystem::Real()->Open(fmt::format("{}.{}", path, RandomHex(4)), options));
    return std::make_unique<LocalFile>(std::move(file), path);
  }
  absl::Status Remove(std::string_view name) override {
    return FileSystem::Real()->Remove(Path(name));
  }

 private:
  std::string Path(std::string_view name) const { return fmt::format("{}/{}", dir_, name); }

  const std::string dir_;
};

}  // namespace

absl::Status IndexWriter::Write(std::string_view name, std::string_view bytes) {
  ASSIGN_OR_RETURN(const auto file, Create(name));
  RETURN_IF_ERROR(file->Append(bytes));
  return file->Close();
}

absl::StatusOr<std::unique_ptr<IndexWriter>> OpenIndexWriter(const std::string& path,
                                                             const std::string& master) {
  std::string dir = path;
  while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  if (dir.starts_with(kLocal)) return std::make_unique<LocalWriter>(dir.substr(kLocal.size()));
  ASSIGN_OR_RETURN(auto masters, FindMasters(master));
  return std::make_unique<ClusterWriter>(std::move(masters), std::move(dir));
}

}  // namespace quern::search
