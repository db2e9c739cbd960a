// The terms of a document's fields, into a partial index.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/analysis/analyzer.h"
#include "jobs/search/indexing/partial_index.h"
#include "jobs/search/segment/indexed_document.h"

namespace quern::search {

// Used by one thread.
class DocumentIndexer {
 public:
  // `fields` are some of title, body, url.
  DocumentIndexer(const AnalysisSettings& analysis, const std::vector<std::string>& fields);
  // Empty, or why there is no such list of fields.
  static std::string CheckFields(const std::vector<std::string>& fields);

  // The document's terms into `index` under the number `doc`. The length of each field: a view
  // until the next call. Large texts are taken in pieces; `after_piece` may empty the index, which
  // then gets the rest of the document under the same number.
  const std::vector<uint32_t>& Index(const IndexedDocument& document, uint32_t doc,
                                     PartialIndex* index,
                                     const std::function<void()>& after_piece = nullptr);
  // The same of the text of one field, whose terms it counts.
  uint32_t IndexField(FieldNumber field, std::string_view text, uint32_t doc, PartialIndex* index,
                      const std::function<void()>& after_piece);
  // Words that were left out for their length, so far.
  int64_t too_long() const { return too_long_; }

 private:
  void AddTokens(const std::vector<Token>& tokens, PartialIndex::Occurrence first,
                 PartialIndex* index);

  using Part = std::string IndexedDocument::*;
  Analyzer analyzer_;
  std::vector<Part> parts_;
  std::vector<uint32_t> lengths_;
  std::vector<uint32_t> hashes_;  // of the tokens at hand
  int64_t too_long_ = 0;
};

}  // namespace quern::search
