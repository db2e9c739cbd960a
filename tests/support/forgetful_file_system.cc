#include "tests/support/forgetful_file_system.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace quern {
namespace {

namespace stdfs = std::filesystem;

constexpr uint64_t kPageBytes = 4096;

bool IsBelow(const std::string& path, const std::string& dir) {
  return path.size() > dir.size() && path.starts_with(dir) && path[dir.size()] == '/';
}

// This is a test tool: when its own bookkeeping fails nothing that follows means anything.
void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "forgetful file system: %s\n", status.ToString().c_str());
  std::abort();
}

template <typename T>
T Must(absl::StatusOr<T> result) {
  Must(result.status());
  return std::move(result).value();
}

}  // namespace

// An open file. All its changes go through the lock of the file system.
class ForgetfulFile : public File {
 public:
  ForgetfulFile(ForgetfulFileSystem* fs, std::shared_ptr<ForgetfulFileSystem::Inode> inode,
                std::unique_ptr<File> real, int cuts)
      : fs_(fs), inode_(std::move(inode)), real_(std::move(real)), cuts_(cuts) {}

  absl::Status Pwritev(std::span<const iovec> parts, uint64_t offset) override {
    MutexLock lock(&fs_->mutex_);
    RETURN_IF_ERROR(CheckPower());
    uint64_t end = offset;
    for (const iovec& part : parts) end += part.iov_len;
    fs_->SavePages(inode_.get(), offset, end);
    return real_->Pwritev(parts, offset);
  }
  absl::StatusOr<size_t> Pread(uint64_t offset, size_t n, char* out) override {
    MutexLock lock(&fs_->mutex_);
    RETURN_IF_ERROR(CheckPower());
    return real_->Pread(offset, n, out);
  }
  absl::Status StartWriteback(uint64_t, uint64_t) override { return absl::OkStatus(); }
  absl::Status Truncate(uint64_t size) override {
    MutexLock lock(&fs_->mutex_);
    RETURN_IF_ERROR(CheckPower());
    fs_->SavePages(inode_.get(), size, inode_->synced_size);
    return real_->Truncate(size);
  }
  absl::Status Reserve(uint64_t n) override {
    MutexLock lock(&fs_->mutex_);
    RETURN_IF_ERROR(CheckPower());
    return real_->Reserve(n);
  }
  absl::StatusOr<uint64_t> Size() override { return real_->Size(); }
  int fd() const override { return real_->fd(); }
  const std::string& path() const override { return real_->path(); }

 private:
  absl::Status Datasync() override {
    MutexLock lock(&fs_->mutex_);
    RETURN_IF_ERROR(CheckPower());
    inode_->old_pages.clear();
    inode_->synced_size = Must(real_->Size());
    return absl::OkStatus();
  }

  absl::Status CheckPower() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(fs_->mutex_) {
    if (cuts_ == fs_->cuts_) return absl::OkStatus();
    return DataLossError("{}: the power was cut", real_->path());
  }

  ForgetfulFileSystem* const fs_;
  const std::shared_ptr<ForgetfulFileSystem::Inode> inode_;
  const std::unique_ptr<File> real_;
  const int cuts_;  // at the time of the opening
};

ForgetfulFileSystem::ForgetfulFileSystem(std::string memory_dir)
    : real_(FileSystem::Real()), memory_dir_(std::move(memory_dir)) {
  Must(real_->MakeDirs(memory_dir_));
}

ForgetfulFileSystem::~ForgetfulFileSystem() { Must(real_->RemoveTree(memory_dir_)); }

absl::Status ForgetfulFileSystem::CheckPower() const {
  return power_on_ ? absl::OkStatus() : DataLossError("the power is off");
}

std::shared_ptr<ForgetfulFileSystem::Inode> ForgetfulFileSystem::Adopt(const std::string& path) {
  auto inode = std::make_shared<Inode>();
  inode->keeper = fmt::format("{}/{}", memory_dir_, next_keeper_++);
  stdfs::create_hard_link(path, inode->keeper);
  names_[path] = inode;
  return inode;
}

