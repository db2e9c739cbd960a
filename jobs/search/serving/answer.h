// A query's answer as people and programs see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "jobs/search/query/search_index.h"
#include "jobs/search/query/searcher.h"
#include "jobs/search/query/snippet.h"

namespace quern::search {

struct AnswerHit {
  SearchHit hit;
  // Without its text, of which the snippet is what matters: there may be thousands of large ones.
  // When texts are not stored, without its title too.
  StoredDocument document;
  Snippet title;
  Snippet snippet;
  std::vector<std::string> explanation;  // one line for each part of the score
};

// Of several machines that each serve a part of an index: one that is not in the answer, and why.
struct PartProblem {
  std::string server;  // empty: it is about all of them
  std::string what;
};

// What an answer that was put together holds of the index.
struct AnswerParts {
  bool partial = false;  // there are segments that nobody has searched
  std::vector<PartProblem> problems;
  uint64_t generation = 0;  // of the index
};

struct Answer {
  std::vector<AnswerHit> hits;
  size_t k = 0;                      // hits that were asked for
  bool asks_nothing = false;         // the query has no word that is searched for
  std::string plan;                  // when an explanation was asked for
  std::optional<AnswerParts> parts;  // nothing: it is of one machine that has the index
};

struct AnswerOptions {
  size_t k = 10;
  bool explain = false;
  const QueryStatistics* all = nullptr;  // as in MakePlan
  RunAll run_all = RunOneByOne;
};

// InvalidArgument: the query is wrong, and where.
absl::StatusOr<Answer> AnswerQuery(const SearchIndex& index, std::string_view query,
                                   const AnswerOptions& options);

// {"query": ..., "hits": [{"id": ..., "score": ..., "title": ..., "url": ...,
//   "snippet": [{"text": ...}, {"text": ..., "match": true}]}]}
// With "partial", "generation" and "problems" when it was put together.
std::string AnswerJson(std::string_view query, const Answer& answer);
// One line a hit, as --json prints.
std::vector<std::string> HitLines(const Answer& answer);

}  // namespace quern::search
