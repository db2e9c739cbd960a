#include "mapreduce/plan/input_files.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <utility>

#include "client/glob.h"
#include "client/path.h"
#include "client/read_files.h"
#include "common/parallel.h"
#include "common/shell_words.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/plan/pipeline_rules.h"

namespace quern::mr {
namespace {

absl::Status NothingMatches(std::string_view pattern) {
  return NotFoundError("input: {}: no such file or directory. Try: dfs ls {}", pattern,
                       ShellQuotedLine(pattern.substr(0, std::max<size_t>(pattern.rfind('/'), 1))));
}

// Of the files in the directory of this one whose names end as its name does. Empty where its name
// has no end, or the directory has what a pattern would not mean as it stands.
std::string PatternLike(std::string_view path) {
  const size_t name = path.rfind('/') + 1;
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || dot <= name) return "";
  const std::string_view dir = path.substr(0, name);
  const std::string_view end = path.substr(dot);
  if (client::IsPattern(dir) || client::IsPattern(end)) return "";
  return fmt::format("{}*{}", dir, end);
}

absl::StatusOr<std::string> ReadStart(client::FileSystem* dfs, const std::string& path) {
  ASSIGN_OR_RETURN(const auto reader, dfs->Open(path));
  std::string first(InputFormat::kFirstBytes, '\0');
  ASSIGN_OR_RETURN(const size_t got, reader->Pread(0, first.size(), first.data()));
  first.resize(got);
  return first;
}

// How the files of an input are to be read.
struct Reading {
  const InputFormat& format;
  uint64_t split_bytes;

  // A file that fits into one split is not cut, whatever it begins with.
  bool MayBeCut(uint64_t length) const { return length > split_bytes; }
  // Of a file with path and length.
  void Plan(std::string_view first_bytes, InputFile* file) const {
    file->format = &format.FormatOf(file->path);
    file->use = file->format->Plan(file->length, first_bytes);
  }
};

// Where the chunks of a file lie.
absl::Status FillPlaces(client::FileSystem* dfs, const Reading& reading, InputFile* file) {
  reading.Plan({}, file);
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
  if (reading.MayBeCut(file->length)) {
    ASSIGN_OR_RETURN(const std::string first, ReadStart(dfs, file->path));
    reading.Plan(first, file);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<InputFile>> FindInCluster(client::FileSystem* dfs,
                                                     std::string_view pattern,
                                                     const Reading& reading) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, dfs->Glob(pattern));
  if (paths.empty()) return NothingMatches(pattern);
  ASSIGN_OR_RETURN(const std::vector<client::FileStatus> found,
                   client::FilesToRead(dfs, pattern, paths));
  std::vector<InputFile> files(found.size());
  for (size_t i = 0; i < found.size(); ++i) {
    files[i].path = found[i].path;
    files[i].length = found[i].length;
    files[i].id = ClusterFileId(found[i]);
  }
  RETURN_IF_ERROR(
      ParallelFor(files.size(), [&](size_t i) { return FillPlaces(dfs, reading, &files[i]); }));
  return files;
}

// Walks directories of this machine. Symbolic links are followed; a directory that several ways
// lead to is taken once, so that a link to one above ends.
class LocalFiles {
 public:
  explicit LocalFiles(const Reading& reading) : reading_(reading) {}

  // `path` was asked for by name: it has to be something that can be read.
  absl::Status AddNamed(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return ErrnoStatus(errno, "input: " + path);
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) {
      return InvalidArgumentError("input: {}: is neither a file nor a directory", path);
    }
    struct stat parent {};
    const std::string dir = path.substr(0, std::max<size_t>(path.rfind('/'), 1));
    if (stat(dir.c_str(), &parent) != 0) return ErrnoStatus(errno, "input: " + dir);
    return Add(path, status, {parent.st_dev, parent.st_ino});
  }
  std::vector<InputFile> Take() { return std::move(files_); }

 private:
  using FileId = std::pair<dev_t, ino_t>;

  absl::Status Add(const std::string& path, const struct stat& status, FileId parent) {
    if (S_ISDIR(status.st_mode)) return AddDirectory(path, {status.st_dev, status.st_ino});
    if (!S_ISREG(status.st_mode)) return absl::OkStatus();
    if (!seen_.emplace(parent, path.substr(path.rfind('/') + 1)).second) return absl::OkStatus();
    InputFile& file = files_.emplace_back();
    file.path = fmt::format("{}{}", kLocalScheme, path);
    file.length = static_cast<uint64_t>(status.st_size);
    file.id = LocalFileId(status.st_dev, status.st_ino);
    std::ifstream in(path, std::ios::binary);
    if (!in) return ErrnoStatus(errno, "input: " + path);
    std::string first(reading_.MayBeCut(file.length) ? InputFormat::kFirstBytes : 0, '\0');
    in.read(first.data(), static_cast<std::streamsize>(first.size()));
    first.resize(static_cast<size_t>(in.gcount()));
    reading_.Plan(first, &file);
    return absl::OkStatus();
  }

