#include "mapreduce/plan/overwrite_rules.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/storage/file_io.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {
namespace {

bool IsAtOrBelow(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

// Without links and "..", so that one place has one name.
std::string Canonical(std::string_view path) {
  if (!IsLocalPath(path)) return std::string(path);
  std::error_code error;
  const auto real = std::filesystem::weakly_canonical(path.substr(kLocalScheme.size()), error);
  return error ? std::string(path) : fmt::format("{}{}", kLocalScheme, real.string());
}

// NotFound: nothing is there. Of what must not be replaced nothing is read.
absl::StatusOr<ExistingOutput> ReadInCluster(client::FileSystem* dfs, const std::string& path,
                                             bool overwrite) {
  ASSIGN_OR_RETURN(const client::FileStatus status, dfs->Stat(path));
  ExistingOutput existing{.is_directory = status.is_directory()};
  if (!existing.is_directory || !overwrite) return existing;
  ASSIGN_OR_RETURN(const std::vector<client::FileStatus> entries, dfs->List(path));
  for (const client::FileStatus& entry : entries) {
    existing.names.push_back(entry.name());
    if (entry.is_directory()) existing.directories.insert(entry.name());
    if (entry.name() != kManifestName || entry.is_directory()) continue;
    ASSIGN_OR_RETURN(const auto reader, dfs->Open(entry.path));
    existing.manifest.resize(reader->status().length);
    ASSIGN_OR_RETURN(const size_t got,
                     reader->Pread(0, existing.manifest.size(), existing.manifest.data()));
    existing.manifest.resize(got);
  }
  return existing;
}

absl::StatusOr<ExistingOutput> ReadOnThisMachine(const std::string& path, bool overwrite) {
  const std::string local = path.substr(kLocalScheme.size());
  if (!FileSystem::Real()->Exists(local)) return NotFoundError("{}: nothing is there", path);
  std::error_code error;
  ExistingOutput existing{.is_directory = std::filesystem::is_directory(local, error)};
  if (!existing.is_directory || !overwrite) return existing;
  ASSIGN_OR_RETURN(existing.names, FileSystem::Real()->List(local));
  for (const std::string& name : existing.names) {
    const std::filesystem::path below = std::filesystem::path(local) / name;
    // A link goes away, not what it leads to.
    if (std::filesystem::symlink_status(below, error).type() ==
        std::filesystem::file_type::directory) {
      existing.directories.insert(name);
    }
  }
  auto manifest = ReadFileToString(FileSystem::Real(), fmt::format("{}/{}", local, kManifestName));
  if (!absl::IsNotFound(manifest.status())) {
    ASSIGN_OR_RETURN(existing.manifest, std::move(manifest));
  }
  return existing;
}

absl::Status Holds(std::string_view output, std::string_view what, std::string_view path) {
  return FailedPreconditionError(
      "output: {}: holds the {} {}, which would be replaced with it. Try: another path", output,
      what, path);
}

absl::Status NotOfAJob(std::string_view path, std::string_view name) {
  return FailedPreconditionError(
      "output: {}: {} in it is not the output of a job, which is all that --overwrite replaces. "
      "Try: another path, or remove it first",
      path, name);
}

// Whether a whole tree is nothing but outputs. It ends at the first thing that is not, and looks
// only into directories that a manifest lists.
class ReplaceableTree {
 public:
  explicit ReplaceableTree(const LookAt& look) : look_(look) {}

  // A directory that is empty, or the output of a job with what lies beside its files.
  absl::Status CheckOutput(const std::string& path, const ExistingOutput& existing) {
    const Manifest manifest = ParseManifest(existing.manifest).value_or(Manifest());
    std::set<std::string> files;
    if (!manifest.job_id.empty()) files = {kManifestName, kSuccessName};
    for (const Manifest::Part& part : manifest.parts) files.insert(part.name);
    for (const std::string& name : existing.names) {
      const bool is_directory = existing.directories.contains(name);
      const std::string below = fmt::format("{}/{}", path, name);
      if (is_directory && name == kSkippedName && !manifest.skipped.empty()) {
        RETURN_IF_ERROR(CheckSkipped(path, manifest));
      } else if (manifest.directories.contains(name)) {
        if (is_directory) RETURN_IF_ERROR(CheckListed(below));
      } else if (is_directory || !files.contains(name)) {
        return NotOfAJob(path, name);
      }
    }
    return absl::OkStatus();
  }

 private:
  // "words" of the output words/second: it has no manifest, and nothing but directories in it.
  absl::Status CheckListed(const std::string& path) {
    ASSIGN_OR_RETURN(const ExistingOutput existing, Look(path));
    if (!existing.manifest.empty()) return CheckOutput(path, existing);
    for (const std::string& name : existing.names) {
      if (!existing.directories.contains(name)) return NotOfAJob(path, name);
      RETURN_IF_ERROR(CheckListed(fmt::format("{}/{}", path, name)));
    }
    return absl::OkStatus();
  }

  absl::Status CheckSkipped(const std::string& path, const Manifest& manifest) {
    ASSIGN_OR_RETURN(const ExistingOutput existing, Look(fmt::format("{}/{}", path, kSkippedName)));
    std::set<std::string> known;
    for (const Manifest::Part& part : manifest.skipped) known.insert(part.name);
    for (const std::string& name : existing.names) {
      const std::string below = fmt::format("{}/{}", kSkippedName, name);
      if (!known.contains(below) || existing.directories.contains(name)) {
        return NotOfAJob(path, below);
      }
    }
    return absl::OkStatus();
  }

  // What has gone meanwhile is empty.
  absl::StatusOr<ExistingOutput> Look(const std::string& path) {
    constexpr int kMaxLooks = 10'000;  // many times the outputs that a pipeline can have
    if (++looks_ > kMaxLooks) {
      return FailedPreconditionError(
          "output: {}: has more than {} directories in it, which no pipeline makes. Try: another "
          "path, or remove it first",
          path, kMaxLooks);
    }
    absl::StatusOr<ExistingOutput> existing = look_(path);
    if (absl::IsNotFound(existing.status())) return ExistingOutput();
    return existing;
  }

  const LookAt& look_;
  int looks_ = 0;
};

}  // namespace

std::vector<std::string> OutputPaths(const pb::JobSpec& spec) {
  std::vector<std::string> paths = {spec.output().path()};
  for (const pb::JobSpec::NamedOutput& named : spec.outputs()) {
    if (named.output().path() != paths[0]) paths.push_back(named.output().path());
  }
  return paths;
}

absl::StatusOr<bool> CheckReplaceable(const std::string& path, const LookAt& look) {
  const absl::StatusOr<ExistingOutput> existing = look(path);
  if (absl::IsNotFound(existing.status())) return false;
  RETURN_IF_ERROR(existing.status());
  if (!existing->is_directory) {
    return FailedPreconditionError(
        "output: {}: is a file, and --overwrite replaces only the output of a job. Try: another "
        "path",
        path);
  }
  RETURN_IF_ERROR(ReplaceableTree(look).CheckOutput(path, *existing));
  return true;
}

absl::Status CheckNoInputBelow(std::string_view output, const std::vector<SplitInput>& inputs) {
  const std::string directory = Canonical(output);
  for (const SplitInput& input : inputs) {
    for (const InputFile& file : input.files) {
      if (IsAtOrBelow(Canonical(file.path), directory)) return Holds(output, "input", file.path);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNoSideFileBelow(std::string_view output, const pb::JobSpec& job) {
  const std::string directory = Canonical(output);
  for (const pb::JobSpec::SideFile& side : job.files()) {
    const std::string& path = side.file().path();
    if (IsAtOrBelow(Canonical(path), directory)) return Holds(output, "side file", path);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CheckOutputPath(client::FileSystem* dfs, const std::string& path,
                                     bool overwrite) {
  const auto look = [&](const std::string& at) {
    return IsLocalPath(at) ? ReadOnThisMachine(at, overwrite) : ReadInCluster(dfs, at, overwrite);
  };
  if (overwrite) return CheckReplaceable(path, look);
  const absl::StatusOr<ExistingOutput> existing = look(path);
  if (absl::IsNotFound(existing.status())) return false;
  RETURN_IF_ERROR(existing.status());
  return AlreadyExistsError("output: {}: exists already. Try: --overwrite, or another path", path);
}

}  // namespace quern::mr
