// What a query asks for, as a tree; made by the parser (query_parser.h), knows no index.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quern::search {

// How a part of a list of parts counts: `word`, `+word`, `-word`.
enum class Occur : uint8_t { kShould, kMust, kMustNot };

struct QueryNode {
  enum class Kind : uint8_t {
    kNothing,   // an empty query
    kAll,       // `*`
    kWord,      // as it was written; an index makes terms of it
    kPhrase,    // "several words"~distance
    kPrefix,    // word*
    kFuzzy,     // word~distance
    kLanguage,  // lang:en
    kDate,      // date:2020..2024-06
    kList,      // clauses
  };

  Kind kind = Kind::kNothing;
  Occur occur = Occur::kShould;  // in the list that it is a part of; of a whole query kShould
  // Of a word that analysis divides all parts have to be there, although it is no kMust of a list:
  // `+e-mail` alone.
  bool all_parts = false;
  std::string text{};     // of words, phrases, prefixes, languages
  std::string field{};    // empty: the fields that an index searches by itself
  uint32_t distance = 0;  // positions between the words of a phrase, edits of a word
  double boost = 1;
  std::string first_date{};  // YYYY, YYYY-MM or YYYY-MM-DD, as are stored ones; empty: no bound
  std::string last_date{};   // inclusive: 2024 is all of 2024
  // A document must match every kMust, no kMustNot, and, where every kMust is a filter (IsFilter),
  // one kShould at least.
  std::vector<QueryNode> clauses{};
};

using QueryKind = QueryNode::Kind;

// Choosing documents is all that it does: it adds nothing to a score. Such parts of a list are
// required, not wished for.
bool IsFilter(const QueryNode& node);

// The query again, with every bracket that the tree has: for tests and --explain.
std::string ToString(const QueryNode& node);

}  // namespace quern::search