  absl::Status AddDirectory(const std::string& path, FileId id) {
    if (!directories_.insert(id).second) return absl::OkStatus();
    const auto names = FileSystem::Real()->List(path);
    RETURN_IF_ERROR(Annotate(names.status(), "input"));
    for (const std::string& name : *names) {
      const std::string file = fmt::format("{}/{}", path, name);
      struct stat entry {};
      // What has gone meanwhile, and a link to nothing, is not there.
      if (client::IsHiddenName(file) || stat(file.c_str(), &entry) != 0) continue;
      RETURN_IF_ERROR(Add(file, entry, id));
    }
    return absl::OkStatus();
  }

  const Reading reading_;
  std::vector<InputFile> files_;
  std::set<FileId> directories_;
  std::set<std::pair<FileId, std::string>> seen_;  // directory and name of each file
};

absl::StatusOr<std::vector<InputFile>> FindOnThisMachine(std::string_view pattern,
                                                         const Reading& reading) {
  const std::string path(pattern.substr(kLocalScheme.size()));
  glob_t matches{};
  LocalFiles files(reading);
  // A name that is there is that name; only else it is a pattern.
  if (FileSystem::Real()->Exists(path)) {
    RETURN_IF_ERROR(files.AddNamed(path));
    return files.Take();
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> patterns, client::ExpandBraces(path));
  const int failed = glob(path.c_str(), GLOB_BRACE, nullptr, &matches);
  absl::Status status;
  for (size_t i = 0; failed == 0 && i < matches.gl_pathc && status.ok(); ++i) {
    if (client::IsHiddenMatch(matches.gl_pathv[i], patterns)) continue;
    status = files.AddNamed(matches.gl_pathv[i]);
  }
  globfree(&matches);
  if (failed != 0) {
    return NotFoundError("input: {}: no such file or directory on this machine", pattern);
  }
  RETURN_IF_ERROR(status);
  return files.Take();
}

}  // namespace

std::string ClusterFileId(const client::FileStatus& status) {
  return fmt::format("{}", status.inode);
}

absl::StatusOr<std::vector<InputFile>> FindInputFiles(client::FileSystem* dfs,
                                                      const pb::JobSpec::Input& input,
                                                      uint64_t split_bytes) {
  ASSIGN_OR_RETURN(const InputFormat* const format, FindInputFormat(input.format()));
  const Reading reading = {*format, split_bytes == 0 ? kDefaultSplitBytes : split_bytes};
  const std::string& pattern = input.path();
  const bool local = IsLocalPath(pattern);
  ASSIGN_OR_RETURN(std::vector<InputFile> files, local ? FindOnThisMachine(pattern, reading)
                                                       : FindInCluster(dfs, pattern, reading));
  std::sort(files.begin(), files.end(),
            [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
  return files;
}

std::string LeaveOutAdvice(const std::vector<InputFile>& files, const InputFormat& format) {
  const auto is_such = [&format](const InputFile& file) { return file.format == &format; };
  const auto such = std::count_if(files.begin(), files.end(), is_such);
  const auto other = std::find_if_not(files.begin(), files.end(), is_such);
  if (other == files.end()) return "";
  std::string advice = such == 1 ? "; or leave the one such file out"
                                 : fmt::format("; or leave the {} such files out", such);
  const std::string pattern = PatternLike(other->path);
  const bool fits = !pattern.empty() && std::all_of(files.begin(), files.end(), [&](const auto& f) {
    return (PatternLike(f.path) == pattern) != is_such(f);
  });
  return fits ? advice + fmt::format(", as {} does", ShellQuotedLine(pattern)) : advice;
}

absl::Status CheckFormatsInstalled(const std::vector<InputFile>& files) {
  std::set<const InputFormat*> installed;
  for (const InputFile& file : files) {
    if (!installed.insert(file.format).second) continue;
    const absl::Status status = file.format->Installed();
    if (status.ok()) continue;
    return MakeStatus(status.code(), fmt::format("input: {}: {}{}", file.path, Message(status),
                                                 LeaveOutAdvice(files, *file.format)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SplitInput>> FindStageInputs(client::FileSystem* dfs,
                                                        const pb::PipelineStage& stage) {
  const pb::JobSpec job = FirstRoundJob(stage);
  std::vector<SplitInput> inputs;
  for (int i = 0; i < job.inputs_size(); ++i) {
    if (job.inputs(i).path().starts_with('@')) continue;
    SplitInput& input = inputs.emplace_back();
    input.input = static_cast<uint32_t>(i);
    ASSIGN_OR_RETURN(input.files, FindInputFiles(dfs, job.inputs(i), job.limits().split_bytes()));
    RETURN_IF_ERROR(CheckFormatsInstalled(input.files));
  }
  return inputs;
}

}  // namespace quern::mr
