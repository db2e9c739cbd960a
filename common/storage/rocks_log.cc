#include "common/storage/rocks_log.h"

#include <rocksdb/env.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/crc32c.h"
#include "common/log.h"
#include "common/random.h"

namespace quern {
namespace {

// In the column family "default", which has no other rows.
constexpr char kMarkKey[] = "durable";
constexpr char kKeyName[] = "MARK";
static_assert(std::endian::native == std::endian::little);

// The checksum is over all before it.
struct [[gnu::packed]] Mark {
  MarkKey key;
  uint64_t durable;
  uint32_t crc;
};

uint32_t CrcOf(const Mark& mark) { return ExtendCrc32c(0, &mark, offsetof(Mark, crc)); }

// The contents of MARK.
struct [[gnu::packed]] KeyFile {
  MarkKey key;
  uint32_t crc;
};

uint32_t CrcOf(const MarkKey& key) { return ExtendCrc32c(0, key.data(), key.size()); }

template <typename Packed>
rocksdb::Slice BytesOf(const Packed& packed) {
  return {reinterpret_cast<const char*>(&packed), sizeof(packed)};
}

rocksdb::Env* EnvOf(const RocksOptions& options) {
  return options.env != nullptr ? options.env : rocksdb::Env::Default();
}

// The highest mark in the bytes. It is found by its bytes alone, since RocksDB skips up to 32 KiB
// of good records behind a bad one.
uint64_t HighestMark(std::string_view bytes, std::string_view key) {
  uint64_t highest = 0;
  for (size_t at = bytes.find(key); at != bytes.npos; at = bytes.find(key, at + 1)) {
    if (bytes.size() - at < sizeof(Mark)) break;
    Mark mark;
    std::memcpy(&mark, bytes.data() + at, sizeof(mark));
    if (mark.crc == CrcOf(mark)) highest = std::max<uint64_t>(highest, mark.durable);
  }
  return highest;
}

absl::StatusOr<uint64_t> HighestMarkInFile(rocksdb::Env* env, const std::string& path,
                                           std::string_view key) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  RETURN_IF_ERROR(FromRocks(env->NewSequentialFile(path, &file, rocksdb::EnvOptions())));
  constexpr size_t kStep = size_t{1} << 20;
  std::string window;  // the end of what was searched, then what comes next
  std::string step(kStep, '\0');
  uint64_t highest = 0;
  while (true) {
    rocksdb::Slice got;
    RETURN_IF_ERROR(FromRocks(file->Read(kStep, &got, step.data())));
    if (got.empty()) return highest;
    window.append(ToStd(got));
    highest = std::max(highest, HighestMark(window, key));
    window.erase(0, window.size() - std::min(window.size(), sizeof(Mark) - 1));
  }
}

absl::StatusOr<uint64_t> HighestMarkInLogs(rocksdb::Env* env, const std::string& dir,
                                           std::string_view key) {
  std::vector<std::string> names;
  RETURN_IF_ERROR(FromRocks(env->GetChildren(dir, &names)));
  uint64_t highest = 0;
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    ASSIGN_OR_RETURN(const uint64_t mark, HighestMarkInFile(env, dir + "/" + name, key));
    highest = std::max(highest, mark);
  }
  return highest;
}

// The sequence number that an opening up to the first bad record arrives at.
absl::StatusOr<uint64_t> LastBeforeDamage(rocksdb::Env* env, const std::string& path) {
  rocksdb::Options read_only;
  read_only.env = env;
  read_only.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // Else RocksDB wants to forget which logs it tracked, and fails an assertion on the way.
  read_only.track_and_verify_wals_in_manifest = true;
  rocksdb::DB* opened = nullptr;
  RETURN_IF_ERROR(FromRocks(rocksdb::DB::OpenForReadOnly(read_only, path, &opened)));
  const std::unique_ptr<rocksdb::DB> db(opened);
  return db->GetLatestSequenceNumber();
}

}  // namespace

absl::Status PutDurableMark(rocksdb::WriteBatch* batch, const MarkKey& key, uint64_t durable) {
  Mark mark{.key = key, .durable = durable, .crc = 0};
  mark.crc = CrcOf(mark);
  return FromRocks(batch->Put(kMarkKey, BytesOf(mark)));
}

absl::StatusOr<std::optional<MarkKey>> ReadMarkKey(const RocksOptions& options) {
  const std::string path = options.path + "/" + kKeyName;
  std::string bytes;
  const rocksdb::Status read = rocksdb::ReadFileToString(EnvOf(options), path, &bytes);
  KeyFile file{};
  if (!read.IsNotFound() && !read.IsPathNotFound()) {
    RETURN_IF_ERROR(FromRocks(read));
    if (bytes.size() == sizeof(file)) {
      std::memcpy(&file, bytes.data(), sizeof(file));
      if (file.crc == CrcOf(file.key)) return file.key;
    }
  }
  LogWarning("log_not_checked", {{"path", path}, {"reason", "missing or damaged"}});
  return std::nullopt;
}

absl::StatusOr<MarkKey> MakeMarkKey(const RocksOptions& options) {
  KeyFile made{};
  RandomBytes(sizeof(made.key)).copy(made.key.data(), sizeof(made.key));
  made.crc = CrcOf(made.key);
  rocksdb::Env* env = EnvOf(options);
  const std::string path = options.path + "/" + kKeyName;
  rocksdb::EnvOptions plain;
  plain.use_mmap_writes = false;  // else it gets its size after the sync
  std::unique_ptr<rocksdb::WritableFile> file;
  RETURN_IF_ERROR(FromRocks(env->NewWritableFile(path + ".new", &file, plain)));
  RETURN_IF_ERROR(FromRocks(file->Append(BytesOf(made))));
  RETURN_IF_ERROR(FromRocks(file->Sync()));
  RETURN_IF_ERROR(FromRocks(file->Close()));
  RETURN_IF_ERROR(FromRocks(env->RenameFile(path + ".new", path)));
  std::unique_ptr<rocksdb::Directory> dir;
  RETURN_IF_ERROR(FromRocks(env->NewDirectory(options.path, &dir)));
  RETURN_IF_ERROR(FromRocks(dir->Fsync()));
  return made.key;
}

absl::Status CheckLog(const RocksOptions& options, const MarkKey& key) {
  rocksdb::Env* env = EnvOf(options);
  ASSIGN_OR_RETURN(const uint64_t durable,
                   HighestMarkInLogs(env, options.path, {key.data(), key.size()}));
  if (durable == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t readable, LastBeforeDamage(env, options.path));
  if (durable <= readable) return absl::OkStatus();
  return DataLossError(
      "the log is damaged: synced up to {}, readable up to {}. Try: docs/operations.md says what "
      "can be done",
      durable, readable);
}

}  // namespace quern
