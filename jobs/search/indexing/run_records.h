// What map tasks of the search-index job send to reduce tasks.
//
// A map task gathers the postings of documents in runs, as many as its memory holds, and gives each
// run to a segment as a whole; a segment is what one reduce task makes. Keys sort so that it sees
// all its documents first, in the order of URL or id, and then all terms:
//
//   key     kind (1 byte): 0 document, 1 + number of the field term
//           URL of the document, or its id without one, cut; or the term
//           0 (1 byte), segment (2 bytes, high byte first)
//   value   map task, run of the task (varints), then
//           of a document: its number in the run, length of each field (varints), id, URL,
//           language,
//             date (a length and so many bytes), what is stored of it
//           of a term: its chunk (partial_index.h), or several in order, the last document of one
//           being the first of the next, where a document is too large for memory
//
// No term has a zero byte, so that what follows it changes nothing of their order.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/segment/indexed_document.h"
#include "jobs/search/segment/segment_writer.h"
#include "jobs/search/segment/term_info.h"

namespace quern::search {

// Of one job.
struct RunId {
  uint32_t map_task = 0;
  uint32_t run = 0;
  friend auto operator<=>(const RunId&, const RunId&) = default;
};

inline constexpr uint32_t kMaxSegments = UINT16_MAX;

void MakeDocumentKey(const IndexedDocument& document, uint32_t segment, std::string* key);
void MakeTermKey(FieldNumber field, std::string_view term, uint32_t segment, std::string* key);
// Of any key.
uint32_t SegmentOfKey(std::string_view key);

// Throws std::runtime_error when the bytes are no key.
struct KeyParts {
  explicit KeyParts(std::string_view key);
  bool is_document = false;
  FieldNumber field = 0;
  std::string_view term;
};

void MakeDocumentValue(RunId run, uint32_t number, std::span<const uint32_t> lengths,
                       const IndexedDocument& document, bool stored, std::string* value);
void MakeTermValue(RunId run, std::string_view chunk, std::string* value);

// Throw std::runtime_error when the bytes are no such value.
struct DocumentValue {
  DocumentValue(std::string_view value, size_t fields);
  RunId run;
  uint32_t number = 0;
  std::vector<uint32_t> lengths;
  DocumentEntry entry;  // of which `lengths` is what stands above
};
struct TermValue {
  explicit TermValue(std::string_view value);
  RunId run;
  std::string_view chunk;
};

}  // namespace quern::search
