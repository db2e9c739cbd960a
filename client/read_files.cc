#include "client/read_files.h"

#include <algorithm>
#include <set>
#include <utility>

#include "client/glob.h"
#include "client/path.h"

namespace quern::client {
namespace {

absl::Status ListShownBelow(FileSystem* fs, const std::string& dir,
                            std::vector<FileStatus>* files) {
  ASSIGN_OR_RETURN(const std::vector<FileStatus> entries, fs->List(dir));
  for (const FileStatus& entry : entries) {
    if (IsHiddenName(entry.path)) continue;
    if (entry.is_directory()) {
      RETURN_IF_ERROR(ListShownBelow(fs, entry.path, files));
    } else {
      files->push_back(entry);
    }
  }
  return absl::OkStatus();
}

bool StartsWithWildcard(std::string_view name) {
  return name.starts_with('*') || name.starts_with('?') || name.starts_with('[');
}

// Whether `pattern`, which has no braces, spells every hidden name on the way to `path`.
bool SpellsHiddenNames(const std::string& pattern, const std::vector<std::string>& path) {
  const std::vector<std::string> parts = SplitPath(pattern);
  if (parts.size() != path.size()) return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!IsHiddenName(path[i])) continue;
    if (StartsWithWildcard(parts[i]) || !MatchesVisible(parts[i], path[i])) return false;
  }
  return true;
}

// Several matches of a pattern may lead to a file: a directory, and what lies in it.
void TakeEachOnce(std::vector<FileStatus>* files) {
  std::set<InodeId> seen;
  std::erase_if(*files, [&](const FileStatus& file) { return !seen.insert(file.inode).second; });
}

}  // namespace

bool IsHiddenMatch(std::string_view path, const std::vector<std::string>& patterns) {
  const std::vector<std::string> names = SplitPath(path);
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return IsHiddenName(name); }) &&
         std::none_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
           return SpellsHiddenNames(pattern, names);
         });
}

absl::StatusOr<std::vector<FileStatus>> FilesToRead(FileSystem* fs, std::string_view pattern,
                                                    const std::vector<std::string>& matches) {
  if (matches.empty()) return std::vector<FileStatus>();
  ASSIGN_OR_RETURN(const std::string clean, CleanPath(pattern));
  // A name that is there is that name, whatever is in it.
  const bool spelled = matches.size() == 1 && matches[0] == clean;
  std::vector<std::string> patterns;
  if (!spelled) {
    ASSIGN_OR_RETURN(patterns, ExpandBraces(clean));
  }
  std::vector<FileStatus> files;
  for (const std::string& path : matches) {
    if (!spelled && IsHiddenMatch(path, patterns)) continue;
    ASSIGN_OR_RETURN(FileStatus status, fs->Stat(path));
    if (status.is_directory()) {
      RETURN_IF_ERROR(ListShownBelow(fs, path, &files));
    } else {
      files.push_back(std::move(status));
    }
  }
  TakeEachOnce(&files);
  std::sort(files.begin(), files.end(),
            [](const FileStatus& a, const FileStatus& b) { return a.path < b.path; });
  return files;
}

}  // namespace quern::client
