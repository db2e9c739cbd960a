// Answers a query from the output of the inverted-index job.
#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "jobs/search/cli/commands.h"
#include "jobs/search/inverted/index_parts.h"
#include "jobs/search/inverted/query.h"

namespace quern::search {
namespace {

constexpr int64_t kMaxHits = 1'000'000'000;

absl::StatusOr<inverted::Postings> Lookup(inverted::IndexParts* index,
                                          const std::vector<std::string>& parts,
                                          std::string_view term) {
  inverted::Postings postings;
  for (const std::string& part : parts) {
    ASSIGN_OR_RETURN(inverted::SortedLines lines, index->Open(part));
    const absl::Status status = lines.ForEach(
        term, [&](std::string_view rest) { return inverted::AddPosting(rest, &postings); });
    RETURN_IF_ERROR(Annotate(status, part));
  }
  return postings;
}

absl::Status CheckIsIndex(inverted::IndexParts* index, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    ASSIGN_OR_RETURN(inverted::SortedLines lines, index->Open(part));
    const auto first = lines.FirstLine();
    RETURN_IF_ERROR(Annotate(first.status(), part));
    if (first->has_value()) return Annotate(inverted::CheckFirstLine(**first), part);
  }
  return absl::OkStatus();
}

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
    const auto index = inverted::OpenIndexParts(arguments_[0], master_);
    if (!index.ok()) return UsageError(Message(index.status()));
    ASSIGN_OR_RETURN(const auto parts, (*index)->List());
    RETURN_IF_ERROR(CheckIsIndex(index->get(), parts));
    std::vector<inverted::Postings> postings;
    for (const inverted::QueryTerm& term : terms) {
      ASSIGN_OR_RETURN(postings.emplace_back(), Lookup(index->get(), parts, term.text));
    }
    Print(inverted::Match(terms, postings, phrase_));
    return kExitOk;
  }

 private:
  void Print(const std::vector<inverted::Hit>& hits) const {
    for (size_t i = 0; i < hits.size(); ++i) {
      if (limit_ != 0 && i == static_cast<size_t>(limit_)) break;
      Out().Format("{}\t{}\n", hits[i].occurrences, hits[i].document);
    }
    if (Out().Flush().ok()) Err().Format("{} documents\n", hits.size());
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
