#include "jobs/search/inverted/query.h"

#include <algorithm>
#include <charconv>

#include "jobs/search/segment/segment_format.h"
#include "mapreduce/api/terms.h"

namespace quern::inverted {
namespace {

bool Contains(const std::vector<uint32_t>& sorted, uint32_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

void SortOnce(std::vector<uint32_t>* positions) {
  std::sort(positions->begin(), positions->end());
  positions->erase(std::unique(positions->begin(), positions->end()), positions->end());
}

// Positions of terms that must stand one after another.
using Sequence = std::vector<const std::vector<uint32_t>*>;

uint64_t CountSequence(const Sequence& terms) {
  return static_cast<uint64_t>(
      std::count_if(terms[0]->begin(), terms[0]->end(), [&](uint32_t start) {
        for (size_t i = 1; i < terms.size(); ++i) {
          if (!Contains(*terms[i], start + static_cast<uint32_t>(i))) return false;
        }
        return true;
      }));
}

// Of every sequence of the query in one document; 0 when one is missing.
uint64_t CountAll(const std::vector<Sequence>& sequences) {
  uint64_t sum = 0;
  for (const Sequence& sequence : sequences) {
    const uint64_t count = CountSequence(sequence);
    if (count == 0) return 0;
    sum += count;
  }
  return sum;
}

}  // namespace

std::vector<QueryTerm> QueryTerms(std::string_view query) {
  std::vector<QueryTerm> terms;
  for (text::TermReader reader(query); reader.Next();) {
    QueryTerm& term = terms.emplace_back();
    term.joined = reader.joined();
    for (const char c : reader.term()) term.text += text::LowerAscii(c);
  }
  return terms;
}

absl::Status AddPosting(std::string_view line, Postings* postings) {
  const size_t tab = line.find('\t');
  if (tab == std::string_view::npos) {
    return DataLossError("'{}' is not a posting. Was the index made by inverted-index?",
                         line.substr(0, 80));
  }
  std::string_view list = line.substr(tab + 1);
  const size_t record = std::min(list.find('\t'), list.size());
  std::string document(line.substr(0, tab));
  document += list.substr(record);
  list = list.substr(0, record);
  std::vector<uint32_t>& positions = (*postings)[std::move(document)];
  const size_t before = positions.size();
  const char* at = list.data();
  const char* const end = at + list.size();
  while (at < end) {
    uint32_t position = 0;
    const auto [next, error] = std::from_chars(at, end, position);
    if (error != std::errc() || (next != end && *next != ',')) {
      return DataLossError("'{}' is not a posting", line.substr(0, 80));
    }
    positions.push_back(position);
    at = next + 1;
  }
  if (before > 0 && positions.size() > before && positions[before] <= positions[before - 1]) {
    SortOnce(&positions);
  }
  return absl::OkStatus();
}

absl::Status CheckFirstLine(std::string_view line) {
  if (line.starts_with(search::kSegmentMagic)) {
    return FailedPreconditionError(
        "is of a ranked index, of search-index. Try: quern-search query INDEX QUERY");
  }
  const size_t tab = line.find('\t');
  Postings ignored;
  if (tab != std::string_view::npos && AddPosting(line.substr(tab + 1), &ignored).ok()) {
    return absl::OkStatus();
  }
  return FailedPreconditionError(
      "is no index of words, which inverted-index makes. Try: mr run inverted-index IN OUT");
}

std::vector<Hit> Match(const std::vector<QueryTerm>& query, const std::vector<Postings>& postings,
                       bool phrase) {
  std::vector<Hit> hits;
  if (postings.empty()) return hits;
  for (const auto& [document, first] : postings[0]) {
    std::vector<Sequence> sequences = {{&first}};
    size_t i = 1;
    for (; i < postings.size(); ++i) {
      const auto found = postings[i].find(document);
      if (found == postings[i].end()) break;
      if (!phrase && !query[i].joined) sequences.emplace_back();
      sequences.back().push_back(&found->second);
    }
    const uint64_t count = i < postings.size() ? 0 : CountAll(sequences);
    if (count > 0) hits.push_back({document.substr(0, document.find('\t')), count});
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const Hit& a, const Hit& b) { return a.occurrences > b.occurrences; });
  return hits;
}

}  // namespace quern::inverted
