// Changes an index: more segments, fewer documents, one segment of many.
#include <algorithm>
#include <cstdio>
#include <unordered_set>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/sizes.h"
#include "jobs/search/changing/change_index.h"
#include "jobs/search/cli/commands.h"

namespace quern::search {
namespace {

// What all changes have: the index, and where the file system is.
class ChangeCommand : public Command {
 protected:
  void DefineMaster(CommandLine* line) {
    line->Value("--master", "HOST:PORT,...", &master_,
                "where the file system is (else QUERN_MASTER, the config file, 127.0.0.1:9400)");
  }
  absl::Status Open(const std::string& index) {
    ASSIGN_OR_RETURN(files_, OpenIndexFiles(index, {.master = master_}));
    ASSIGN_OR_RETURN(writer_, OpenIndexWriter(index, master_));
    return absl::OkStatus();
  }
  static int Tell(const IndexManifest& manifest) {
    Err().Format("{} in {}\n", CountOf(manifest.documents, "document"),
                 CountOf(manifest.segments.size(), "segment"));
    return kExitOk;
  }

  std::string master_;
  std::unique_ptr<IndexFiles> files_;
  std::unique_ptr<IndexWriter> writer_;
};

class Add final : public ChangeCommand {
 public:
  void Define(CommandLine* line) override {
    line->Arguments(&arguments_, 2, 2);
    DefineMaster(line);
  }
  absl::StatusOr<int> Run() override {
    RETURN_IF_ERROR(Open(arguments_[0]));
    bool does_not_fit = false;
    absl::StatusOr<IndexManifest> manifest = AbortedError("not tried");
    for (int i = 0; i < kAttempts && absl::IsAborted(manifest.status()); ++i) {
      manifest = AddToIndex(arguments_[1], files_.get(), writer_.get(), &does_not_fit);
    }
    if (does_not_fit) {
      Err().Print(ErrorLine("quern-search add", manifest.status()));
      return kExitRejected;
    }
    RETURN_IF_ERROR(manifest.status());
    return Tell(*manifest);
  }

 private:
  // What somebody else changes meanwhile is done in a moment, and so is this.
  static constexpr int kAttempts = 5;

  std::vector<std::string> arguments_;
};

class Merge final : public ChangeCommand {
 public:
  void Define(CommandLine* line) override {
    line->Arguments(&arguments_, 1, 1);
    DefineMaster(line);
  }
  absl::StatusOr<int> Run() override {
    RETURN_IF_ERROR(Open(arguments_[0]));
    ASSIGN_OR_RETURN(const IndexManifest manifest, MergeIndex(files_.get(), writer_.get()));
    return Tell(manifest);
  }

 private:
  std::vector<std::string> arguments_;
};

class Delete final : public ChangeCommand {
 public:
  void Define(CommandLine* line) override {
    line->Arguments(&arguments_, 2);
    DefineMaster(line);
  }
  absl::StatusOr<int> Run() override {
    RETURN_IF_ERROR(Open(arguments_[0]));
    std::unordered_set<std::string> ids(arguments_.begin() + 1, arguments_.end());
    if (ids.erase("-") > 0) ReadIds(&ids);
    ASSIGN_OR_RETURN(const DeleteResult result, DeleteFromIndex(ids, files_.get(), writer_.get()));
    Err().Format("{} deleted, {} not found{}\n", result.deleted, result.unknown, Unknown(result));
    return result.unknown == 0 ? kExitOk : kExitFailed;
  }

 private:
  // ": a, b and 3 more"
  static std::string Unknown(const DeleteResult& result) {
    constexpr size_t kMaxShownId = 200;
    std::string text;
    for (const std::string& id : result.some_unknown) {
      text += (text.empty() ? ": " : ", ") + CleanLine(id, kMaxShownId);
    }
    const uint64_t more = result.unknown - result.some_unknown.size();
    return more == 0 ? text : fmt::format("{} and {} more", text, more);
  }

  // One a line, which may end as on other systems: an id that ends in CR can be an argument.
  static void ReadIds(std::unordered_set<std::string>* ids) {
    std::string line;
    const auto take = [&] {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) ids->insert(line);
      line.clear();
    };
    for (int c = std::getchar(); c != EOF; c = std::getchar()) {
      if (c == '\n') {
        take();
      } else {
        line.push_back(static_cast<char>(c));
      }
    }
    take();
  }

  std::vector<std::string> arguments_;
};

}  // namespace

CommandSpec AddCommand() {
  return {.name = "add",
          .aliases = {},
          .usage = "INDEX DIR",
          .summary =
              "adds the segments of a job whose output is INDEX/DIR; exits with 3 when they do not "
              "fit there",
          .examples = {"mr run search-index /new /index/2026-11-29 && quern-search add /index "
                       "2026-11-29"},
          .make = [] { return std::make_unique<Add>(); }};
}

CommandSpec DeleteCommand() {
  return {.name = "delete",
          .aliases = {},
          .usage = "INDEX ID...",
          .summary =
              "deletes documents by their ids (-: one a line from stdin); exits with 1 when some "
              "were not found, and has deleted the others",
          .examples = {"quern-search delete /index http://example.org/",
                       "quern-search delete /index - < ids"},
          .make = [] { return std::make_unique<Delete>(); }};
}

CommandSpec MergeCommand() {
  return {.name = "merge",
          .aliases = {},
          .usage = "INDEX",
          .summary = "makes one segment of all, without what is deleted",
          .examples = {"quern-search merge /index"},
          .make = [] { return std::make_unique<Merge>(); }};
}

}  // namespace quern::search
