#include "jobs/search/inverted/index_parts.h"

#include <utility>

#include "client/file_system.h"
#include "client/glob.h"
#include "common/cluster_config.h"
#include "common/shell_words.h"
#include "common/storage/file_io.h"

namespace quern::inverted {
namespace {

constexpr std::string_view kLocal = "file://";
constexpr std::string_view kPartPrefix = "part-";

// A file of either kind has the same Pread.
template <typename AnyFile>
ReadAt ReadsOf(std::shared_ptr<AnyFile> file) {
  return [file = std::move(file)](uint64_t offset, size_t n) -> absl::StatusOr<std::string> {
    std::string bytes(n, '\0');
    ASSIGN_OR_RETURN(const size_t got, file->Pread(offset, n, bytes.data()));
    bytes.resize(got);
    return bytes;
  };
}

class ClusterParts final : public IndexParts {
 public:
  ClusterParts(const std::string& index, std::vector<std::string> masters)
      : IndexParts(index),
        dir_(index),
        fs_(client::FileSystem::Create({.masters = std::move(masters)})) {}

  absl::StatusOr<SortedLines> Open(const std::string& path) override {
    ASSIGN_OR_RETURN(auto opened, fs_->Open(path));
    const std::shared_ptr<client::FileReader> file = std::move(opened);
    return SortedLines(ReadsOf(file), file->status().length);
  }

 private:
  absl::StatusOr<std::vector<std::string>> Find() override {
    return fs_->Glob(fmt::format("{}/{}*", client::Escape(dir_), kPartPrefix));
  }

  const std::string dir_;
  const std::unique_ptr<client::FileSystem> fs_;
};

class LocalParts final : public IndexParts {
 public:
  LocalParts(const std::string& index, std::string dir) : IndexParts(index), dir_(std::move(dir)) {}

  absl::StatusOr<SortedLines> Open(const std::string& path) override {
    ASSIGN_OR_RETURN(auto opened, FileSystem::Real()->Open(path, {}));
    const std::shared_ptr<File> file = std::move(opened);
    ASSIGN_OR_RETURN(const uint64_t size, file->Size());
    return SortedLines(ReadsOf(file), size);
  }

 private:
  absl::StatusOr<std::vector<std::string>> Find() override {
    auto names = FileSystem::Real()->List(dir_);
    std::vector<std::string> parts;
    if (absl::IsNotFound(names.status())) return parts;
    RETURN_IF_ERROR(names.status());
    for (const std::string& name : *names) {
      if (name.starts_with(kPartPrefix)) parts.push_back(fmt::format("{}/{}", dir_, name));
    }
    return parts;
  }

  const std::string dir_;
};

// What a file is called that the job has compressed: part-r-00000.zst.
bool HasExtension(std::string_view path) {
  return path.substr(path.rfind('/') + 1).find('.') != std::string_view::npos;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> IndexParts::List() {
  ASSIGN_OR_RETURN(std::vector<std::string> parts, Find());
  if (parts.empty()) {
    return NotFoundError("{0}: no index there. Try: mr run inverted-index IN {1}", index_,
                         ShellQuotedLine(index_));
  }
  for (const std::string& part : parts) {
    if (!HasExtension(part)) continue;
    return FailedPreconditionError(
        "{}: is compressed, and words are looked up in lines. Try: mr run inverted-index IN {} "
        "--overwrite --set output.codec=none",
        part, ShellQuotedLine(index_));
  }
  return parts;
}

absl::StatusOr<std::unique_ptr<IndexParts>> OpenIndexParts(const std::string& index,
                                                           const std::string& master) {
  std::string dir = index;
  while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  if (dir.starts_with(kLocal)) {
    return std::make_unique<LocalParts>(index, dir.substr(kLocal.size()));
  }
  if (!dir.starts_with('/')) {
    return InvalidArgumentError(
        "{}: an index is a path of the cluster, as /index, or of this machine, as file:///index",
        index);
  }
  ASSIGN_OR_RETURN(auto masters, FindMasters(master));
  return std::make_unique<ClusterParts>(dir, std::move(masters));
}

}  // namespace quern::inverted
