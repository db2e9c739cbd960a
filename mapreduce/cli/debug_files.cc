#include "mapreduce/cli/debug_files.h"

#include <filesystem>
#include <fstream>

#include "common/hash.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/plan/input_files.h"

namespace quern::mr {
namespace {

absl::Status CheckPiece(client::FileSystem* dfs, const pb::InputPiece& piece) {
  const absl::StatusOr<client::FileStatus> there = dfs->Stat(piece.path());
  if (there.status().code() == absl::StatusCode::kNotFound) {
    return NotFoundError(
        "its input {} is gone: it was removed or renamed after the job was planned", piece.path());
  }
  RETURN_IF_ERROR(there.status());
  const bool other = !piece.file_id().empty() && piece.file_id() != ClusterFileId(*there);
  if (!other && there->length >= piece.file_length()) return absl::OkStatus();
  return FailedPreconditionError(
      "its input {} is gone: another file has the name since the job was planned", piece.path());
}

absl::Status Fetch(client::FileSystem* dfs, const pb::JobSpec::Plugin& file,
                   const std::string& path) {
  const auto reader = dfs->Open(file.path());
  if (reader.status().code() == absl::StatusCode::kNotFound) {
    return NotFoundError(
        "{} is gone: what jobs bring along is removed a week after its last use. Try: run the job "
        "again",
        file.path());
  }
  RETURN_IF_ERROR(reader.status());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  Hasher128 hasher;
  const auto stream = (*reader)->Stream(0, (*reader)->status().length);
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
    if (bytes.empty()) break;
    hasher.Update(bytes);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  out.close();
  if (!out) return ResourceExhaustedError("{}: cannot be written", path);
  if (hasher.Digest().ToString() == file.hash()) return absl::OkStatus();
  return DataLossError("{}: is not what the job was submitted with", file.path());
}

}  // namespace

absl::Status CheckInput(client::FileSystem* dfs, const pb::Split& split) {
  for (const pb::InputPiece& piece : split.pieces()) {
    if (!IsLocalPath(piece.path())) RETURN_IF_ERROR(CheckPiece(dfs, piece));
  }
  return absl::OkStatus();
}

absl::Status FetchJobFiles(client::FileSystem* dfs, const std::string& dir, pb::JobSpec* spec) {
  const std::string plugin = dir + "/plugin.so";
  RETURN_IF_ERROR(Annotate(Fetch(dfs, spec->plugin(), plugin), "the plugin"));
  spec->mutable_plugin()->set_path(plugin);
  const std::string side_dir = fmt::format("{}/{}", dir, kSideFileDir);
  RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(side_dir));
  for (pb::JobSpec::SideFile& side : *spec->mutable_files()) {
    const std::string path = fmt::format("{}/{}", side_dir, side.name());
    RETURN_IF_ERROR(Annotate(Fetch(dfs, side.file(), path), side.name()));
    side.mutable_file()->set_path(path);
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
