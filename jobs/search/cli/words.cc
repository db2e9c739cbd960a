// Answers a query from the output of the inverted-index job.
#include <deque>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/sizes.h"
#include "jobs/search/cli/commands.h"
#include "jobs/search/inverted/document_names.h"
#include "jobs/search/inverted/index_table.h"
#include "jobs/search/inverted/query.h"
#include "jobs/text/escape_name.h"

namespace quern::search {
namespace {

constexpr int64_t kMaxHits = 1'000'000'000;

class Words final : public Command {
 public:
  void Define(CommandLine* line) override {
    line->Arguments(&arguments_, 2);
    line->Switch("--phrase", &phrase_, "the words must stand one after another");
    line->Number("--limit", "N", &limit_, {0, kMaxHits},
                 "show at most N documents (default 10, 0 = all)");
    line->Value("--master", "HOST:PORT,...", &master_,
                "where the file system is (else QUERN_MASTER, the config file, 127.0.0.1:9400)");
  }

  absl::StatusOr<int> Run() override {
    std::string query;
    for (size_t i = 1; i < arguments_.size(); ++i) query += arguments_[i] + ' ';
    const std::vector<inverted::QueryTerm> terms = inverted::QueryTerms(query);
    if (terms.empty()) return InvalidArgumentError("'{}': no word to search for", query);
    auto index = inverted::IndexTable::Open(arguments_[0], master_);
    if (absl::IsInvalidArgument(index.status())) return UsageError(Message(index.status()));
    RETURN_IF_ERROR(index.status());
    std::deque<inverted::TermPostings> postings;
    for (const inverted::QueryTerm& term : terms) {
      postings.emplace_back((*index)->lookup(), term.text);
    }
    ASSIGN_OR_RETURN(const inverted::Hits hits,
                     inverted::Match(terms, &postings, {phrase_, static_cast<size_t>(limit_)}));
    inverted::DocumentNames names((*index)->lookup());
    RETURN_IF_ERROR(Print(hits, &names));
    return kExitOk;
  }

 private:
  static absl::Status Print(const inverted::Hits& hits, inverted::DocumentNames* names) {
    for (const inverted::Hit& hit : hits.best) {
      ASSIGN_OR_RETURN(const std::string name, names->Find(hit.document));
      Out().Format("{}\t{}\n", hit.occurrences, text::EscapeName(name));
    }
    if (Out().Flush().ok()) Err().Format("{}\n", CountOf(hits.documents, "document"));
    return absl::OkStatus();
  }

  std::vector<std::string> arguments_;
  bool phrase_ = false;
  int64_t limit_ = 10;
  std::string master_;
};

}  // namespace

CommandSpec WordsCommand() {
  return {.name = "words",
          .aliases = {},
          .usage = "[--phrase] [--limit N] INDEX WORD...",
          .summary = "documents with every word, from the output of mr run inverted-index",
          .examples = {"quern-search words /index free software",
                       "quern-search words --phrase --limit 3 file:///tmp/index 'public license'"},
          .make = [] { return std::make_unique<Words>(); }};
}

}  // namespace quern::search
