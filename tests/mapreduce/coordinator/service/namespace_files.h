// Files whose names are kept by the decisions of the master itself, with all of its rules and
// limits. Who is asked to remember contents remembers them by inode.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/service/publisher.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"
#include "tests/master/logic/test_namespace.h"

namespace quern::mr {

// Used by one thread.
class NamespaceFiles final : public PublishFiles {
 public:
  absl::Status Mkdir(const std::string& path) override {
    return names_.Mkdirs(path, /*parents=*/false);
  }
  absl::Status Mkdirs(const std::string& path) override { return names_.Mkdirs(path); }
  absl::Status Rename(const std::string& from, const std::string& to, bool replace) override {
    return names_.Rename(from, to, Mode(replace));
  }
  absl::Status RenameAll(const Moves& moves, bool replace) override {
    return names_.RenameAll(moves, Mode(replace));
  }
  absl::Status WriteFile(const std::string& path, const std::string& contents) override {
    RETURN_IF_ERROR(names_.Touch(path, /*overwrite=*/true));
    contents_[names_.Stat(path)->inode_id()] = contents;
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> ReadFile(const std::string& path) override {
    ASSIGN_OR_RETURN(const auto status, names_.Stat(path));
    return contents_[status.inode_id()];
  }
  absl::StatusOr<Entry> Stat(const std::string& path) override {
    ASSIGN_OR_RETURN(const auto status, names_.Stat(path));
    const auto file = contents_.find(status.inode_id());
    const bool is_directory = file == contents_.end();
    return Entry{path, absl::FromUnixMillis(status.mtime_ms()), is_directory,
                 is_directory ? 0 : file->second.size()};
  }
  absl::Status DeleteTree(const std::string& path) override { return names_.Delete(path).status(); }
  absl::StatusOr<std::vector<Entry>> List(const std::string& dir) override {
    RETURN_IF_ERROR(names_.Stat(dir).status());
    std::vector<Entry> entries;
    for (const std::string& name : names_.List(dir)) {
      entries.push_back(*Stat(fmt::format("{}/{}", dir, name)));
    }
    return entries;
  }
  absl::StatusOr<Page> ListSome(const std::string& dir, const std::string& after,
                                uint32_t limit) override {
    ASSIGN_OR_RETURN(std::vector<Entry> all, List(dir));
    return PageOf(std::move(all), after, limit);
  }
  absl::Status SetOwner(const std::string&, const std::string&) override {
    return absl::OkStatus();
  }

 private:
  static master::pb::RenameRequest::Replace Mode(bool replace) {
    return replace ? master::pb::RenameRequest::REPLACE_TREE
                   : master::pb::RenameRequest::REPLACE_NOTHING;
  }

  master::TestNamespace names_;
  std::map<uint64_t, std::string> contents_;  // by inode
};

}  // namespace quern::mr
