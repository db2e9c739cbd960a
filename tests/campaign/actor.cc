#include "tests/campaign/actor.h"

#include <fmt/format.h>

#include <set>

#include "common/clock.h"
#include "common/crc32c.h"
#include "tests/campaign/late_requests.h"
#include "tests/cluster/test_data.h"

namespace quern::campaign {
namespace {

using ::quern::testing::RandomBytesOf;

constexpr size_t kMostEntries = 60;
constexpr int kNames = 12;
// Operations that are told with a violation.
constexpr size_t kToldWithViolation = 150;
// Longer than any fault lasts: most outcomes are known in the end.
constexpr absl::Duration kClientPatience = absl::Seconds(60);

std::unique_ptr<client::FileSystem> Connect(const std::string& master, bool local_reads) {
  client::ClientOptions options;
  options.masters = {master};
  options.user = "campaign";
  options.group = "campaign";
  options.master_timeout = kClientPatience;
  options.local_reads = local_reads;
  return client::FileSystem::Create(std::move(options));
}

bool MayHaveHappened(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded ||
         status.code() == absl::StatusCode::kCancelled;
}

}  // namespace

Actor::Actor(const std::string& name, const std::string& master, uint64_t seed)
    : root_("/" + name),
      random_(seed),
      fs_(Connect(master, /*local_reads=*/seed % 2 == 0)),
      late_(std::make_unique<LateRequests>(master, seed * 2654435761u)),
      ledger_(root_) {
  const absl::Status made = fs_->Mkdirs(root_);
  if (!made.ok()) Violation(fmt::format("mkdir {}: {}", root_, made.ToString()));
  thread_ = Thread(name, [this] { Run(); });
}

Actor::~Actor() {
  {
    MutexLock lock(&mutex_);
    state_ = State::kEnding;
    changed_.SignalAll();
  }
  thread_.Join();
}

void Actor::Resume() {
  MutexLock lock(&mutex_);
  state_ = State::kActing;
  changed_.SignalAll();
}

void Actor::Pause() {
  MutexLock lock(&mutex_);
  if (state_ == State::kActing) state_ = State::kPausing;
  changed_.SignalAll();
  while (state_ != State::kPaused) changed_.Wait(&mutex_);
}

void Actor::Run() {
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (state_ == State::kPausing) {
        state_ = State::kPaused;
        changed_.SignalAll();
      }
      while (state_ == State::kPaused) changed_.Wait(&mutex_);
      if (state_ == State::kEnding) return;
      if (state_ == State::kPausing) continue;
      // What became of the last operation shows when everything is looked at.
      if (!ledger_.certain()) {
        changed_.Wait(&mutex_);
        continue;
      }
    }
    Step();
    ++operations_;
  }
}

void Actor::Step() {
  const uint64_t choice = Below(100);
  if (ledger_.tree().size() > kMostEntries || choice < 12) return Remove();
  if (choice < 42) return Put();
  if (choice < 50) return PutSmall();
  if (choice < 70) return Read();
  if (choice < 78) return MakeDir();
  if (choice < 88) return Move();
  if (choice < 92) return SetReplication();
  ActLate();
}

void Actor::Put() {
  static constexpr uint64_t kSizes[] = {0, 100, 4096, 70'000, 300'000, 3'000'000};
  const std::string path = NewPath();
  const uint64_t size = Below(kSizes[Below(std::size(kSizes))] + 1);
  client::CreateOptions options;
  options.overwrite = Below(2) == 0;
  options.chunk_size = Below(2) == 0 ? 0 : uint64_t{256} << 10;
  const std::string bytes = RandomBytesOf(size, random_());
  const Entry file = {.directory = false, .length = size, .crc = Crc32c(bytes)};
  const Change change = [&](Tree* tree) { return PutFile(tree, path, file, options.overwrite); };

  const std::string what = "put " + path;
  auto writer = fs_->Create(path, options);
  if (!writer.ok()) {
    // A file that is not complete was never there.
    if (MayHaveHappened(writer.status())) return Note(what, writer.status());
    return Finish(what, writer.status(), change);
  }
  const absl::Status appended = (*writer)->Append(bytes);
  if (!appended.ok()) {
    Note(what, appended);
    (*writer)->Abandon().IgnoreError();
    return;
  }
  const absl::Status closed = (*writer)->Close().status();
  // All servers of a chunk lost power before it was closed: it is certain that there is no file.
  if (absl::IsAborted(closed)) return Note(what, closed);
  Finish(what, closed, change);
}

