// PublishFiles on the real file system.
#pragma once

#include <string>
#include <vector>

#include "client/file_system.h"
#include "mapreduce/coordinator/service/publisher.h"

namespace quern::mr {

class DfsFiles final : public PublishFiles {
 public:
  explicit DfsFiles(client::FileSystem* dfs) : dfs_(dfs) {}
  absl::Status Mkdir(const std::string& path) override;
  absl::Status Mkdirs(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to, bool replace) override;
  absl::Status RenameAll(const Moves& moves, bool replace) override;
  absl::Status WriteFile(const std::string& path, const std::string& contents) override;
  absl::StatusOr<std::string> ReadFile(const std::string& path) override;
  absl::StatusOr<Entry> Stat(const std::string& path) override;
  absl::Status DeleteTree(const std::string& path) override;
  absl::StatusOr<std::vector<Entry>> List(const std::string& dir) override;
  absl::StatusOr<Page> ListSome(const std::string& dir, const std::string& after,
                                uint32_t limit) override;
  absl::Status SetOwner(const std::string& path, const std::string& user) override;

 private:
  client::FileSystem* const dfs_;
};

}  // namespace quern::mr