std::shared_ptr<ForgetfulFileSystem::Inode> ForgetfulFileSystem::Track(const std::string& path) {
  if (const auto found = names_.find(path); found != names_.end()) return found->second;
  if (!stdfs::is_regular_file(path)) return nullptr;
  std::shared_ptr<Inode> inode = Adopt(path);
  inode->synced_size = stdfs::file_size(path);
  synced_names_[path] = inode;
  return inode;
}

absl::StatusOr<std::unique_ptr<File>> ForgetfulFileSystem::Open(const std::string& path,
                                                                const OpenOptions& options) {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckPower());
  std::shared_ptr<Inode> inode = Track(path);
  if (inode != nullptr && options.truncate) SavePages(inode.get(), 0, inode->synced_size);
  ASSIGN_OR_RETURN(std::unique_ptr<File> real, real_->Open(path, options));
  if (inode == nullptr) inode = Adopt(path);  // it was just created
  return std::make_unique<ForgetfulFile>(this, std::move(inode), std::move(real), cuts_);
}

absl::Status ForgetfulFileSystem::Remove(const std::string& path) {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckPower());
  Track(path);
  RETURN_IF_ERROR(real_->Remove(path));
  names_.erase(path);
  return absl::OkStatus();
}

absl::Status ForgetfulFileSystem::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckPower());
  if (stdfs::is_directory(from)) return RenameDirectory(from, to);
  const std::shared_ptr<Inode> inode = Track(from);
  Track(to);
  RETURN_IF_ERROR(real_->Rename(from, to));
  names_.erase(from);
  names_[to] = inode;
  return absl::OkStatus();
}

absl::Status ForgetfulFileSystem::RenameDirectory(const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(real_->Rename(from, to));
  for (Names* names : {&names_, &synced_names_}) {
    Names moved;
    for (const auto& [path, inode] : *names) {
      moved[IsBelow(path, from) ? to + path.substr(from.size()) : path] = inode;
    }
    names->swap(moved);
  }
  return absl::OkStatus();
}

absl::Status ForgetfulFileSystem::MakeDirs(const std::string& path) {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckPower());
  RETURN_IF_ERROR(real_->MakeDirs(path));
  NoteDurableDirs(ParentDir(path));
  return absl::OkStatus();
}

void ForgetfulFileSystem::MakeDirsUnsynced(const std::string& path) {
  MutexLock lock(&mutex_);
  for (std::string dir = path; !real_->Exists(dir); dir = ParentDir(dir)) {
    unsynced_dirs_.insert(dir);
  }
  Must(real_->MakeDirs(path));
}

void ForgetfulFileSystem::NoteDurableDirs(const std::string& parent) {
  std::erase_if(unsynced_dirs_, [&](const auto& dir) { return ParentDir(dir) == parent; });
}

absl::Status ForgetfulFileSystem::RemoveTree(const std::string& path) {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckPower());
  if (stdfs::is_directory(path)) {
    for (const auto& entry : stdfs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) Track(entry.path().string());
    }
  } else {
    Track(path);
  }
  RETURN_IF_ERROR(real_->RemoveTree(path));
  std::erase_if(names_, [&](const auto& e) { return e.first == path || IsBelow(e.first, path); });
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ForgetfulFileSystem::List(const std::string& dir) {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckPower());
  return real_->List(dir);
}

absl::Status ForgetfulFileSystem::SyncDir(const std::string& dir) {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckPower());
  if (!real_->Exists(dir)) return NotFoundError("{}: no such directory", dir);
  NoteDurableDirs(dir);
  // Names directly in it, and those of directories below it that were removed.
  std::erase_if(synced_names_, [&](const auto& entry) {
    const std::string parent = ParentDir(entry.first);
    return parent == dir || (IsBelow(entry.first, dir) && !real_->Exists(parent));
  });
  for (const auto& [path, inode] : names_) {
    if (ParentDir(path) == dir) synced_names_[path] = inode;
  }
  return absl::OkStatus();
}

