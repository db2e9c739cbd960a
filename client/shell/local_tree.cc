#include "client/shell/local_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "client/glob.h"
#include "common/shell_words.h"

namespace quern::shell {
namespace {

class Walk {
 public:
  explicit Walk(const LocalTreeOptions& options) : options_(options) {}

  absl::Status Add(const std::string& path, const std::string& relative) {
    struct stat info = {};
    if (lstat(path.c_str(), &info) != 0) return Skip(path, relative, std::strerror(errno));
    if (S_ISLNK(info.st_mode)) {
      const bool root = relative.empty();
      if (!root && options_.links == Links::kSkip) {
        ++tree_.links;
        return absl::OkStatus();
      }
      if (stat(path.c_str(), &info) != 0) return Skip(path, relative, std::strerror(errno));
      if (!root && S_ISDIR(info.st_mode)) {
        if (options_.links == Links::kFiles)
          return Skip(path, relative,
                      "is a link to a directory. Try: --follow-links or --skip-links");
        // Following it would go round for ever.
        if (IsAbove(info)) return Skip(path, relative, "is a link to a directory above it");
      }
    }
    if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)) {
      return Skip(
          path, relative,
          fmt::format("is a pipe or a device. Try: dfs put - TARGET < {}", ShellQuotedLine(path)));
    }
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
      return Skip(path, relative, "is neither a file nor a directory");
    }
    tree_.entries.push_back(
        {.path = path,
         .relative = relative,
         .is_directory = S_ISDIR(info.st_mode),
         .size = S_ISDIR(info.st_mode) ? 0 : static_cast<uint64_t>(info.st_size),
         .mode = static_cast<uint32_t>(info.st_mode & 07777),
         .mtime = absl::TimeFromTimespec(info.st_mtim)});
    if (!S_ISDIR(info.st_mode)) return absl::OkStatus();
    above_.push_back({info.st_dev, info.st_ino});
    RETURN_IF_ERROR(AddChildren(path, relative));
    above_.pop_back();
    return absl::OkStatus();
  }

  LocalTree Take() { return std::move(tree_); }

 private:
  absl::Status AddChildren(const std::string& path, const std::string& relative) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
    if (directory == nullptr) return Skip(path, relative, std::strerror(errno));
    const absl::StatusOr<std::vector<std::string>> names = NamesIn(directory.get());
    if (!names.ok()) return Skip(path, relative, Message(names.status()));
    for (const std::string& name : *names) {
      const std::string child = relative.empty() ? name : relative + "/" + name;
      if (!Excluded(name, child)) RETURN_IF_ERROR(Add(path + "/" + name, child));
    }
    return absl::OkStatus();
  }

  bool IsAbove(const struct stat& info) const {
    return std::find(above_.begin(), above_.end(), std::pair(info.st_dev, info.st_ino)) !=
           above_.end();
  }

  bool Excluded(const std::string& name, const std::string& relative) const {
    return std::any_of(options_.exclude.begin(), options_.exclude.end(), [&](const auto& pattern) {
      return client::MatchesComponent(pattern, name) || pattern == relative;
    });
  }

  absl::Status Skip(const std::string& path, const std::string& relative, std::string_view why) {
    if (relative.empty()) {
      return errno == ENOENT ? NotFoundError("{}: no such file or directory", path)
                             : FailedPreconditionError("{}: {}", path, why);
    }
    tree_.skipped.push_back(fmt::format("{}: {}", path, why));
    return absl::OkStatus();
  }

  const LocalTreeOptions& options_;
  LocalTree tree_;
  std::vector<std::pair<dev_t, ino_t>> above_;  // directories that the walk is in
};

}  // namespace

absl::StatusOr<std::vector<std::string>> NamesIn(DIR* directory) {
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(directory);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  // Nothing but errno tells an end from a failure.
  if (errno != 0) return ErrnoStatus(errno, "reading the directory");
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<LocalTree> ListLocalTree(const std::string& root, const LocalTreeOptions& options) {
  errno = 0;
  Walk walk(options);
  std::string clean = root;
  while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  RETURN_IF_ERROR(walk.Add(clean, ""));
  return walk.Take();
}

}  // namespace quern::shell
