// Reads queries as people type them:
//
//   linux -kernel "free software" title:gnu^2 lib*
//
//   word word      documents with any of them, those with more and rarer ones first
//   +word -word    required, excluded; NOT word is -word
//   a AND b, a OR b, (a b)      AND binds more tightly than OR, OR than standing side by side
//   "two words"    one after another; "two words"~2 with up to 2 positions out of place
//   lib*           every word that begins so
//   color~1        words that are 1 edit away (1 or 2; color~ is 2)
//   title:word     in one field; title:(a b) and title:"a b" too
//   lang:de        date:2024  date:2020..2024-06  date:2020..  date:..2019
//   word^2         counts twice as much; \ before a character takes it as it is
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "jobs/search/query/query_node.h"

namespace quern::search {

struct ParserOptions {
  std::vector<std::string> fields = {"title", "body"};  // what may stand before a colon
  size_t max_bytes = 8 << 10;
  size_t max_depth = 32;  // of brackets
  size_t max_parts = 512;
};

// InvalidArgument names the character, counted from 1, and what was expected there.
absl::StatusOr<QueryNode> ParseQuery(std::string_view query, const ParserOptions& options = {});

}  // namespace quern::search
