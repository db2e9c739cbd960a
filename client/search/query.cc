#include "client/search/query.h"

#include <algorithm>
#include <charconv>

namespace quern::search {
namespace {

bool IsTermByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || byte >= 0x80;
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool Contains(const std::vector<uint32_t>& sorted, uint32_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

using TermPositions = std::vector<const std::vector<uint32_t>*>;

uint64_t CountPhrase(const TermPositions& terms) {
  return static_cast<uint64_t>(
      std::count_if(terms[0]->begin(), terms[0]->end(), [&](uint32_t start) {
        for (size_t i = 1; i < terms.size(); ++i) {
          if (!Contains(*terms[i], start + static_cast<uint32_t>(i))) return false;
        }
        return true;
      }));
}

uint64_t CountAll(const TermPositions& terms) {
  uint64_t sum = 0;
  for (const auto* positions : terms) sum += positions->size();
  return sum;
}

}  // namespace

std::vector<std::string> QueryTerms(std::string_view query) {
  std::vector<std::string> terms(1);
  for (const char c : query) {
    if (IsTermByte(c)) {
      terms.back() += Lower(c);
    } else if (!terms.back().empty()) {
      terms.emplace_back();
    }
  }
  if (terms.back().empty()) terms.pop_back();
  return terms;
}

absl::Status AddPosting(std::string_view line, Postings* postings) {
  const size_t tab = line.find('\t');
  if (tab == std::string_view::npos) {
    return DataLossError("'{}' is not a posting. Was the index made by inverted-index?",
                         line.substr(0, 80));
  }
  std::vector<uint32_t>& positions = (*postings)[std::string(line.substr(0, tab))];
  const char* at = line.data() + tab + 1;
  const char* const end = line.data() + line.size();
  while (at < end) {
    uint32_t position = 0;
    const auto [next, error] = std::from_chars(at, end, position);
    if (error != std::errc() || (next != end && *next != ',')) {
      return DataLossError("'{}' is not a posting", line.substr(0, 80));
    }
    positions.push_back(position);
    at = next + 1;
  }
  return absl::OkStatus();
}

std::vector<Hit> Match(const std::vector<Postings>& terms, bool phrase) {
  std::vector<Hit> hits;
  if (terms.empty()) return hits;
  for (const auto& [document, first] : terms[0]) {
    TermPositions positions = {&first};
    for (size_t i = 1; i < terms.size(); ++i) {
      const auto found = terms[i].find(document);
      if (found == terms[i].end()) break;
      positions.push_back(&found->second);
    }
    if (positions.size() < terms.size()) continue;
    const uint64_t count = phrase ? CountPhrase(positions) : CountAll(positions);
    if (count > 0) hits.push_back({document, count});
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const Hit& a, const Hit& b) { return a.occurrences > b.occurrences; });
  return hits;
}

}  // namespace quern::search
