#include "deploy/local/ownership.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "common/shell_words.h"
#include "common/storage/file_io.h"

namespace quern::local {
namespace {

constexpr std::string_view kNewFileSystem = "lost+found";

// "chunkserver12" is one of the "chunkserver".
bool IsNumbered(std::string_view name, std::string_view kind) {
  if (!name.starts_with(kind) || name.size() == kind.size()) return false;
  return name.find_first_not_of("0123456789", kind.size()) == std::string_view::npos;
}

// ".chunkserver3.quern-disk" (chunkserver/store/disk.h)
bool IsDiskNote(std::string_view name) {
  constexpr std::string_view kEnd = ".quern-disk";
  if (!name.starts_with('.') || !name.ends_with(kEnd)) return false;
  return IsNumbered(name.substr(1, name.size() - 1 - kEnd.size()), "chunkserver");
}

// Nobody else has these.
bool ShowsACluster(std::string_view name) {
  return IsNumbered(name, "chunkserver") || IsNumbered(name, "worker") || IsDiskNote(name);
}

// Lost in a power cut, most likely; whoever made it, nothing is in it.
bool IsEmptyFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::file_size(path, error) == 0 && !error;
}

// What an `up` makes before anything that shows a cluster. Others have such names, too: they count
// only where nothing else is. A JSON file was looked into before, and does not count for its name.
bool MayBeOfAFirstUp(const ClusterDir& dir, const std::string& name) {
  constexpr std::string_view kMade[] = {
      "logs",           "lock",        "master", "coordinator", "cluster.json.tmp",
      "state.json.tmp", kNewFileSystem};
  if (name == "cluster.json" || name == "state.json") return IsEmptyFile(dir.path() + "/" + name);
  return std::ranges::find(kMade, name) != std::end(kMade);
}

// One of the two files is there and says what a cluster's says; what is damaged says nothing.
absl::StatusOr<bool> HasReadableFile(const ClusterDir& dir) {
  const auto config = dir.LoadConfig();
  if (!config.ok() && !absl::IsDataLoss(config.status())) return config.status();
  if (config.ok() && config->has_value()) return true;
  const auto state = dir.LoadState();
  if (!state.ok() && !absl::IsDataLoss(state.status())) return state.status();
  return state.ok() && state->has_value();
}

}  // namespace

absl::Status CheckNotForeign(const ClusterDir& dir) {
  const auto names = FileSystem::Real()->List(dir.path());
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  RETURN_IF_ERROR(names.status());
  if (std::ranges::any_of(*names, ShowsACluster)) return absl::OkStatus();
  const auto foreign = std::ranges::find_if(
      *names, [&dir](const std::string& name) { return !MayBeOfAFirstUp(dir, name); });
  if (foreign == names->end()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool readable, HasReadableFile(dir));
  if (readable) return absl::OkStatus();
  return FailedPreconditionError(
      "{}: is not empty and no cluster's: {} is in it. Nothing was written there. Try: --dir with "
      "an empty directory, or with one that is not there yet",
      dir.path(), ShellQuoted(*foreign));
}

}  // namespace quern::local