absl::StatusOr<DiskSpace> ForgetfulFileSystem::Space(const std::string& path) {
  return real_->Space(path);
}

bool ForgetfulFileSystem::Exists(const std::string& path) { return real_->Exists(path); }

void ForgetfulFileSystem::SavePages(Inode* inode, uint64_t begin, uint64_t end) {
  end = std::min(end, inode->synced_size);  // there is nothing to save beyond it
  if (begin >= end) return;
  const auto file = Must(real_->Open(inode->keeper, {}));
  for (uint64_t page = begin / kPageBytes; page * kPageBytes < end; ++page) {
    if (inode->old_pages.contains(page)) continue;
    const uint64_t start = page * kPageBytes;
    std::string bytes(std::min(kPageBytes, inode->synced_size - start), '\0');
    // Fewer than asked for when the file was cut since: that part was saved then.
    Must(file->Pread(start, bytes.size(), bytes.data()));
    inode->old_pages[page] = std::move(bytes);
  }
}

void ForgetfulFileSystem::Forget(const Inode& inode, Random* keep_some) {
  const auto coin = [keep_some] { return keep_some != nullptr && ((*keep_some)() & 1) != 0; };
  const auto file = Must(real_->Open(inode.keeper, {.write = true}));
  const uint64_t size = Must(file->Size());
  const uint64_t synced = inode.synced_size;
  uint64_t kept = synced;
  if (size > synced && coin()) kept += (*keep_some)() % (size - synced + 1);
  Must(file->Truncate(kept));
  // Pages are written in any order. In a file whose space was reserved (the logs of RocksDB are
  // such files) the length may move on before all of them are there.
  for (uint64_t page = synced / kPageBytes; page * kPageBytes < kept; ++page) {
    if (!coin() || !coin()) continue;
    const uint64_t begin = std::max(page * kPageBytes, synced);
    const uint64_t end = std::min((page + 1) * kPageBytes, kept);
    Must(file->Pwrite(std::string(end - begin, '\0'), begin));
  }
  for (const auto& [page, bytes] : inode.old_pages) {
    if (!coin()) Must(file->Pwrite(bytes, page * kPageBytes));
  }
}

void ForgetfulFileSystem::RestoreNames() {
  std::set<std::string> touched;
  for (const auto& [path, inode] : names_) touched.insert(path);
  for (const auto& [path, inode] : synced_names_) touched.insert(path);
  for (const std::string& path : touched) {
    stdfs::remove(path);
    const auto synced = synced_names_.find(path);
    if (synced == synced_names_.end()) continue;
    Must(real_->MakeDirs(ParentDir(path)));
    stdfs::create_hard_link(synced->second->keeper, path);
  }
}

void ForgetfulFileSystem::PowerCut(Random* keep_some) {
  MutexLock lock(&mutex_);
  power_on_ = false;
  ++cuts_;
  std::set<Inode*> inodes;
  for (const auto& [path, inode] : names_) inodes.insert(inode.get());
  for (const auto& [path, inode] : synced_names_) inodes.insert(inode.get());
  for (Inode* inode : inodes) Forget(*inode, keep_some);
  // A journal keeps all changes of names up to some moment: here all, or only the synced ones.
  if (keep_some != nullptr && ((*keep_some)() & 1) != 0) {
    synced_names_ = names_;
    unsynced_dirs_.clear();
  }
  RestoreNames();
  for (const std::string& dir : unsynced_dirs_) Must(real_->RemoveTree(dir));
  unsynced_dirs_.clear();
  // From here on all that is there counts as synced; names are tracked anew when they are touched.
  names_.clear();
  synced_names_.clear();
  for (const std::string& keeper : Must(real_->List(memory_dir_))) {
    Must(real_->Remove(memory_dir_ + "/" + keeper));
  }
}

void ForgetfulFileSystem::PowerOn() {
  MutexLock lock(&mutex_);
  power_on_ = true;
}

}  // namespace quern
