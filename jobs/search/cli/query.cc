// Answers a query from a search index.
#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "jobs/search/cli/commands.h"
#include "jobs/search/serving/answer.h"
#include "jobs/search/serving/index_files.h"
#include "jobs/search/serving/open_index.h"

namespace quern::search {
namespace {

constexpr size_t kMaxLine = 4096;
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kPlain = "\x1b[0m";

// On a terminal matches are bold; elsewhere they stand between asterisks.
std::string Marked(Snippet snippet) {
  for (SnippetPiece& piece : snippet) piece.text = CleanLine(piece.text, kMaxLine);
  return Out().is_terminal() ? ToString(snippet, kBold, kPlain) : ToString(snippet, "*", "*");
}

class Query final : public Command {
 public:
  void Define(CommandLine* line) override {
    line->Arguments(&arguments_, 2);
    line->CallArguments("A query");
    line->Number("-k,--limit", "N", &k_, {1, static_cast<int64_t>(kMaxHits)},
                 "documents to show (default 10)");
    line->Switch("--json", &json_, "one JSON object per line");
    line->Switch("--explain", &explain_, "what the query became, and where each score comes from");
    line->Value("--master", "HOST:PORT,...", &master_,
                "where the file system is (else QUERN_MASTER, the config file, 127.0.0.1:9400)");
  }

  absl::StatusOr<int> Run() override {
    std::string query = arguments_[1];
    for (size_t i = 2; i < arguments_.size(); ++i) query += ' ' + arguments_[i];
    const auto files = OpenIndexFiles(arguments_[0], {.master = master_});
    if (!files.ok()) return UsageError(Message(files.status()));
    ASSIGN_OR_RETURN(const auto index, OpenIndex(files->get()));
    const absl::StatusOr<Answer> answer =
        AnswerQuery(*index, query, {.k = static_cast<size_t>(k_), .explain = explain_});
    // A query that makes no sense is wrong usage, as a flag that makes none is.
    if (absl::IsInvalidArgument(answer.status())) return UsageError(Message(answer.status()));
    RETURN_IF_ERROR(answer.status());
    if (answer->asks_nothing && !explain_) {
      return UsageError("the query has no word to search for, and * would match all documents");
    }
    if (json_) {
      for (const std::string& line : HitLines(*answer)) Out().Print(line + "\n");
    } else {
      Show(*answer);
    }
    return kExitOk;
  }

 private:
  static void Show(const Answer& answer) {
    std::string text = answer.plan + (answer.plan.empty() ? "" : "\n");
    size_t number = 0;
    for (const AnswerHit& hit : answer.hits) {
      text +=
          fmt::format("{}. {}  {:.3f}\n", ++number, CleanLine(hit.hit.id, kMaxLine), hit.hit.score);
      const std::string& url = hit.document.url;
      if (!hit.title.empty()) text += fmt::format("   {}\n", Marked(hit.title));
      if (!url.empty() && url != hit.hit.id)
        text += fmt::format("   {}\n", CleanLine(url, kMaxLine));
      if (!hit.snippet.empty()) text += fmt::format("   {}\n", Marked(hit.snippet));
      for (const std::string& part : hit.explanation) {
        text += fmt::format("   = {}\n", CleanLine(part, kMaxLine));
      }
    }
    // Cleaned already; the marks are to reach the terminal.
    // What cannot be written is said once, at the end of the program.
    if (Out().Write(text).ok() && answer.hits.empty()) Err().Print("no document matches\n");
  }

  std::vector<std::string> arguments_;
  int64_t k_ = 10;
  bool json_ = false;
  bool explain_ = false;
  std::string master_;
};

}  // namespace

CommandSpec QueryCommand() {
  return {
      .name = "query",
      .aliases = {"search"},
      .usage = "[-k N] [--json] [--explain] INDEX QUERY...",
      .summary = "the best documents of a search index (mr run search-index)",
      .examples = {"quern-search query /index free software",
                   "quern-search query /index 'linux -kernel \"free software\" title:gnu lib*'",
                   "quern-search query -k 3 --json file:///tmp/index 'lang:de date:2020.. +haus'"},
      .make = [] { return std::make_unique<Query>(); }};
}

}  // namespace quern::search
