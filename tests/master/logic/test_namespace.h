// A namespace in memory for tests of decisions: what a decision returns is applied at once, so that
// the next one sees it. Keeps the log, so that a test can replay it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/random.h"
#include "master/logic/file_lifecycle.h"
#include "master/logic/namespace_tree.h"
#include "master/logic/record_applier.h"
#include "master/logic/tree_collector.h"
#include "master/service/overlay.h"
#include "master/store/memory_metadata_store.h"

namespace quern::master {

class TestNamespace {
 public:
  TestNamespace() {
    overlay_.ReadFrom(store_.Latest());
    pb::LogRecord format;
    format.mutable_format()->set_cluster_id("test");
    Apply(format);
  }

  // The state as decisions see it.
  MetadataView view() const { return MetadataView(overlay_); }
  const RowReader& reader() const { return overlay_; }
  NamespaceTree tree() const { return NamespaceTree(view_, now_ms); }
  FileLifecycle files() const { return FileLifecycle(view_, defaults, now_ms); }

  void Apply(pb::LogRecord record) {
    record.set_time_ms(now_ms);
    log_.push_back(record);
    ASSERT_TRUE(RecordApplier(view_, &overlay_).Apply(log_.size(), record).ok())
        << record.ShortDebugString();
  }
  // The outcome of a decision: applied; the answer or the error.
  template <typename Response>
  absl::StatusOr<Response> Do(absl::StatusOr<Outcome<Response>> outcome) {
    if (!outcome.ok()) return outcome.status();
    if (outcome->record.has_value()) Apply(*outcome->record);
    return outcome->response;
  }
  // What was applied so far becomes durable, as the committer does it.
  void Flush() {
    EXPECT_TRUE(store_.Write(overlay_.StartFlush()).ok());
    overlay_.Flushed();
  }
  // The rows of a master that knows nothing but the log.
  std::shared_ptr<const MemoryMetadataStore::Rows> Replayed() const {
    MemoryMetadataStore store;
    Overlay overlay;
    overlay.ReadFrom(store.Latest());
    const MetadataView view(overlay);
    RecordApplier applier(view, &overlay);
    for (size_t i = 0; i < log_.size(); ++i) EXPECT_TRUE(applier.Apply(i + 1, log_[i]).ok());
    // A record that the rows contain already changes nothing.
    for (size_t i = 0; i < log_.size(); ++i) EXPECT_TRUE(applier.Apply(i + 1, log_[i]).ok());
    EXPECT_TRUE(store.Write(overlay.StartFlush()).ok());
    return store.rows();
  }
  std::shared_ptr<const MemoryMetadataStore::Rows> rows() {
    Flush();
    return store_.rows();
  }

  // Shorthands.
  absl::Status Mkdirs(std::string_view path, bool parents = true) {
    pb::MkdirsRequest request;
    request.set_path(std::string(path));
    request.set_parents(parents);
    return Do(tree().Mkdirs(request)).status();
  }
  absl::Status Touch(std::string_view path, bool overwrite = false) {
    pb::CreateRequest request;
    request.set_path(std::string(path));
    request.set_empty(true);
    request.set_overwrite(overwrite);
    return Do(files().Create(request, random)).status();
  }
  absl::StatusOr<pb::CreateResponse> Create(std::string_view path, bool overwrite = false) {
    pb::CreateRequest request;
    request.set_path(std::string(path));
    request.set_overwrite(overwrite);
    return Do(files().Create(request, random));
  }
  absl::Status Complete(const pb::CreateResponse& file, uint64_t length = 0) {
    pb::CompleteRequest request;
    request.set_inode_id(file.inode_id());
    request.set_writer_token(file.writer_token());
    request.set_length(length);
    return Do(files().Complete(request)).status();
  }
  absl::Status Rename(std::string_view source, std::string_view target,
                      pb::RenameRequest::Replace replace = pb::RenameRequest::REPLACE_NOTHING) {
    pb::RenameRequest request;
    request.set_source(std::string(source));
    request.set_target(std::string(target));
    request.set_replace(replace);
    return Do(tree().Rename(request)).status();
  }
  using Moves = std::vector<std::pair<std::string, std::string>>;
  absl::Status RenameAll(const Moves& moves,
                         pb::RenameRequest::Replace replace = pb::RenameRequest::REPLACE_NOTHING) {
    pb::RenameAllRequest request;
    for (const auto& [source, target] : moves) {
      request.add_moves()->set_source(source);
      request.mutable_moves(request.moves_size() - 1)->set_target(target);
    }
    request.set_replace(replace);
    return Do(tree().RenameAll(request)).status();
  }
  absl::StatusOr<bool> Delete(std::string_view path, bool recursive = true) {
    pb::DeleteRequest request;
    request.set_path(std::string(path));
    request.set_recursive(recursive);
    const auto response = Do(tree().Delete(request));
    if (!response.ok()) return response.status();
    return response->deleted();
  }
  absl::StatusOr<pb::FileStatus> Stat(std::string_view path) const {
    pb::StatRequest request;
    request.set_path(std::string(path));
    const auto response = tree().Stat(request);
    if (!response.ok()) return response.status();
    return response->status();
  }
  // All names in a directory, read in pages of `page`.
  std::vector<std::string> List(std::string_view path, uint32_t page = 1000) const {
    std::vector<std::string> names;
    pb::ListRequest request;
    request.set_path(std::string(path));
    request.set_limit(page);
    while (true) {
      const auto response = tree().List(request);
      EXPECT_TRUE(response.ok()) << response.status().ToString();
      if (!response.ok()) return names;
      for (const auto& entry : response->entries()) names.push_back(entry.path());
      if (!response->more()) return names;
      request.set_start_after(names.back());
    }
  }
  // Takes all deleted trees apart.
  void CollectAll() {
    TreeCollector collector;
    while (collector.Find(view_, 10)) {
      while (auto record = collector.Next(view_)) Apply(*record);
    }
  }

  int64_t now_ms = 1'000;
  FileDefaults defaults;
  Random random{7};

 private:
  MemoryMetadataStore store_;
  Overlay overlay_;
  const MetadataView view_{overlay_};
  std::vector<pb::LogRecord> log_;
};

}  // namespace quern::master