// Several in one call; each of them may be there or not. Their order is not promised, so that all
// have other names.
void Actor::PutSmall() {
  std::vector<std::string> contents;
  std::vector<client::SmallFile> files;
  std::set<std::string> paths;
  for (uint64_t i = 0; i < 2 + Below(6); ++i) paths.insert(NewPath());
  for (const std::string& path : paths) {
    contents.push_back(RandomBytesOf(1 + Below(40'000), random_()));
    files.push_back({path, {.overwrite = Below(2) == 0}});
  }
  for (size_t i = 0; i < files.size(); ++i) {
    files[i].bytes = contents[i];
    files[i].options.expected_bytes = contents[i].size();
  }
  const auto results = fs_->WriteSmall(files);
  for (size_t i = 0; i < files.size(); ++i) {
    const client::SmallFile& small = files[i];
    const Entry file = {
        .directory = false, .length = small.bytes.size(), .crc = Crc32c(small.bytes)};
    const std::string what = "put small " + small.path;
    // As in Put.
    if (absl::IsAborted(results[i].status())) {
      Note(what, results[i].status());
      continue;
    }
    Finish(what, results[i].status(),
           [&](Tree* tree) { return PutFile(tree, small.path, file, small.options.overwrite); });
  }
}

void Actor::Read() {
  const std::optional<std::string> path = AnyFile();
  if (!path.has_value()) return;
  const Entry wanted = ledger_.tree().at(*path);
  const absl::StatusOr<Entry> seen = ReadFile(*path);
  if (seen.ok() && *seen != wanted) {
    Violation(fmt::format("read {}: {} bytes, crc {:08x}, was {} and {:08x}", *path, seen->length,
                          seen->crc, wanted.length, wanted.crc));
  }
  if (!seen.ok() && !MayHaveHappened(seen.status())) {
    Violation(fmt::format("read {}: {}", *path, seen.status().ToString()));
  }
}

absl::StatusOr<Entry> Actor::ReadFile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto reader, fs_->Open(path));
  const auto stream = reader->Stream(0, reader->status().length);
  Entry entry;
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
    if (bytes.empty()) return entry;
    entry.crc = ExtendCrc32c(entry.crc, bytes.data(), bytes.size());
    entry.length += bytes.size();
  }
}

void Actor::MakeDir() {
  const std::string path = NewPath();
  Finish("mkdir " + path, fs_->Mkdirs(path), [&](Tree* tree) { return MakeDirectory(tree, path); });
}

void Actor::Move() {
  const std::optional<std::string> from = AnyEntry();
  if (!from.has_value()) return;
  const std::string to = NewPath();
  const bool replace = Below(2) == 0;
  const auto mode = replace ? client::RenameMode::kReplaceFile : client::RenameMode::kNoReplace;
  Finish(fmt::format("mv {} {}", *from, to), fs_->Rename(*from, to, mode),
         [&](Tree* tree) { return MoveEntry(tree, *from, to, replace); });
}

void Actor::Remove() {
  const std::optional<std::string> path = AnyEntry();
  if (!path.has_value()) return;
  const auto deleted = fs_->Delete(*path, {.recursive = true});
  if (deleted.ok() && !*deleted) Violation("rm " + *path + ": nothing was there");
  Finish("rm -r " + *path, deleted.status(), [&](Tree* tree) { return RemoveTree(tree, *path); });
}

