#include "mapreduce/plan/overwrite_rules.h"

#include <algorithm>
#include <filesystem>
#include <set>

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
  auto manifest = ReadFileToString(FileSystem::Real(), fmt::format("{}/{}", local, kManifestName));
  if (!absl::IsNotFound(manifest.status())) {
    ASSIGN_OR_RETURN(existing.manifest, std::move(manifest));
  }
  return existing;
}

}  // namespace

std::vector<std::string> OutputPaths(const pb::JobSpec& spec) {
  std::vector<std::string> paths = {spec.output().path()};
  for (const pb::JobSpec::NamedOutput& named : spec.outputs()) {
    if (named.output().path() != paths[0]) paths.push_back(named.output().path());
  }
  return paths;
}

absl::Status CheckReplaceable(std::string_view path, const ExistingOutput& existing) {
  if (!existing.is_directory) {
    return FailedPreconditionError(
        "output: {}: is a file, and --overwrite replaces only the output of a job. Try: another "
        "path",
        path);
  }
  std::set<std::string> ours;  // none without a manifest
  if (auto names = NamesInManifest(existing.manifest)) {
    ours = {kManifestName, kSuccessName};
    ours.merge(names->files);
    ours.merge(names->directories);
  }
  const auto foreign = std::find_if(existing.names.begin(), existing.names.end(),
                                    [&](const std::string& name) { return !ours.contains(name); });
  if (foreign == existing.names.end()) return absl::OkStatus();
  return FailedPreconditionError(
      "output: {}: {} in it is not the output of a job, which is all that --overwrite replaces. "
      "Try: another path, or remove it first",
      path, *foreign);
}

absl::Status CheckNoInputBelow(std::string_view output, const std::vector<SplitInput>& inputs) {
  const std::string directory = Canonical(output);
  for (const SplitInput& input : inputs) {
    for (const InputFile& file : input.files) {
      if (!IsAtOrBelow(Canonical(file.path), directory)) continue;
      return FailedPreconditionError(
          "output: {}: holds the input {}, which would be replaced with it. Try: another path",
          output, file.path);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CheckOutputPath(client::FileSystem* dfs, const std::string& path,
                                     bool overwrite) {
  const absl::StatusOr<ExistingOutput> existing =
      IsLocalPath(path) ? ReadOnThisMachine(path, overwrite) : ReadInCluster(dfs, path, overwrite);
  if (absl::IsNotFound(existing.status())) return false;
  RETURN_IF_ERROR(existing.status());
  if (!overwrite) {
    return AlreadyExistsError("output: {}: exists already. Try: --overwrite, or another path",
                              path);
  }
  RETURN_IF_ERROR(CheckReplaceable(path, *existing));
  return true;
}

}  // namespace quern::mr
