#include "jobs/search/changing/merge_segments.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace quern::search {

namespace {

constexpr uint32_t kGone = UINT32_MAX;

class Merger {
 public:
  Merger(const std::vector<const Segment*>& segments, const SegmentWriter::Sink& sink)
      : segments_(segments), numbers_(segments.size()), writer_(Options(segments), sink) {
    for (const Segment* segment : segments) readers_.push_back(segment->ReadDocuments());
  }

  absl::Status AddDocuments() {
    std::vector<uint32_t> next(segments_.size());
    std::vector<std::string> orders(segments_.size());
    for (size_t i = 0; i < segments_.size(); ++i) {
      numbers_[i].assign(segments_[i]->documents(), kGone);
      orders[i] = OrderOf(i, SkipDeleted(i, &next[i]));
    }
    while (true) {
      // The first in order; of equal ones that of the first segment.
      size_t first = segments_.size();
      for (size_t i = 0; i < segments_.size(); ++i) {
        if (next[i] == segments_[i]->documents()) continue;
        if (first == segments_.size() || orders[i] < orders[first]) first = i;
      }
      if (first == segments_.size()) return absl::OkStatus();
      numbers_[first][next[first]] = writer_.documents();
      RETURN_IF_ERROR(AddDocument(first, next[first]));
      ++next[first];
      orders[first] = OrderOf(first, SkipDeleted(first, &next[first]));
    }
  }

  void AddTerms() {
    for (size_t field = 0; field < segments_[0]->meta().fields.size(); ++field) {
      std::vector<TermIterator> terms;
      for (const Segment* segment : segments_) {
        terms.push_back(segment->Prefix(static_cast<FieldNumber>(field), ""));
      }
      while (AddFirstTerm(static_cast<FieldNumber>(field), &terms)) {
      }
    }
  }

  SegmentMeta Finish() { return writer_.Finish(); }

 private:
  static SegmentWriterOptions Options(const std::vector<const Segment*>& segments) {
    SegmentWriterOptions options;
    options.analysis = segments[0]->meta().analysis;
    for (const FieldMeta& field : segments[0]->meta().fields) options.fields.push_back(field.name);
    options.stored = segments[0]->meta().has_stored;
    return options;
  }

  uint32_t SkipDeleted(size_t segment, uint32_t* doc) const {
    while (*doc < segments_[segment]->documents() && segments_[segment]->deleted(*doc)) ++*doc;
    return *doc;
  }
  std::string OrderOf(size_t segment, uint32_t doc) {
    if (doc == segments_[segment]->documents()) return "";
    const DocumentStore::Names& names = readers_[segment].NamesOf(doc);
    return names.url.empty() ? names.id : names.url;
  }

  absl::Status AddDocument(size_t number, uint32_t doc) {
    const Segment& segment = *segments_[number];
    std::optional<std::string_view> texts = "";
    if (segment.meta().has_stored) texts = readers_[number].TextsOf(doc);
    if (!texts.has_value()) return DataLossError("document {}: its text cannot be read", doc);
    std::vector<uint32_t> lengths;
    for (size_t field = 0; field < segment.meta().fields.size(); ++field) {
      lengths.push_back(segment.length(static_cast<FieldNumber>(field), doc));
    }
    const DocumentStore::Names& names = readers_[number].NamesOf(doc);
    writer_.AddDocument(
        {names.id, names.url, segment.language(doc), segment.date(doc), *texts, lengths});
    return absl::OkStatus();
  }

  // The least of the terms that the iterators stand on; false when all are at their end.
  bool AddFirstTerm(FieldNumber field, std::vector<TermIterator>* terms) {
    std::string term;
    bool found = false;
    for (const TermIterator& one : *terms) {
      if (!one.valid() || (found && one.term() >= term)) continue;
      term = one.term();
      found = true;
    }
    if (!found) return false;
    std::vector<std::pair<size_t, PostingsCursor>> cursors;
    for (size_t i = 0; i < terms->size(); ++i) {
      TermIterator& one = (*terms)[i];
      if (!one.valid() || one.term() != term) continue;
      cursors.emplace_back(i, segments_[i]->Postings(one.info()));
      one.Next();
    }
    // All its documents may be deleted.
    if (AddPostings(field, &cursors)) writer_.FinishTerm(field, term);
    return true;
  }

  bool AddPostings(FieldNumber field, std::vector<std::pair<size_t, PostingsCursor>>* cursors) {
    bool any = false;
    std::vector<uint32_t> positions;
    while (true) {
      PostingsCursor* first = nullptr;
      uint32_t number = kGone;
      for (auto& [segment, cursor] : *cursors) {
        const std::vector<uint32_t>& numbers = numbers_[segment];
        while (cursor.doc() != kNoMoreDocuments && numbers[cursor.doc()] == kGone) cursor.Next();
        if (cursor.doc() == kNoMoreDocuments || numbers[cursor.doc()] >= number) continue;
        number = numbers[cursor.doc()];
        first = &cursor;
      }
      if (first == nullptr) return any;
      first->Positions(&positions);
      if (!positions.empty()) {
        writer_.AddPosting(number, field, positions);
        any = true;
      }
      first->Next();
    }
  }

  const std::vector<const Segment*>& segments_;
  std::vector<DocumentReader> readers_;
  std::vector<std::vector<uint32_t>> numbers_;  // of each document in the new segment
  SegmentWriter writer_;
};

}  // namespace

absl::StatusOr<SegmentMeta> MergeSegments(const std::vector<const Segment*>& segments,
                                          const SegmentWriter::Sink& sink) {
  const bool same = std::all_of(segments.begin(), segments.end(), [&](const Segment* segment) {
    return segment->meta().has_stored == segments[0]->meta().has_stored;
  });
  if (!same) {
    return FailedPreconditionError(
        "some segments hold texts, others do not: one of all would have none. Try: make the whole "
        "index again, with one --set params.stored");
  }
  Merger merger(segments, sink);
  RETURN_IF_ERROR(merger.AddDocuments());
  merger.AddTerms();
  return merger.Finish();
}

}  // namespace quern::search