void Actor::SetReplication() {
  const std::optional<std::string> path = AnyFile();
  if (!path.has_value()) return;
  // Never one: bits are flipped on one disk, and a file that is only there would be lost by right.
  const auto set = fs_->SetReplication(*path, static_cast<uint32_t>(2 + Below(2)));
  if (!set.ok() && !MayHaveHappened(set.status())) {
    Violation(fmt::format("setrep {}: {}", *path, set.status().ToString()));
  }
}

void Actor::ActLate() {
  late_->Repeat(&random_);
  if (Below(3) == 0) {
    if (const std::optional<std::string> path = AnyEntry()) {
      Finish("rm (late) " + *path, late_->Remove(*path),
             [&](Tree* tree) { return RemoveTree(tree, *path); });
    }
  } else {
    const std::string path = NewPath();
    Finish("mkdir (late) " + path, late_->MakeDir(path),
           [&](Tree* tree) { return MakeDirectory(tree, path); });
  }
}

void Actor::Finish(const std::string& what, const absl::Status& status, const Change& change) {
  Note(what, status);
  if (status.ok()) return ledger_.Record(Ledger::Outcome::kDone, change);
  if (MayHaveHappened(status)) {
    ++unknown_;
    return ledger_.Record(Ledger::Outcome::kUnknown, change);
  }
  // Whether it had to be refused depends on what came of an operation before.
  if (!ledger_.certain()) return;
  Tree tree = ledger_.tree();
  if (change(&tree)) Violation(fmt::format("{}: {}", what, status.ToString()));
}

void Actor::Observe() {
  Tree seen;
  const absl::Status looked = LookAt(root_, &seen);
  if (!looked.ok()) return Violation(fmt::format("look at {}: {}", root_, looked.ToString()));
  seen[root_] = Entry{.directory = true};
  for (std::string& line : ledger_.Observe(seen)) Violation(std::move(line));
}

absl::Status Actor::LookAt(const std::string& directory, Tree* seen) {
  ASSIGN_OR_RETURN(const std::vector<client::FileStatus> entries, fs_->List(directory));
  for (const client::FileStatus& status : entries) {
    if (status.is_directory()) {
      (*seen)[status.path] = Entry{.directory = true};
      RETURN_IF_ERROR(LookAt(status.path, seen));
    } else {
      ASSIGN_OR_RETURN((*seen)[status.path], ReadFile(status.path));
    }
  }
  return absl::OkStatus();
}

std::string Actor::AnyDirectory() {
  std::vector<std::string> directories;
  for (const auto& [path, entry] : ledger_.tree()) {
    if (entry.directory) directories.push_back(path);
  }
  return directories.empty() ? root_ : directories[Below(directories.size())];
}

std::string Actor::NewPath() { return fmt::format("{}/n{}", AnyDirectory(), Below(kNames)); }

std::optional<std::string> Actor::AnyFile() {
  std::vector<std::string> files;
  for (const auto& [path, entry] : ledger_.tree()) {
    if (!entry.directory) files.push_back(path);
  }
  if (files.empty()) return std::nullopt;
  return files[Below(files.size())];
}

std::optional<std::string> Actor::AnyEntry() {
  if (ledger_.tree().size() < 2) return std::nullopt;
  auto entry = ledger_.tree().begin();
  std::advance(entry, 1 + Below(ledger_.tree().size() - 1));  // the root stays
  return entry->first;
}

void Actor::Violation(std::string what) {
  MutexLock lock(&mutex_);
  violations_.push_back(std::move(what));
}

void Actor::Note(const std::string& what, const absl::Status& status) {
  const std::string time =
      absl::FormatTime("%H:%M:%E3S", Clock::Real()->TimeNow(), absl::UTCTimeZone());
  MutexLock lock(&mutex_);
  lately_.push_back(fmt::format("{} {}: {}", time, what, status.ToString()));
  if (lately_.size() > kToldWithViolation) lately_.pop_front();
}

std::vector<std::string> Actor::TakeViolations() {
  MutexLock lock(&mutex_);
  if (violations_.empty()) return {};
  for (const std::string& operation : lately_) violations_.back() += "\n  " + operation;
  return std::exchange(violations_, {});
}

}  // namespace quern::campaign
