#include "mapreduce/cli/plugin_upload.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

#include "client/file_system.h"
#include "common/cli/cli.h"
#include "common/hash.h"
#include "common/storage/file_io.h"
#include "mapreduce/plan/job_spec_rules.h"

namespace quern::mr {

namespace {

constexpr std::string_view kLocal = "file://";

std::unique_ptr<client::FileSystem> Connect(const std::vector<std::string>& masters, Clock* clock) {
  client::ClientOptions options;
  options.masters = masters;
  options.clock = clock;
  return client::FileSystem::Create(options);
}

// One that is there is made as good as new: the coordinator removes old ones that no job uses. True
// when it is not there, or has just been removed.
absl::StatusOr<bool> IsMissing(client::FileSystem* dfs, const pb::JobSpec::Plugin& file,
                               Clock* clock) {
  const absl::StatusOr<client::FileStatus> there = dfs->Stat(file.path());
  if (there.status().code() == absl::StatusCode::kNotFound) return true;
  RETURN_IF_ERROR(there.status());
  if (there->length != file.size_bytes()) return true;
  client::AttributeChange touch;
  touch.mtime = clock->TimeNow();
  const absl::Status touched = dfs->SetAttributes(file.path(), touch).status();
  return touched.code() == absl::StatusCode::kNotFound;
}

absl::Status Upload(client::FileSystem* dfs, const std::string& path, std::string_view bytes) {
  client::CreateOptions create;
  create.create_parents = true;
  create.overwrite = true;  // another upload of the same bytes may come first
  ASSIGN_OR_RETURN(const auto writer, dfs->Create(path, create));
  RETURN_IF_ERROR(writer->Append(bytes));
  return writer->Close().status();
}

absl::StatusOr<uint64_t> LocalBytes(const std::string& local) {
  if (IsDirectory(local)) {
    return InvalidArgumentError(
        "{}: is a directory, and a side file is one file. Try: --files with each file in it, or "
        "with an archive of them",
        local);
  }
  if (!IsRegularFile(local)) return NotFoundError("{}: no such file on this machine", local);
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(local, error);
  return error ? ErrnoStatus(error.value(), local) : absl::StatusOr<uint64_t>(bytes);
}

pb::JobSpec::Plugin Uploaded(const PluginInfo& plugin) {
  pb::JobSpec::Plugin uploaded;
  uploaded.set_path(fmt::format("/.quern/plugins/{}.so", plugin.hash));
  uploaded.set_size_bytes(plugin.size_bytes);
  uploaded.set_hash(plugin.hash);
  return uploaded;
}

absl::StatusOr<bool> IsThere(client::FileSystem* dfs, const pb::JobSpec::Plugin& file) {
  const absl::StatusOr<client::FileStatus> there = dfs->Stat(file.path());
  if (there.status().code() == absl::StatusCode::kNotFound) return false;
  RETURN_IF_ERROR(there.status());
  return there->length == file.size_bytes();
}

// Of this machine: what it has in it, and where that lies in the cluster. The bytes.
absl::StatusOr<std::string> NameLocalFile(pb::JobSpec::Plugin* file) {
  const std::string local = file->path().substr(kLocal.size());
  ASSIGN_OR_RETURN(const uint64_t length, LocalBytes(local));
  RETURN_IF_ERROR(CheckSideFileBytes(local, length));
  ASSIGN_OR_RETURN(const std::string bytes, ReadFileToString(FileSystem::Real(), local));
  file->set_hash(HashBytes128(bytes).ToString());
  file->set_size_bytes(bytes.size());
  file->set_path(fmt::format("/.quern/plugins/{}.data", file->hash()));
  return bytes;
}

absl::Status UploadSideFile(client::FileSystem* dfs, pb::JobSpec::Plugin* file, Clock* clock) {
  ASSIGN_OR_RETURN(const std::string bytes, NameLocalFile(file));
  ASSIGN_OR_RETURN(const bool missing, IsMissing(dfs, *file, clock));
  return missing ? Upload(dfs, file->path(), bytes) : absl::OkStatus();
}

// Of the cluster.
absl::Status MeasureSideFile(client::FileSystem* dfs, pb::JobSpec::Plugin* file) {
  ASSIGN_OR_RETURN(const auto reader, dfs->Open(file->path()));
  const uint64_t length = reader->status().length;
  RETURN_IF_ERROR(CheckSideFileBytes(file->path(), length));
  Hasher128 hasher;
  std::string block(std::min<uint64_t>(length, 1 << 20), '\0');
  for (uint64_t at = 0; at < length;) {
    ASSIGN_OR_RETURN(const size_t got, reader->Pread(at, block.size(), block.data()));
    if (got == 0) return DataLossError("{}: ends at {} of {} bytes", file->path(), at, length);
    hasher.Update({block.data(), got});
    at += got;
  }
  file->set_size_bytes(length);
  file->set_hash(hasher.Digest().ToString());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<pb::JobSpec::Plugin> UploadPlugin(const std::vector<std::string>& masters,
                                                 const std::string& local_path,
                                                 const PluginInfo& plugin, Clock* clock) {
  pb::JobSpec::Plugin uploaded = Uploaded(plugin);
  // What lies under a hash is never looked at again: only what has it may go there.
  ASSIGN_OR_RETURN(const std::string bytes, ReadFileToString(FileSystem::Real(), local_path));
  if (HashBytes128(bytes).ToString() != plugin.hash) {
    return FailedPreconditionError("{}: was changed while it was read. Try: again", local_path);
  }
  const auto dfs = Connect(masters, clock);
  ASSIGN_OR_RETURN(const bool missing, IsMissing(dfs.get(), uploaded, clock));
  if (!missing) return uploaded;
  RETURN_IF_ERROR(Annotate(Upload(dfs.get(), uploaded.path(), bytes), "upload the plugin"));
  return uploaded;
}

absl::StatusOr<bool> FindUploaded(client::FileSystem* dfs, const PluginInfo& plugin,
                                  pb::JobSpec* spec) {
  *spec->mutable_plugin() = Uploaded(plugin);
  ASSIGN_OR_RETURN(bool all, IsThere(dfs, spec->plugin()));
  for (pb::JobSpec::SideFile& side : *spec->mutable_files()) {
    pb::JobSpec::Plugin* const file = side.mutable_file();
    if (!file->path().starts_with(kLocal)) {
      RETURN_IF_ERROR(Annotate(MeasureSideFile(dfs, file), "files"));
      continue;
    }
    RETURN_IF_ERROR(Annotate(NameLocalFile(file).status(), "files"));
    ASSIGN_OR_RETURN(const bool there, IsThere(dfs, *file));
    all = all && there;
  }
  return all;
}

void NameSideFiles(SpecFile* file) {
  file->spec.clear_files();
  for (const auto& [path, name] : file->files) {
    pb::JobSpec::SideFile* const side = file->spec.add_files();
    side->set_name(name);
    if (path.starts_with('/')) {
      side->mutable_file()->set_path(path);
      continue;
    }
    const std::string local =
        path.starts_with(kLocal)
            ? path.substr(kLocal.size())
            : std::filesystem::path(AbsolutePath(path)).lexically_normal().string();
    side->mutable_file()->set_path(fmt::format("{}{}", kLocal, local));
  }
}

absl::Status CheckLocalSideFiles(const pb::JobSpec& spec) {
  for (const pb::JobSpec::SideFile& side : spec.files()) {
    const std::string& path = side.file().path();
    if (!path.starts_with(kLocal)) continue;
    RETURN_IF_ERROR(Annotate(LocalBytes(path.substr(kLocal.size())).status(), "files"));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SideFileBytes(client::FileSystem* dfs, const std::string& path) {
  if (path.starts_with(kLocal)) return LocalBytes(path.substr(kLocal.size()));
  ASSIGN_OR_RETURN(const auto reader, dfs->Open(path));
  return reader->status().length;
}

ReadFileStart StartsOfSideFiles(const std::vector<std::string>& masters, Clock* clock) {
  return [masters, clock](const std::string& path) -> absl::StatusOr<std::optional<std::string>> {
    std::string start(kFileKindBytes, '\0');
    if (path.starts_with('/')) {
      if (masters.empty()) return std::optional<std::string>();
      const auto dfs = Connect(masters, clock);
      ASSIGN_OR_RETURN(const auto reader, dfs->Open(path));
      ASSIGN_OR_RETURN(const size_t got, reader->Pread(0, start.size(), start.data()));
      start.resize(got);
      return std::optional<std::string>(start);
    }
    const std::string local = path.starts_with(kLocal) ? path.substr(kLocal.size()) : path;
    std::ifstream file(local, std::ios::binary);
    if (!file) return ErrnoStatus(errno, local);
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    start.resize(static_cast<size_t>(file.gcount()));
    return std::optional<std::string>(start);
  };
}

absl::Status CheckSideFileBytes(const std::string& path, uint64_t bytes) {
  if (bytes <= kMaxSideFileBytes) return absl::OkStatus();
  return InvalidArgumentError("{}: has {}, the limit is {}. Try: make it an input of the job", path,
                              FormatBinarySize(bytes), FormatBinarySize(kMaxSideFileBytes));
}

absl::Status UploadSideFiles(const std::vector<std::string>& masters, pb::JobSpec* spec,
                             Clock* clock) {
  if (spec->files().empty()) return absl::OkStatus();
  const auto dfs = Connect(masters, clock);
  for (pb::JobSpec::SideFile& side : *spec->mutable_files()) {
    pb::JobSpec::Plugin* const file = side.mutable_file();
    RETURN_IF_ERROR(Annotate(file->path().starts_with(kLocal)
                                 ? UploadSideFile(dfs.get(), file, clock)
                                 : MeasureSideFile(dfs.get(), file),
                             "files"));
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
