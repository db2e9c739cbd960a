// A file system as a map, which dies when it is told to.
#pragma once

#include <absl/time/time.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "mapreduce/coordinator/service/publisher.h"
#include "mapreduce/engine/manifest.h"

namespace quern::mr {

// Of all that lies in a directory, in order.
inline PublishFiles::Page PageOf(std::vector<PublishFiles::Entry> all, const std::string& after,
                                 uint32_t limit) {
  PublishFiles::Page page;
  for (PublishFiles::Entry& entry : all) {
    if (entry.name() <= after) continue;
    page.more = page.entries.size() == limit;
    if (page.more) break;
    page.entries.push_back(std::move(entry));
  }
  return page;
}

// Thread-safe but for the switches. A tree of files as a map from paths to contents;
// directories end with '/'. After `calls_left` calls every further one fails, half of the time
// after having done its work.
class FakeFiles final : public PublishFiles {
 public:
  FakeFiles() = default;
  // What the chosen attempts of a job have written.
  explicit FakeFiles(const PublishPlan& plan) {
    for (const PublishedOutput& output : plan.outputs) {
      for (const auto* list : {&output.files, &output.skipped}) {
        for (const PublishedFile& file : *list) Add(file.source, "of " + file.part.name);
      }
    }
  }

  bool Has(const std::string& path) {
    MutexLock lock(&mutex_);
    return tree_.contains(path);
  }
  void Add(const std::string& path, const std::string& contents) {
    MutexLock lock(&mutex_);
    tree_[path] = contents;
  }
  void Remove(const std::string& path) {
    MutexLock lock(&mutex_);
    tree_.erase(path);
  }

  int calls_left = 1'000'000;
  bool fails_after_doing = false;
  int unreachable_reads = 0;    // the next ones
  int unreachable_stats = 0;    // the next ones
  int unreachable_moves = 0;    // of one file or directory; the next ones
  int unreachable_deletes = 0;  // the next ones
  int unreachable_mkdirs = 0;   // with parents; the next ones
  std::string damaged;          // a file that cannot be read
  std::string undeletable;      // a tree
  absl::Status refusal;         // of changes with several moves
  int lost_answers = 0;         // of such changes that are made; the next ones
  // Called with the path, without a lock; an error is the answer, and nothing is made.
  std::function<absl::Status(const std::string& path)> before_mkdir;
  // Called with the path, without a lock.
  std::function<void(const std::string& path)> before_stat;
  size_t largest_page = 0;  // of those that were asked for
  Moves last_moves;         // that were asked for at once

