#include "jobs/search/inverted/query.h"

#include <algorithm>

#include "jobs/search/analysis/analyzer.h"

namespace quern::inverted {
namespace {

// Of a term that has to stand so many words behind the first one of its sequence.
struct Place {
  const std::vector<uint32_t>* positions = nullptr;
  uint32_t distance = 0;
};
using Sequence = std::vector<Place>;

// The terms that must stand one after another, of every group of them.
std::vector<Sequence> SequencesOf(const std::vector<QueryTerm>& query,
                                  const std::deque<TermPostings>& postings, bool phrase) {
  std::vector<Sequence> sequences;
  uint32_t first = 0;
  for (size_t i = 0; i < query.size(); ++i) {
    if (i == 0 || (!phrase && !query[i].joined)) {
      sequences.emplace_back();
      first = query[i].position;
    }
    sequences.back().push_back({&postings[i].positions(), query[i].position - first});
  }
  return sequences;
}

bool Holds(const Place& place, uint32_t start) {
  if (start > UINT32_MAX - place.distance) return false;
  return std::binary_search(place.positions->begin(), place.positions->end(),
                            start + place.distance);
}

uint64_t CountSequence(const Sequence& sequence) {
  const std::vector<uint32_t>& starts = *sequence[0].positions;
  return static_cast<uint64_t>(std::count_if(starts.begin(), starts.end(), [&](uint32_t start) {
    return std::all_of(sequence.begin() + 1, sequence.end(),
                       [start](const Place& place) { return Holds(place, start); });
  }));
}

// Of every sequence in one document; 0 when one is missing.
uint64_t CountAll(const std::vector<Sequence>& sequences) {
  uint64_t sum = 0;
  for (const Sequence& sequence : sequences) {
    const uint64_t count = CountSequence(sequence);
    if (count == 0) return 0;
    sum += count;
  }
  return sum;
}

bool IsBetter(const Hit& a, const Hit& b) {
  return a.occurrences != b.occurrences ? a.occurrences > b.occurrences : a.document < b.document;
}

// A heap with the worst hit in front while there are more than are wanted.
void AddHit(const Hit& hit, size_t limit, Hits* hits) {
  ++hits->documents;
  std::vector<Hit>& best = hits->best;
  best.push_back(hit);
  if (limit == 0) return;
  std::push_heap(best.begin(), best.end(), IsBetter);
  if (best.size() <= limit) return;
  std::pop_heap(best.begin(), best.end(), IsBetter);
  best.pop_back();
}

}  // namespace

std::vector<QueryTerm> QueryTerms(std::string_view query) {
  std::vector<QueryTerm> terms;
  search::Analyzer analyzer(search::AnalysisSettings{});
  size_t end = 0;
  for (const search::Token& token : analyzer.Analyze(query)) {
    terms.push_back(
        {std::string(token.term), token.position, !terms.empty() && token.begin <= end});
    end = token.end;
  }
  return terms;
}

absl::StatusOr<Hits> Match(const std::vector<QueryTerm>& query, std::deque<TermPostings>* postings,
                           const MatchOptions& options) {
  Hits hits;
  const std::vector<Sequence> sequences = SequencesOf(query, *postings, options.phrase);
  DocumentNumber wanted;
  size_t agreed = 0;  // so many terms, one behind the other, are in `wanted`
  for (size_t i = 0; !postings->empty(); i = (i + 1) % postings->size()) {
    TermPostings& term = (*postings)[i];
    ASSIGN_OR_RETURN(const bool found, term.Seek(wanted));
    if (!found) break;
    agreed = term.document() == wanted ? agreed + 1 : 1;
    wanted = term.document();
    if (agreed < postings->size()) continue;
    const uint64_t count = CountAll(sequences);
    if (count > 0) AddHit({wanted, count}, options.limit, &hits);
    ++wanted.document;
    agreed = 0;
  }
  std::sort(hits.best.begin(), hits.best.end(), IsBetter);
  return hits;
}

}  // namespace quern::inverted
