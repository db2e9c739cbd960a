#include "mapreduce/coordinator/service/dfs_files.h"

namespace quern::mr {

absl::Status DfsFiles::Mkdir(const std::string& path) { return dfs_->Mkdirs(path); }

absl::Status DfsFiles::Mkdirs(const std::string& path) {
  return dfs_->Mkdirs(path, {.parents = true});
}

absl::Status DfsFiles::Rename(const std::string& from, const std::string& to, bool replace) {
  return dfs_->Rename(from, to,
                      replace ? client::RenameMode::kReplaceTree : client::RenameMode::kNoReplace);
}

absl::Status DfsFiles::RenameAll(const Moves& moves, bool replace) {
  return dfs_->RenameAll(
      moves, replace ? client::RenameMode::kReplaceTree : client::RenameMode::kNoReplace);
}

absl::Status DfsFiles::WriteFile(const std::string& path, const std::string& contents) {
  client::CreateOptions options;
  options.overwrite = true;
  if (contents.empty()) return dfs_->CreateEmpty(path, options);
  ASSIGN_OR_RETURN(const auto writer, dfs_->Create(path, options));
  RETURN_IF_ERROR(writer->Append(contents));
  return writer->Close().status();
}

absl::StatusOr<std::string> DfsFiles::ReadFile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto reader, dfs_->Open(path));
  std::string contents(reader->status().length, '\0');
  ASSIGN_OR_RETURN(const size_t got, reader->Pread(0, contents.size(), contents.data()));
  contents.resize(got);
  return contents;
}

absl::StatusOr<PublishFiles::Entry> DfsFiles::Stat(const std::string& path) {
  ASSIGN_OR_RETURN(const client::FileStatus status, dfs_->Stat(path));
  return Entry{path, status.mtime, status.is_directory(), status.length};
}

absl::Status DfsFiles::DeleteTree(const std::string& path) {
  return dfs_->Delete(path, {.recursive = true}).status();
}

absl::StatusOr<std::vector<PublishFiles::Entry>> DfsFiles::List(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::vector<client::FileStatus> found, dfs_->List(dir));
  std::vector<Entry> entries;
  for (const client::FileStatus& status : found) {
    entries.push_back({status.path, status.mtime, status.is_directory(), status.length});
  }
  return entries;
}

absl::StatusOr<PublishFiles::Page> DfsFiles::ListSome(const std::string& dir,
                                                      const std::string& after, uint32_t limit) {
  ASSIGN_OR_RETURN(const client::ListPage found, dfs_->ListSome(dir, after, limit));
  Page page;
  page.more = found.more;
  for (const client::FileStatus& status : found.entries) {
    page.entries.push_back({status.path, status.mtime, status.is_directory(), status.length});
  }
  return page;
}

absl::Status DfsFiles::SetOwner(const std::string& path, const std::string& user) {
  if (user.empty()) return absl::OkStatus();
  client::AttributeChange change;
  change.owner = user;
  return dfs_->SetAttributes(path, change).status();
}

}  // namespace quern::mr
