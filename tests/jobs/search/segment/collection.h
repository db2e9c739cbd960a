// Documents of made-up words, and what a segment of them has to answer.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "jobs/search/segment/segment_builder.h"

namespace quern::search {

// By term, then document, the positions.
using Oracle = std::map<std::string, std::map<uint32_t, std::vector<uint32_t>>>;

struct Collection {
  std::vector<IndexedDocument> documents;
  Oracle body;
};

inline std::string Name(uint32_t number) {
  std::string digits = std::to_string(number);
  return "doc/" + std::string(6 - digits.size(), '0') + digits;
}

// Words w0, w1, ... of which low numbers are much more frequent: some in every document, many in
// one.
inline Collection MakeCollection(uint32_t documents, uint32_t words, uint32_t seed) {
  std::mt19937 random(seed);
  std::exponential_distribution<double> rank(0.02);
  Collection made;
  for (uint32_t doc = 0; doc < documents; ++doc) {
    IndexedDocument document;
    document.id = Name(doc);
    document.title = "Title " + std::to_string(doc);
    document.language = doc % 3 == 0 ? "en" : doc % 3 == 1 ? "de" : "";
    document.date = doc % 2 == 0 ? "1970-01-02T00:00:00Z" : "";
    const uint32_t length = 1 + static_cast<uint32_t>(random() % words);
    for (uint32_t position = 0; position < length; ++position) {
      const std::string word = "w" + std::to_string(static_cast<uint32_t>(rank(random)));
      document.text += word + (position % 7 == 0 ? ", " : " ");
      made.body[word][doc].push_back(position);
    }
    made.documents.push_back(document);
  }
  return made;
}

inline std::string Build(const Collection& collection) {
  SegmentBuilder builder({});
  // Any order: the segment sorts.
  for (auto document = collection.documents.rbegin(); document != collection.documents.rend();
       ++document) {
    builder.Add(*document);
  }
  return builder.Finish();
}

}  // namespace quern::search
