// Reads one immutable file of an index: dictionary, postings, lengths, ids, values, stored text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"
#include "jobs/search/segment/deletions.h"
#include "jobs/search/segment/document_store.h"
#include "jobs/search/segment/postings_cursor.h"
#include "jobs/search/segment/segment_meta.h"
#include "jobs/search/segment/term_info.h"
#include "jobs/search/segment/term_iterator.h"

namespace quern::search {

struct SegmentOptions {
  // All checksums at once. Without it those of the footer and of the small sections, and Verify()
  // when somebody asks.
  bool verify = true;
};

// Thread-safe once it is open.
class Segment {
 public:
  // `bytes` are a whole file, and stay as long as the segment. DataLoss: damaged, with the section
  // that is; Unimplemented: of a later version.
  static absl::StatusOr<std::unique_ptr<Segment>> Open(std::string_view bytes,
                                                       const SegmentOptions& options = {});
  // The same of a file on this machine, mapped into memory. Its errors do not name the file: it may
  // be a copy of one that the caller knows by another name.
  static absl::StatusOr<std::unique_ptr<Segment>> OpenFile(const std::string& path,
                                                           const SegmentOptions& options = {});
  ~Segment();

  const SegmentMeta& meta() const;
  uint32_t documents() const { return meta().documents; }
  // Nothing when the segment has no such field.
  std::optional<FieldNumber> FindField(std::string_view name) const;

  std::optional<TermInfo> Find(FieldNumber field, std::string_view term) const;
  // The terms that begin with `prefix`, in the order of their bytes.
  TermIterator Prefix(FieldNumber field, std::string_view prefix) const;
  PostingsCursor Postings(const TermInfo& term) const;

  // Terms of the field in the document, exactly. `doc` < documents(), here and below.
  uint32_t length(FieldNumber field, uint32_t doc) const;
  uint64_t total_length(FieldNumber field) const { return meta().fields[field].total_length; }

  // Empty: unknown.
  std::string_view language(uint32_t doc) const;
  // Days since 1970-01-01; nothing: unknown.
  std::optional<int32_t> date(uint32_t doc) const;
  std::string id(uint32_t doc) const;
  std::string url(uint32_t doc) const;
  // For many documents, in order. While the segment is there.
  DocumentReader ReadDocuments() const;
  // NotFound when the segment stores no texts.
  absl::StatusOr<StoredDocument> Stored(uint32_t doc) const;

  // All checksums. DataLoss names the section.
  absl::Status Verify() const;

  // Before the segment is shared; replaces those given before. InvalidArgument when they are of
  // another number of documents.
  absl::Status SetDeletions(Deletions deletions);
  bool deleted(uint32_t doc) const { return deletions_.contains(doc); }
  uint32_t deleted_documents() const { return deletions_.count(); }

 private:
  struct Parts;
  explicit Segment(std::unique_ptr<const Parts> parts);

  const std::unique_ptr<const Parts> parts_;
  Deletions deletions_;
};

}  // namespace quern::search
