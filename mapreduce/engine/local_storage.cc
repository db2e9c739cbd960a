#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "common/descriptor_identity.h"
#include "common/random.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

namespace {

constexpr size_t kReadBytes = 256 << 10;

std::string LocalPart(const std::string& path) {
  return IsLocalPath(path) ? path.substr(kLocalScheme.size()) : path;
}

// A file that user code may take away, since tasks have it open in the process that runs that.
class HeldFile {
 public:
  explicit HeldFile(std::unique_ptr<File> file)
      : file_(std::move(file)), identity_(DescriptorIdentity::Of(file_->fd())) {}

  File* get() const { return file_.get(); }
  // EBADF when user code has closed it: its number may be that of another file by now.
  absl::Status Check(std::string_view step) const {
    if (DescriptorIdentity::Of(file_->fd()) == identity_) return absl::OkStatus();
    return ErrnoStatus(EBADF, fmt::format("{} {}", step, file_->path()));
  }

 private:
  const std::unique_ptr<File> file_;
  const DescriptorIdentity identity_;
};

class LocalStream final : public ByteStream {
 public:
  LocalStream(const HeldFile* file, uint64_t offset, uint64_t end)
      : file_(file),
        offset_(offset),
        end_(end),
        buffer_(std::make_unique_for_overwrite<char[]>(kReadBytes)) {}

  absl::StatusOr<std::string_view> Next() override {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(kReadBytes, end_ - offset_));
    if (want == 0) return std::string_view();
    RETURN_IF_ERROR(file_->Check("read"));
    ASSIGN_OR_RETURN(const size_t got, file_->get()->Pread(offset_, want, buffer_.get()));
    offset_ += got;
    if (got < want) end_ = offset_;  // the file has become shorter
    return std::string_view(buffer_.get(), got);
  }

 private:
  const HeldFile* const file_;
  uint64_t offset_;
  uint64_t end_;
  const std::unique_ptr<char[]> buffer_;
};

class LocalReadable final : public ReadableFile {
 public:
  LocalReadable(std::unique_ptr<File> file, uint64_t length)
      : file_(std::move(file)), length_(length) {}
  uint64_t length() const override { return length_; }
  std::string id() const override {
    struct stat status {};
    return fstat(file_.get()->fd(), &status) == 0 ? LocalFileId(status.st_dev, status.st_ino) : "";
  }
  std::unique_ptr<ByteStream> Stream(uint64_t offset, uint64_t length) override {
    const uint64_t begin = std::min(offset, length_);
    return std::make_unique<LocalStream>(&file_, begin, begin + std::min(length, length_ - begin));
  }

 private:
  const HeldFile file_;
  const uint64_t length_;
};

// Written under a temporary name beside the final one.
class LocalWritable final : public WritableFile {
 public:
  LocalWritable(std::unique_ptr<File> file, std::string path)
      : file_(std::in_place, std::move(file)), path_(std::move(path)) {}
  ~LocalWritable() override {
    if (file_) FileSystem::Real()->Remove(file_->get()->path()).IgnoreError();
  }
  absl::Status Append(std::string_view bytes) override {
    RETURN_IF_ERROR(file_->Check("write"));
    RETURN_IF_ERROR(file_->get()->Pwrite(bytes, length_));
    length_ += bytes.size();
    return absl::OkStatus();
  }
  absl::Status Close() override {
    RETURN_IF_ERROR(file_->Check("write"));
    RETURN_IF_ERROR(file_->get()->Datasync());
    RETURN_IF_ERROR(FileSystem::Real()->Rename(file_->get()->path(), path_));
    file_.reset();
    return FileSystem::Real()->SyncDir(ParentDir(path_));
  }

 private:
  std::optional<HeldFile> file_;
  const std::string path_;
  uint64_t length_ = 0;
};

struct TreeMove {
  std::string from;
  std::string to;
  // Where what was at `to` is afterwards, until it goes: at `from` where the two can be exchanged,
  // else hidden beside `to`. Empty: nothing was.
  std::string replaced;
};

