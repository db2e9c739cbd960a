#include "jobs/search/serving/index_files.h"

#include <sys/stat.h>

#include <cerrno>

#include "common/cluster_config.h"
#include "common/storage/file_io.h"
#include "jobs/search/serving/cluster_index_files.h"

namespace quern::search {
namespace {

constexpr std::string_view kLocal = "file://";

class LocalIndexFiles final : public IndexFiles {
 public:
  explicit LocalIndexFiles(std::string dir) : dir_(std::move(dir)) {}

  absl::StatusOr<std::string> Identity(std::string_view name) override {
    const std::string path = Path(name);
    struct stat info = {};
    if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
    return fmt::format("{}-{}-{}.{}", info.st_ino, info.st_size, info.st_mtim.tv_sec,
                       info.st_mtim.tv_nsec);
  }
  absl::StatusOr<std::string> Read(std::string_view name) override {
    return ReadFileToString(FileSystem::Real(), Path(name));
  }
  absl::StatusOr<std::string> Fetch(std::string_view name) override { return Path(name); }
  bool Discard(std::string_view) override { return false; }
  void Keep(const std::vector<std::string>&) override {}
  void Release() override {}
  std::string Describe(std::string_view name) const override { return Path(name); }

 private:
  std::string Path(std::string_view name) const { return fmt::format("{}/{}", dir_, name); }

  const std::string dir_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<IndexFiles>> OpenIndexFiles(const std::string& path,
                                                           const IndexFilesOptions& options) {
  std::string dir = path;
  while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  if (dir.starts_with(kLocal)) {
    return std::make_unique<LocalIndexFiles>(dir.substr(kLocal.size()));
  }
  if (!dir.starts_with('/')) {
    return InvalidArgumentError(
        "{}: an index is a path of the cluster, as /index, or of this machine, as file:///index",
        path);
  }
  if (dir == "/") dir.clear();
  ASSIGN_OR_RETURN(auto masters, FindMasters(options.master));
  return MakeClusterIndexFiles(std::move(masters), std::move(dir), options);
}

}  // namespace quern::search
