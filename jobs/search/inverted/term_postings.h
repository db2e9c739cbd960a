// The documents of one term, one after another, however many there are.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "jobs/search/inverted/index_keys.h"
#include "jobs/search/inverted/index_table.h"
#include "jobs/search/inverted/posting_list.h"

namespace quern::inverted {

// Holds one record of the list and the positions of one document. Used by one thread.
class TermPostings {
 public:
  TermPostings(Lookup lookup, std::string term)
      : lookup_(std::move(lookup)), term_(std::move(term)) {}
  TermPostings(const TermPostings&) = delete;  // reader_ looks into record_
  TermPostings& operator=(const TermPostings&) = delete;

  // To the first document that is not before `least`, nor before the present one. False at the end;
  // DataLoss when the list is damaged.
  absl::StatusOr<bool> Seek(DocumentNumber least);
  DocumentNumber document() const { return document_; }
  // Where it holds the term: words of the document, counted from 0.
  const std::vector<uint32_t>& positions() const { return positions_; }

 private:
  absl::StatusOr<bool> Advance();
  absl::StatusOr<bool> TakeDocument();
  absl::Status Damaged() const;

  const Lookup lookup_;
  const std::string term_;
  std::string record_;
  uint32_t records_ = 0;  // that were read
  PostingListReader reader_;
  // reader_ stands on what has not been taken yet.
  bool ahead_ = false;
  DocumentNumber last_;  // that reader_ has given

  bool found_ = false;
  DocumentNumber document_;
  std::vector<uint32_t> positions_;
};

}  // namespace quern::inverted
