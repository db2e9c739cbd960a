// Shows the output of the inverted-index job as text, all of it or the lists of some words.
#include <optional>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "jobs/search/analysis/analyzer.h"
#include "jobs/search/cli/commands.h"
#include "jobs/search/inverted/document_names.h"
#include "jobs/search/inverted/index_table.h"
#include "jobs/search/inverted/posting_list.h"
#include "jobs/search/inverted/query.h"
#include "jobs/text/escape_name.h"

namespace quern::search {
namespace {

// Prints records of lists, a line for each document: what several chunks have of one is joined.
class PostingPrinter {
 public:
  explicit PostingPrinter(inverted::Lookup lookup) : names_(std::move(lookup)) {}

  // Records come in the order of their keys.
  absl::Status Add(std::string_view term, std::string_view record) {
    inverted::PostingListReader reader(record);
    while (reader.Next()) {
      if (term != term_ || reader.document() != document_) {
        RETURN_IF_ERROR(Finish());
        term_ = term;
        document_ = reader.document();
      }
      if (!reader.ReadPositions(&positions_)) return Damaged(term);
    }
    return reader.ok() ? absl::OkStatus() : Damaged(term);
  }
  // The line that is still held.
  absl::Status Finish() {
    if (positions_.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::string name, names_.Find(document_));
    Out().Format("{}\t{}\t{}\n", term_, text::EscapeName(name), fmt::join(positions_, ","));
    positions_.clear();
    return absl::OkStatus();
  }

 private:
  static absl::Status Damaged(std::string_view term) {
    return DataLossError("the list of '{}' is damaged", term);
  }

  inverted::DocumentNames names_;
  std::string term_;
  inverted::DocumentNumber document_;
  std::vector<uint32_t> positions_;
};

class Postings final : public Command {
 public:
  void Define(CommandLine* line) override {
    line->Arguments(&arguments_, 1);
    line->Value("--prefix", "TEXT", &prefix_, "the lists of all words that begin so");
    line->Value("--master", "HOST:PORT,...", &master_,
                "where the file system is (else QUERN_MASTER, the config file, 127.0.0.1:9400)");
  }

  absl::StatusOr<int> Run() override {
    const bool words = arguments_.size() > 1;
    if (words && !prefix_.empty()) return UsageError("give words or --prefix, not both");
    auto index = inverted::IndexTable::Open(arguments_[0], master_);
    if (absl::IsInvalidArgument(index.status())) return UsageError(Message(index.status()));
    RETURN_IF_ERROR(index.status());
    PostingPrinter printer((*index)->lookup());
    RETURN_IF_ERROR(words ? PrintWords(index->get(), &printer) : PrintAll(index->get(), &printer));
    RETURN_IF_ERROR(printer.Finish());
    return kExitOk;
  }

 private:
  absl::Status PrintWords(inverted::IndexTable* index, PostingPrinter* printer) const {
    for (size_t i = 1; i < arguments_.size(); ++i) {
      for (const inverted::QueryTerm& term : inverted::QueryTerms(arguments_[i])) {
        RETURN_IF_ERROR(PrintWord(term.text, index, printer));
      }
    }
    return absl::OkStatus();
  }

  static absl::Status PrintWord(const std::string& term, inverted::IndexTable* index,
                                PostingPrinter* printer) {
    std::string key;
    std::string record;
    for (uint32_t number = 0; !Out().failed(); ++number) {
      inverted::MakeListKey(term, number, &key);
      ASSIGN_OR_RETURN(const bool found, index->Get(key, &record));
      if (!found) break;
      RETURN_IF_ERROR(printer->Add(term, record));
      if (record.size() < inverted::kFullRecordBytes) break;
    }
    return printer->Finish();
  }

  absl::Status PrintAll(inverted::IndexTable* index, PostingPrinter* printer) const {
    absl::Status printed;
    const auto print = [&](std::string_view key, std::string_view record) {
      printed = printer->Add(inverted::TermOf(key), record);
      return printed.ok() && !Out().failed();
    };
    const std::string prefix = Analyzer(AnalysisSettings{}).Fold(prefix_);
    RETURN_IF_ERROR(index->ScanLists(prefix, print));
    return printed;
  }

  std::vector<std::string> arguments_;
  std::string prefix_;
  std::string master_;
};

}  // namespace

CommandSpec PostingsCommand() {
  return {.name = "postings",
          .aliases = {},
          .usage = "INDEX [--prefix TEXT | WORD...]",
          .summary = "the output of mr run inverted-index as lines: word, document, positions",
          .examples = {"quern-search postings /index freedom",
                       "quern-search postings file:///tmp/index | head"},
          .make = [] { return std::make_unique<Postings>(); }};
}

}  // namespace quern::search
