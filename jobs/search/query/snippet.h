// The passage of a document that shows best why it was found, its matches marked.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/strings.h"
#include "jobs/search/analysis/analyzer.h"
#include "jobs/search/query/plan.h"

namespace quern::search {

// What is marked: terms of a query, as an index has them.
struct MarkedTerms {
  StringMap<double> terms;            // and what each is worth
  std::vector<std::string> prefixes;  // worth 1

  // What `term` is worth; 0 when it is not marked.
  double WorthOf(std::string_view term) const;
};
// All that a plan looks for, in whatever field; not what it excludes.
MarkedTerms TermsToMark(const Plan& plan);

struct SnippetPiece {
  std::string text;
  bool match = false;
};
// Blanks and line ends are single blanks; an end that was cut has an ellipsis.
using Snippet = std::vector<SnippetPiece>;

struct SnippetOptions {
  size_t max_bytes = 240;             // of the passage
  size_t max_text_bytes = 512 << 10;  // of the document that are looked at
};

// The beginning of the text where nothing matches; empty for an empty text.
Snippet MakeSnippet(std::string_view text, const MarkedTerms& marked, Analyzer* analyzer,
                    const SnippetOptions& options = {});

// All of a short text, such as a title, its matches marked.
Snippet MarkAll(std::string_view text, const MarkedTerms& marked, Analyzer* analyzer);

// Its text, with `open` before each match and `close` behind it.
std::string ToString(const Snippet& snippet, std::string_view open, std::string_view close);

}  // namespace quern::search
