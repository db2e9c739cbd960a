// The files of a disk.
#include <sys/stat.h>

#include <charconv>

#include "chunkserver/store/disk.h"

namespace quern::chunkserver {
namespace {

std::string FileName(ChunkId chunk) { return fmt::format("{:016x}", chunk.value()); }

// Nothing when it is no name of a data file.
std::optional<ChunkId> ChunkOfFileName(std::string_view name) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value, 16);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return FileName(ChunkId(value)) == name ? std::optional(ChunkId(value)) : std::nullopt;
}

absl::StatusOr<std::unique_ptr<File>> CreateWithSpace(FileSystem* fs, const std::string& path,
                                                      uint64_t reserve_bytes) {
  ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                   fs->Open(path, {.write = true, .create = true, .truncate = true}));
  if (absl::Status status = file->Reserve(reserve_bytes); !status.ok()) {
    fs->Remove(path).IgnoreError();  // a leftover without a row is replaced when it is in the way
    return status;
  }
  return file;
}

}  // namespace

std::string Disk::DataDir(ChunkId chunk) const {
  return fmt::format("{}/data/{:02x}", path(), chunk.value() & 0xff);
}

std::string Disk::DataPath(ChunkId chunk) const { return DataDir(chunk) + "/" + FileName(chunk); }

std::string Disk::TemporaryPath(ChunkId chunk) const { return path() + "/tmp/" + FileName(chunk); }

absl::StatusOr<std::unique_ptr<File>> Disk::CreateData(ChunkId chunk, uint64_t reserve_bytes) {
  RETURN_IF_ERROR(MakeDataDir(chunk));
  return CreateWithSpace(options_.fs, DataPath(chunk), reserve_bytes);
}

// Made when first needed: 256 of them at once would cost a new disk 256 syncs. One that is there is
// not taken to be durable: a process that was killed may have left it, a sync of its name may have
// failed, or another thread may be in the middle of that.
absl::Status Disk::MakeDataDir(ChunkId chunk) {
  std::atomic<bool>& durable = data_dirs_durable_[chunk.value() & 0xff];
  if (durable) return absl::OkStatus();
  RETURN_IF_ERROR(options_.fs->MakeDirs(DataDir(chunk)));
  durable = true;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<File>> Disk::OpenData(ChunkId chunk, bool write) {
  return options_.fs->Open(DataPath(chunk), {.write = write});
}

absl::Status Disk::SyncDataDir(ChunkId chunk) {
  const absl::Status status = options_.fs->SyncDir(DataDir(chunk));
  // Names that a failed sync dropped are not known, whatever it failed of. Unavailable is said of
  // a directory that could not even be opened.
  if (!status.ok() && !absl::IsUnavailable(status)) Fail(status);
  return status;
}

bool Disk::IsThere() const { return options_.fs->Exists(path() + "/IDENTITY"); }

absl::StatusOr<std::vector<ChunkId>> Disk::ListData() {
  std::vector<ChunkId> chunks;
  const auto dirs = options_.fs->List(path() + "/data");
  if (absl::IsNotFound(dirs.status())) return chunks;
  RETURN_IF_ERROR(dirs.status());
  for (const std::string& dir : *dirs) {
    if (dir.size() != 2) continue;
    ASSIGN_OR_RETURN(const auto names, options_.fs->List(path() + "/data/" + dir));
    for (const std::string& name : names) {
      const std::optional<ChunkId> chunk = ChunkOfFileName(name);
      if (chunk && DataPath(*chunk) == fmt::format("{}/data/{}/{}", path(), dir, name)) {
        chunks.push_back(*chunk);
      }
    }
  }
  return chunks;
}

absl::StatusOr<std::optional<Disk::DataSize>> Disk::SizeOfData(ChunkId chunk) {
  const auto file = OpenData(chunk, /*write=*/false);
  if (file.status().code() == absl::StatusCode::kNotFound) return std::nullopt;
  RETURN_IF_ERROR(file.status());
  DataSize size;
  ASSIGN_OR_RETURN(size.bytes, (*file)->Size());
  struct stat info = {};
  if (fstat((*file)->fd(), &info) == 0) {
    size.allocated_bytes = static_cast<uint64_t>(info.st_blocks) * 512;
  }
  return size;
}

absl::Status Disk::TrimData(ChunkId chunk, uint64_t length) {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, OpenData(chunk, /*write=*/true));
  return file->Truncate(length);
}

absl::Status Disk::RemoveData(ChunkId chunk) {
  const absl::Status status = options_.fs->Remove(DataPath(chunk));
  if (status.code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  return status.ok() ? SyncDataDir(chunk) : status;
}

absl::StatusOr<std::unique_ptr<File>> Disk::CreateTemporary(ChunkId chunk, uint64_t reserve_bytes) {
  return CreateWithSpace(options_.fs, TemporaryPath(chunk), reserve_bytes);
}

absl::Status Disk::PublishTemporary(ChunkId chunk) {
  RETURN_IF_ERROR(MakeDataDir(chunk));
  RETURN_IF_ERROR(options_.fs->Rename(TemporaryPath(chunk), DataPath(chunk)));
  return SyncDataDir(chunk);
}

void Disk::RemoveTemporary(ChunkId chunk) {
  options_.fs->Remove(TemporaryPath(chunk)).IgnoreError();  // tmp/ is emptied at the next start
}

}  // namespace quern::chunkserver
