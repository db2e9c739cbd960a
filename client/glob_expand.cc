// FileSystem::Glob: walks down the directories that a pattern can match.
#include <algorithm>
#include <set>

#include "client/file_system.h"
#include "client/glob.h"
#include "client/path.h"

namespace quern::client {
namespace {

bool IsMissing(const absl::Status& status) { return status.code() == absl::StatusCode::kNotFound; }

// Entries of `directory` that match one component; only directories when more components follow.
absl::Status MatchEntries(FileSystem* fs, const std::string& directory, const std::string& pattern,
                          bool last, std::vector<std::string>* out) {
  const auto entries = fs->List(directory);
  if (!entries.ok()) return IsMissing(entries.status()) ? absl::OkStatus() : entries.status();
  for (const FileStatus& entry : *entries) {
    if (entry.path == directory) continue;  // a file lists as itself
    if ((last || entry.is_directory()) && MatchesVisible(pattern, entry.name())) {
      out->push_back(entry.path);
    }
  }
  return absl::OkStatus();
}

// One pattern without braces.
absl::Status ExpandOne(FileSystem* fs, const std::string& pattern, std::set<std::string>* out) {
  const std::vector<std::string> parts = SplitPath(pattern);
  std::vector<std::string> paths = {"/"};
  bool must_check = true;  // the last part was taken as it is: is it there?
  for (size_t i = 0; i < parts.size(); ++i) {
    std::vector<std::string> next;
    must_check = !HasWildcards(parts[i]);
    for (const std::string& path : paths) {
      if (must_check) {
        next.push_back(JoinPath(path, Unescape(parts[i])));
      } else {
        RETURN_IF_ERROR(MatchEntries(fs, path, parts[i], i + 1 == parts.size(), &next));
      }
    }
    paths = std::move(next);
  }
  for (const std::string& path : paths) {
    if (must_check) {
      const auto status = fs->Stat(path);
      if (!status.ok() && !IsMissing(status.status())) return status.status();
      if (!status.ok()) continue;
    }
    out->insert(path);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FileSystem::Glob(std::string_view pattern) {
  ASSIGN_OR_RETURN(const std::string clean, CleanPath(pattern));
  const absl::Status there = Stat(clean).status();
  if (there.ok()) return std::vector<std::string>{clean};
  // Of the rest, what says that this can be no name (too long for one) says nothing of a pattern.
  if (IsRetryable(there) || absl::IsPermissionDenied(there)) return there;
  if (!IsPattern(clean)) return std::vector<std::string>();
  ASSIGN_OR_RETURN(const std::vector<std::string> patterns, ExpandBraces(clean));
  std::set<std::string> paths;
  for (const std::string& one : patterns) RETURN_IF_ERROR(ExpandOne(this, one, &paths));
  return std::vector<std::string>(paths.begin(), paths.end());
}

}  // namespace quern::client
