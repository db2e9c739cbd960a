#include "mapreduce/plan/input_files.h"

#include <glob.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <utility>

#include "mapreduce/engine/decoder.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/plan/parallel.h"

namespace quern::mr {
namespace {

absl::Status NothingMatches(std::string_view pattern) {
  return NotFoundError("input: {}: no such file or directory. Try: dfs ls {}", pattern,
                       pattern.substr(0, std::max<size_t>(pattern.rfind('/'), 1)));
}

absl::Status ListTree(client::FileSystem* dfs, const std::string& dir,
                      std::vector<client::FileStatus>* files) {
  ASSIGN_OR_RETURN(const std::vector<client::FileStatus> entries, dfs->List(dir));
  for (const client::FileStatus& entry : entries) {
    if (IsHiddenName(entry.path)) continue;
    if (entry.is_directory()) {
      RETURN_IF_ERROR(ListTree(dfs, entry.path, files));
    } else {
      files->push_back(entry);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> IsCompressed(client::FileSystem* dfs, const std::string& path) {
  ASSIGN_OR_RETURN(const auto reader, dfs->Open(path));
  char first[4] = {};
  ASSIGN_OR_RETURN(const size_t got, reader->Pread(0, sizeof(first), first));
  return LooksCompressed(std::string_view(first, got));
}

// Where the chunks of a file lie.
absl::Status FillPlaces(client::FileSystem* dfs, uint64_t split_bytes, InputFile* file) {
  if (file->length == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<client::ChunkInfo> chunks, dfs->GetChunks(file->path));
  for (const client::ChunkInfo& info : chunks) {
    InputFile::Chunk& chunk = file->chunks.emplace_back();
    chunk.length = info.length;
    for (const client::ServerAddress& replica : info.replicas) {
      chunk.nodes.push_back(replica.node);
      chunk.racks.push_back(replica.rack);
    }
  }
  if (file->length > (split_bytes == 0 ? kDefaultSplitBytes : split_bytes)) {
    ASSIGN_OR_RETURN(file->compressed, IsCompressed(dfs, file->path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<InputFile>> FindInCluster(client::FileSystem* dfs,
                                                     std::string_view pattern,
                                                     uint64_t split_bytes) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, dfs->Glob(pattern));
  if (paths.empty()) return NothingMatches(pattern);
  std::vector<client::FileStatus> found;
  for (const std::string& path : paths) {
    // A hidden name counts when it was asked for by name, not when a wildcard found it.
    if (paths.size() > 1 && IsHiddenName(path)) continue;
    ASSIGN_OR_RETURN(client::FileStatus status, dfs->Stat(path));
    if (status.is_directory()) {
      RETURN_IF_ERROR(ListTree(dfs, path, &found));
    } else {
      found.push_back(std::move(status));
    }
  }
  std::vector<InputFile> files(found.size());
  for (size_t i = 0; i < found.size(); ++i) {
    files[i].path = found[i].path;
    files[i].length = found[i].length;
  }
  RETURN_IF_ERROR(
      ParallelFor(files.size(), [&](size_t i) { return FillPlaces(dfs, split_bytes, &files[i]); }));
  return files;
}

void AddLocal(const std::filesystem::path& path, std::vector<InputFile>* files) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      if (!IsHiddenName(entry.path().string())) AddLocal(entry.path(), files);
    }
    return;
  }
  if (!std::filesystem::is_regular_file(path, error)) return;
  InputFile& file = files->emplace_back();
  file.path = fmt::format("{}{}", kLocalScheme, path.string());
  file.length = std::filesystem::file_size(path, error);
  char first[4] = {};
  std::ifstream in(path, std::ios::binary);
  in.read(first, sizeof(first));
  file.compressed = LooksCompressed(std::string_view(first, static_cast<size_t>(in.gcount())));
}

absl::StatusOr<std::vector<InputFile>> FindOnThisMachine(std::string_view pattern) {
  const std::string path(pattern.substr(kLocalScheme.size()));
  glob_t matches{};
  std::vector<InputFile> files;
  // A name that is there is that name; only else it is a pattern.
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    AddLocal(path, &files);
    return files;
  }
  const int failed = glob(path.c_str(), GLOB_BRACE, nullptr, &matches);
  for (size_t i = 0; failed == 0 && i < matches.gl_pathc; ++i) {
    AddLocal(matches.gl_pathv[i], &files);
  }
  globfree(&matches);
  if (failed != 0) {
    return NotFoundError("input: {}: no such file or directory on this machine", pattern);
  }
  return files;
}

}  // namespace

absl::StatusOr<std::vector<InputFile>> FindInputFiles(client::FileSystem* dfs,
                                                      std::string_view pattern,
                                                      uint64_t split_bytes) {
  const bool local = IsLocalPath(pattern);
  ASSIGN_OR_RETURN(std::vector<InputFile> files,
                   local ? FindOnThisMachine(pattern) : FindInCluster(dfs, pattern, split_bytes));
  std::sort(files.begin(), files.end(),
            [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace quern::mr
