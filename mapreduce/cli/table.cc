// mr lookup, mr scan
#include "common/cli/cli.h"
#include "common/cli/command_line.h"
#include "common/cli/json_line.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/table_parts.h"

namespace quern::mr {
namespace {

constexpr int64_t kMaxLimit = int64_t{1} << 60;

absl::StatusOr<std::unique_ptr<client::FileSystem>> Connect(const Session& session,
                                                            const std::string& path) {
  client::ClientOptions options;
  options.clock = session.clock;
  if (!path.starts_with("file://")) {
    ASSIGN_OR_RETURN(options.masters, session.masters());
  }
  return client::FileSystem::Create(options);
}

void PrintRecord(const Session& session, std::string_view key, std::string_view value) {
  if (session.json) {
    Out().Format("{}\n", JsonLine().Add("key", key).Add("value", value).ToString());
  } else {
    Out().Format("{}\t{}\n", key, value);
  }
}

class Lookup final : public JobCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&words_, 2); }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(const auto dfs, Connect(*session, words_[0]));
    ASSIGN_OR_RETURN(const TableParts table, TableParts::Open(dfs.get(), words_[0]));
    int code = kExitOk;
    for (size_t i = 1; i < words_.size(); ++i) {
      std::string value;
      ASSIGN_OR_RETURN(const bool found, table.Get(words_[i], &value));
      if (found) {
        PrintRecord(*session, words_[i], value);
      } else {
        session->Report("mr lookup", NotFoundError("{}: no such key", words_[i]));
        code = kExitFailed;
      }
    }
    return code;
  }

 private:
  std::vector<std::string> words_;
};

class Scan final : public JobCommand {
 public:
  void Define(CommandLine* line) override {
    line->Value("--prefix", "TEXT", &range_.prefix, "only keys that begin so");
    line->Value("--from", "KEY", &range_.from, "only keys from this one on");
    line->Value("--to", "KEY", &range_.to, "only keys before this one");
    line->Number("--limit", "N", &limit_, {0, kMaxLimit}, "no more than so many records");
    line->Arguments(&words_, 1, 1);
  }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(const auto dfs, Connect(*session, words_[0]));
    ASSIGN_OR_RETURN(const TableParts table, TableParts::Open(dfs.get(), words_[0]));
    int64_t left = limit_;
    if (left == 0) return kExitOk;
    RETURN_IF_ERROR(table.Scan(range_, [&](std::string_view key, std::string_view value) {
      PrintRecord(*session, key, value);
      return --left > 0;
    }));
    return kExitOk;
  }

 private:
  TableParts::Range range_;
  int64_t limit_ = kMaxLimit;
  std::vector<std::string> words_;
};

}  // namespace

CommandSpec LookupCommand() {
  return {.name = "lookup",
          .aliases = {},
          .usage = "TABLE KEY...",
          .summary = "records of a sorted table, by key",
          .examples = {"mr lookup /ranks http://example.org/"},
          .make = Maker<Lookup>("lookup")};
}

CommandSpec ScanCommand() {
  return {.name = "scan",
          .aliases = {},
          .usage = "TABLE [--prefix TEXT | --from KEY --to KEY] [--limit N]",
          .summary = "records of a sorted table, in the order of their keys",
          .examples = {"mr scan /ranks --prefix http://example.org/ --limit 20"},
          .make = Maker<Scan>("scan")};
}

}  // namespace quern::mr
