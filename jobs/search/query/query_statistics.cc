#include "jobs/search/query/query_statistics.h"

#include <algorithm>

#include "common/clean_text.h"
#include "jobs/search/query/plan.h"

namespace quern::search {
namespace {

constexpr size_t kShownBytes = 40;

// Adds terms to those that are known, each once.
void AddTerms(std::vector<FuzzyTerm> found, std::map<std::string, FuzzyTerm>* all) {
  for (FuzzyTerm& term : found) {
    FuzzyTerm& sum = (*all)[term.text];
    term.document_frequency += sum.document_frequency;
    sum = std::move(term);
  }
}

std::vector<FuzzyTerm> InOrder(std::map<std::string, FuzzyTerm> all) {
  std::vector<FuzzyTerm> terms;
  for (auto& [text, term] : all) terms.push_back(std::move(term));
  return terms;
}

}  // namespace

uint64_t QueryStatistics::FrequencyOf(size_t field, std::string_view term) const {
  const auto found = frequencies.find({field, std::string(term)});
  return found == frequencies.end() ? 0 : found->second;
}

absl::StatusOr<std::vector<FuzzyTerm>> FindNear(const SearchIndex& index, const FuzzyWord& word,
                                                uint64_t* may_look_at) {
  EditDistance distance(word.text, word.distance);
  std::map<std::string, FuzzyTerm> all;
  for (const auto& segment : index.segments()) {
    const std::optional<FieldNumber> number = segment->FieldOf(word.field);
    if (!number.has_value()) continue;
    std::vector<FuzzyTerm> found;
    const TermIterator terms = segment->segment().Prefix(*number, "");
    if (!FindFuzzyTerms(&distance, word.distance, terms, may_look_at, &found)) {
      return InvalidArgumentError(
          "too many words of the index would be held against those with ~, up to {}~{}: write "
          "fewer of them, or ~1",
          CleanLine(word.text, kShownBytes), word.distance);
    }
    AddTerms(std::move(found), &all);
  }
  return InOrder(std::move(all));
}

std::vector<FuzzyTerm> ChooseNear(std::vector<FuzzyTerm> terms, size_t most) {
  std::stable_sort(terms.begin(), terms.end(), [](const FuzzyTerm& a, const FuzzyTerm& b) {
    return a.distance != b.distance ? a.distance < b.distance
                                    : a.document_frequency > b.document_frequency;
  });
  if (terms.size() > most) terms.resize(most);
  return terms;
}

std::vector<FuzzyTerm> KeepNear(std::vector<FuzzyTerm> terms, size_t most) {
  if (terms.size() <= most || most == 0) return terms;
  std::vector<uint32_t> distances;
  for (const FuzzyTerm& term : terms) distances.push_back(term.distance);
  const auto last = distances.begin() + static_cast<ptrdiff_t>(most - 1);
  std::nth_element(distances.begin(), last, distances.end());
  std::erase_if(terms, [&](const FuzzyTerm& term) { return term.distance > *last; });
  return terms;
}

QueryStatistics AddUp(const std::vector<QueryStatistics>& parts) {
  QueryStatistics sum;
  std::map<FuzzyWord, std::map<std::string, FuzzyTerm>> near;
  for (const QueryStatistics& part : parts) {
    for (const auto& [term, frequency] : part.frequencies) sum.frequencies[term] += frequency;
    for (const auto& [word, terms] : part.near) AddTerms(terms, &near[word]);
  }
  for (auto& [word, terms] : near) {
    std::vector<FuzzyTerm> best =
        ChooseNear(InOrder(std::move(terms)), PlanLimits().max_fuzzy_terms);
    for (const FuzzyTerm& term : best) {
      sum.frequencies[{word.field, term.text}] = term.document_frequency;
    }
    sum.near.emplace(word, std::move(best));
  }
  return sum;
}

}  // namespace quern::search