// At every moment one of them is at `to`. False: this file system cannot do that.
absl::StatusOr<bool> Exchange(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return true;
  if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return false;
  return ErrnoStatus(errno, fmt::format("rename {} to {}", from, to));
}

void UndoMove(const TreeMove& move) {
  if (move.replaced == move.from) {
    Exchange(move.from, move.to).IgnoreError();
    return;
  }
  FileSystem::Real()->Rename(move.to, move.from).IgnoreError();
  if (!move.replaced.empty()) FileSystem::Real()->Rename(move.replaced, move.to).IgnoreError();
}

absl::Status MoveAside(TreeMove* move) {
  const std::string name = move->to.substr(move->to.rfind('/') + 1);
  const std::string aside = fmt::format("{}/.{}.old-{}", ParentDir(move->to), name, RandomHex(4));
  RETURN_IF_ERROR(FileSystem::Real()->Rename(move->to, aside));
  move->replaced = aside;
  return absl::OkStatus();
}

absl::Status RenameTo(const TreeMove& move) {
  RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(ParentDir(move.to)));
  return FileSystem::Real()->Rename(move.from, move.to);
}

// After an error everything is where it was.
absl::Status MakeMove(bool replace, TreeMove* move) {
  bool is_exchanged = false;
  if (FileSystem::Real()->Exists(move->to)) {
    if (!replace) return AlreadyExistsError("{}: already exists", move->to);
    ASSIGN_OR_RETURN(is_exchanged, Exchange(move->from, move->to));
    if (is_exchanged) move->replaced = move->from;
    if (!is_exchanged) RETURN_IF_ERROR(MoveAside(move));
  }
  absl::Status status = is_exchanged ? absl::OkStatus() : RenameTo(*move);
  if (status.ok()) status = FileSystem::Real()->SyncDir(ParentDir(move->to));
  if (!status.ok()) UndoMove(*move);
  return status;
}

class LocalStorage final : public Storage {
 public:
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    ASSIGN_OR_RETURN(auto file, FileSystem::Real()->Open(LocalPart(path), {}));
    ASSIGN_OR_RETURN(const uint64_t length, file->Size());
    return std::make_unique<LocalReadable>(std::move(file), length);
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path,
                                                       const WriteOptions&) override {
    const std::string local = LocalPart(path);
    RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(ParentDir(local)));
    const std::string temporary = fmt::format("{}.tmp-{}", local, RandomHex(4));
    ASSIGN_OR_RETURN(auto file,
                     FileSystem::Real()->Open(temporary, {.create = true, .exclusive = true}));
    return std::make_unique<LocalWritable>(std::move(file), local);
  }

  absl::Status Rename(const std::string& from, const std::string& to, bool replace) override {
    return RenameAll({{from, to}}, replace);
  }

  absl::Status RenameAll(const Moves& moves, bool replace) override {
    std::vector<TreeMove> made;
    for (const auto& [from, to] : moves) {
      TreeMove move{LocalPart(from), LocalPart(to), ""};
      const absl::Status status = MakeMove(replace, &move);
      if (status.ok()) {
        made.push_back(std::move(move));
        continue;
      }
      for (; !made.empty(); made.pop_back()) UndoMove(made.back());
      return status;
    }
    // What stays of them has a name that nobody looks at.
    for (const TreeMove& move : made) {
      if (!move.replaced.empty()) RemoveTree(move.replaced).IgnoreError();
    }
    return absl::OkStatus();
  }

  absl::Status RemoveTree(const std::string& path) override {
    return FileSystem::Real()->RemoveTree(LocalPart(path));
  }
};

}  // namespace

std::string LocalFileId(uint64_t device, uint64_t inode) {
  return fmt::format("{:x}:{:x}", device, inode);
}

std::unique_ptr<Storage> MakeLocalStorage() { return std::make_unique<LocalStorage>(); }

}  // namespace quern::mr