  // Every directory is there.
  absl::Status Mkdir(const std::string& path) override {
    if (before_mkdir) RETURN_IF_ERROR(before_mkdir(path));
    return Do([&] {
      const auto below = tree_.lower_bound(path + "/");
      const bool is_there = below != tree_.end() && below->first.starts_with(path + "/");
      if (is_there || tree_.contains(path)) return AlreadyExistsError("{}", path);
      tree_[path + "/"];
      return absl::OkStatus();
    });
  }
  absl::Status Mkdirs(const std::string& path) override {
    return Do([&] {
      if (unreachable_mkdirs-- > 0) return UnavailableError("nobody answers");
      tree_[path + "/"];
      return absl::OkStatus();
    });
  }
  absl::Status Rename(const std::string& from, const std::string& to, bool replace) override {
    return Do([&] {
      return unreachable_moves-- > 0 ? UnavailableError("nobody answers")
                                     : RenameNow(from, to, replace);
    });
  }
  absl::Status RenameAll(const Moves& moves, bool replace) override {
    {
      MutexLock lock(&mutex_);
      last_moves = moves;
    }
    if (!refusal.ok()) return refusal;
    return Do([&] {
      const auto before = tree_;
      for (const auto& [from, to] : moves) {
        const absl::Status status = RenameNow(from, to, replace);
        if (!status.ok()) tree_ = before;
        if (!status.ok()) return status;
      }
      return lost_answers-- > 0 ? UnavailableError("nobody answers") : absl::OkStatus();
    });
  }
  absl::Status WriteFile(const std::string& path, const std::string& contents) override {
    return Do([&] {
      tree_[path] = contents;
      return absl::OkStatus();
    });
  }
  absl::StatusOr<std::string> ReadFile(const std::string& path) override {
    MutexLock lock(&mutex_);
    if (unreachable_reads > 0) {
      --unreachable_reads;
      return UnavailableError("nobody answers");
    }
    if (path == damaged) return DataLossError("{}", path);
    const auto it = tree_.find(path);
    if (it == tree_.end()) return NotFoundError("{}", path);
    return it->second;
  }
  absl::StatusOr<Entry> Stat(const std::string& path) override {
    if (before_stat) before_stat(path);
    MutexLock lock(&mutex_);
    if (unreachable_stats > 0) {
      --unreachable_stats;
      return UnavailableError("nobody answers");
    }
    const auto file = tree_.find(path);
    if (file != tree_.end()) return Entry{path, times_[path], false, file->second.size()};
    const auto below = tree_.lower_bound(path + "/");
    if (below != tree_.end() && below->first.starts_with(path + "/")) {
      return Entry{path, times_[path], /*is_directory=*/true, 0};
    }
    return NotFoundError("{}", path);
  }
  absl::Status DeleteTree(const std::string& path) override {
    return Do([&] {
      if (unreachable_deletes-- > 0) return UnavailableError("nobody answers");
      if (path == undeletable) return PermissionDeniedError("{}", path);
      std::erase_if(
          tree_, [&](const auto& e) { return e.first == path || e.first.starts_with(path + "/"); });
      return absl::OkStatus();
    });
  }
  void SetTime(const std::string& path, absl::Time time) {
    MutexLock lock(&mutex_);
    times_[path] = time;
  }
  absl::StatusOr<std::vector<Entry>> List(const std::string& dir) override {
    MutexLock lock(&mutex_);
    std::set<std::string> names;  // of what is right in it
    for (const auto& [path, contents] : tree_) {
      if (!path.starts_with(dir + "/")) continue;
      const std::string below = path.substr(dir.size() + 1);
      names.insert(below.substr(0, below.find('/')));
    }
    if (names.empty()) return NotFoundError("{}", dir);
    names.erase("");
    std::vector<Entry> entries;
    for (const std::string& name : names) {
      const std::string path = fmt::format("{}/{}", dir, name);
      const auto file = tree_.find(path);
      const bool is_directory = file == tree_.end();
      entries.push_back({path, times_[path], is_directory, is_directory ? 0 : file->second.size()});
    }
    return entries;
  }
  absl::StatusOr<Page> ListSome(const std::string& dir, const std::string& after,
                                uint32_t limit) override {
    ASSIGN_OR_RETURN(std::vector<Entry> all, List(dir));
    Page page = PageOf(std::move(all), after, limit);
    MutexLock lock(&mutex_);
    largest_page = std::max(largest_page, page.entries.size());
    return page;
  }
  absl::Status SetOwner(const std::string&, const std::string&) override {
    return Do([] { return absl::OkStatus(); });
  }

 private:
  template <typename Action>
  absl::Status Do(Action action) {
    MutexLock lock(&mutex_);
    const bool dead = calls_left-- <= 0;
    if (dead && !fails_after_doing) return CancelledError("dead");
    absl::Status status = action();
    if (dead) fails_after_doing = false;  // one last step, then really dead
    return dead ? CancelledError("dead") : status;
  }
  absl::Status RenameNow(const std::string& from, const std::string& to, bool replace) {
    const bool is_dir = tree_.contains(from + "/");
    if (!is_dir && !tree_.contains(from)) return NotFoundError("{}", from);
    if (tree_.contains(to) || tree_.contains(to + "/")) {
      if (!replace) return AlreadyExistsError("{}", to);
      std::erase_if(tree_,
                    [&](const auto& e) { return e.first == to || e.first.starts_with(to + "/"); });
    }
    std::map<std::string, std::string> renamed;
    for (const auto& [path, contents] : tree_) {
      const bool moves = path == from || path.starts_with(from + "/");
      renamed[moves ? to + path.substr(from.size()) : path] = contents;
    }
    tree_ = renamed;
    return absl::OkStatus();
  }

  Mutex mutex_;
  std::map<std::string, std::string> tree_;  // guarded by mutex_
  std::map<std::string, absl::Time> times_;  // guarded by mutex_
};

// What a job leaves behind: one part, of `contents`.
inline void AddJobOutput(FakeFiles* files, const std::string& path, const std::string& job_id,
                         const std::string& contents,
                         const std::set<std::string>& directories = {}) {
  Manifest manifest;
  manifest.job_id = job_id;
  manifest.parts.push_back({.name = "part", .bytes = contents.size()});
  manifest.directories = directories;
  files->Add(path + "/", "");
  files->Add(path + "/part", contents);
  files->Add(fmt::format("{}/{}", path, kManifestName), FormatManifest(manifest));
  files->Add(fmt::format("{}/{}", path, kSuccessName), "");
}

}  // namespace quern::mr
