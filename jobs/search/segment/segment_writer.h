// Writes a segment from front to back: first all documents, then all terms, each in their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/segment/document_store.h"
#include "jobs/search/segment/postings_encoder.h"
#include "jobs/search/segment/segment_format.h"
#include "jobs/search/segment/segment_meta.h"
#include "jobs/search/segment/term_dictionary.h"

namespace quern::search {

struct SegmentWriterOptions {
  AnalysisSettings analysis;
  std::vector<std::string> fields;
  bool stored = false;
  // So much of one term is held in memory before it goes to a file of $TMPDIR.
  size_t held_bytes = size_t{16} << 20;
};

// A document as the segment keeps it.
struct DocumentEntry {
  std::string_view id;
  std::string_view url;
  std::string_view language;
  std::optional<int32_t> date;        // days since 1970-01-01
  std::string_view texts;             // DocumentStoreWriter::AppendTexts; unused without stored
  std::span<const uint32_t> lengths;  // of each field
};

// Holds in memory: 4 bytes a document and field and 8 more a document, an index of a hundredth of
// the file, and of one term what PostingsEncoder does. Used by one thread. What the file cannot
// hold throws std::length_error, what the disk does not take std::system_error.
class SegmentWriter {
 public:
  // `sink` takes the bytes of the file, piece after piece.
  using Sink = std::function<void(std::string_view)>;
  SegmentWriter(const SegmentWriterOptions& options, Sink sink);

  // Numbers count up from 0.
  void AddDocument(const DocumentEntry& document);
  uint32_t documents() const { return documents_; }

  // A term, its documents in order, and so on with the next one. Terms rise as bytes, within a
  // field; so do the numbers of fields.
  void AddPosting(uint32_t doc, FieldNumber field, std::span<const uint32_t> positions) {
    postings_.Add(doc, lengths_[field][doc], positions);
  }
  void FinishTerm(FieldNumber field, std::string_view term);

  // The rest of the file. What the segment says of itself.
  SegmentMeta Finish();

 private:
  struct Section {
    SectionKind kind;
    uint32_t crc = 0;
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  void BeginSection(SectionKind kind);
  void Append(std::string_view bytes);
  void AppendSection(SectionKind kind, std::string_view bytes);
  void AppendToTerms(std::string_view bytes);
  void FlushTerms();
  void EndDocuments();
  void EndTerms();
  uint32_t NumberOfLanguage(std::string_view language);
  void AppendTable();
  uint32_t Version() const;

  const Sink sink_;
  uint64_t offset_ = 0;
  std::string header_;
  std::vector<Section> sections_;

  SegmentMeta meta_;
  uint32_t documents_ = 0;
  bool in_terms_ = false;
  DocumentStoreWriter store_;
  std::string document_index_;
  std::vector<std::vector<uint32_t>> lengths_;
  std::map<std::string, uint32_t, std::less<>> language_numbers_;
  std::vector<uint32_t> languages_;
  std::vector<uint32_t> dates_;
  bool has_dates_ = false;

  PostingsEncoder postings_;
  TermDictionaryWriter dictionary_;
  std::string pending_;  // of the section that is being written
  std::string key_;
};

}  // namespace quern::search
