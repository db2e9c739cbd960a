// Segments of the search index and what says which there are, and records of the index of words.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/crc32c.h"
#include "jobs/search/inverted/index_keys.h"
#include "jobs/search/inverted/name_block.h"
#include "jobs/search/inverted/term_postings.h"
#include "jobs/search/segment/fixed_numbers.h"
#include "jobs/search/segment/index_manifest.h"
#include "jobs/search/segment/segment.h"
#include "jobs/search/segment/segment_format.h"
#include "tests/fuzz/targets.h"

namespace quern::fuzz {

namespace {

using search::PostingsCursor;

// What is walked of a segment: a small file may claim to hold a great deal.
constexpr uint32_t kMaxTerms = 500;
constexpr uint32_t kMaxPostings = 2000;
constexpr uint32_t kMaxDocuments = 200;

template <typename Number>
void Write(size_t at, Number number, std::string* bytes) {
  std::string fixed;
  search::AppendFixed<Number>(number, &fixed);
  bytes->replace(at, fixed.size(), fixed);
}

// Checksums would stop nearly all inputs: they are made to fit.
void Sign(std::string* bytes) {
  constexpr size_t kLeast = search::kSegmentHeaderBytes + search::kSegmentTrailerBytes;
  if (bytes->size() < kLeast) return;
  const size_t trailer = bytes->size() - search::kSegmentTrailerBytes;
  const size_t count = search::ReadFixed<uint32_t>(*bytes, trailer);
  if (count > search::kSectionKinds) return;
  const size_t size = count * search::kSectionEntryBytes;
  if (size > trailer - search::kSegmentHeaderBytes) return;
  const size_t table = trailer - size;
  for (size_t entry = table; entry < trailer; entry += search::kSectionEntryBytes) {
    const auto offset = search::ReadFixed<uint64_t>(*bytes, entry + 8);
    const auto length = search::ReadFixed<uint64_t>(*bytes, entry + 16);
    if (offset > bytes->size() || length > bytes->size() - offset) continue;
    Write<uint32_t>(entry + 4, Crc32c(std::string_view(*bytes).substr(offset, length)), bytes);
  }
  const uint32_t header = Crc32c(std::string_view(*bytes).substr(0, search::kSegmentHeaderBytes));
  Write<uint32_t>(trailer + 4, ExtendCrc32c(header, bytes->data() + table, size + 4), bytes);
}

void WalkPostings(const search::Segment& segment, const search::TermInfo& term) {
  std::vector<uint32_t> positions;
  PostingsCursor::Impacts impacts;
  PostingsCursor cursor = segment.Postings(term);
  cursor.list_impacts(&impacts);
  PostingsCursor blocks = cursor;
  uint32_t last = 0;
  for (uint32_t i = 0; i < kMaxPostings && cursor.doc() != search::kNoMoreDocuments; ++i) {
    Require(cursor.doc() < segment.documents(), "a document that the segment does not have");
    Require(i == 0 || cursor.doc() > last, "documents do not rise");
    last = cursor.doc();
    cursor.frequency();
    cursor.Positions(&positions);
    segment.length(term.field, cursor.doc());
    Require(cursor.block_docs().size() == cursor.block_frequencies().size(), "uneven blocks");
    cursor.Next();
  }
  for (uint32_t target = 0; target < segment.documents(); target += 1 + target / 2) {
    blocks.AdvanceBlock(target);
    blocks.block_impacts(&impacts);
    Require(blocks.Advance(target) >= target, "a step went back");
  }
}

void WalkDocuments(const search::Segment& segment) {
  search::DocumentReader reader = segment.ReadDocuments();
  for (uint32_t doc = 0; doc < std::min(segment.documents(), kMaxDocuments); ++doc) {
    Require(reader.NamesOf(doc).id == segment.id(doc), "names differ from those of all");
    Require(reader.NamesOf(doc).url == segment.url(doc), "names differ from those of all");
    const auto texts = reader.TextsOf(doc);
    Require(!texts.has_value() || texts->size() <= search::kMaxTextsBlockBytes, "too much text");
    segment.language(doc);
    segment.date(doc);
    const auto stored = segment.Stored(doc);
    if (!stored.ok()) continue;
    Require(stored->text.size() <= search::kMaxTextsBlockBytes, "a text is larger than its limit");
  }
}

void Segment(std::string_view bytes) {
  std::string all(bytes);
  Sign(&all);
  const auto segment = search::Segment::Open(all);
  if (!segment.ok()) return;
  for (size_t field = 0; field < (*segment)->meta().fields.size(); ++field) {
    auto terms = (*segment)->Prefix(static_cast<search::FieldNumber>(field), "");
    for (uint32_t i = 0; i < kMaxTerms && terms.valid(); ++i, terms.Next()) {
      (*segment)->Find(static_cast<search::FieldNumber>(field), terms.term());
      WalkPostings(**segment, terms.info());
    }
  }
  WalkDocuments(**segment);
}

void Deletions(std::string_view bytes) {
  std::string all(bytes);
  if (all.size() >= 12) {
    Write<uint32_t>(all.size() - 4, Crc32c(std::string_view(all).substr(0, all.size() - 4)), &all);
  }
  const auto deletions = search::Deletions::Parse(all);
  if (deletions.ok()) Require(deletions->Serialize() == all, "another file of the same deletions");
}

// What is read of an index.json has to be read from what is written of it as well.
void IndexManifest(std::string_view bytes) {
  search::ParseJobParts(bytes).status().IgnoreError();
  const auto manifest = search::ParseIndexManifest(bytes);
  if (!manifest.ok()) return;
  for (const search::IndexSegment& segment : manifest->segments) {
    Require(search::IsIndexName(segment.file), "a segment outside of its index");
  }
  const std::string written = search::FormatIndexManifest(*manifest);
  const auto again = search::ParseIndexManifest(written);
  Require(again.ok() && search::FormatIndexManifest(*again) == written,
          "a manifest reads differently again");
}

// As the one record of a list, however it is stepped through.
void WalkList(std::string_view bytes, uint32_t step) {
  const auto lookup = [&](std::string_view key, std::string* value) -> absl::StatusOr<bool> {
    if (key != "word") return false;
    value->assign(bytes);
    return true;
  };
  inverted::TermPostings postings(lookup, "word");
  inverted::DocumentNumber least;
  while (true) {
    const auto found = postings.Seek(least);
    if (!found.ok() || !*found) return;
    const inverted::DocumentNumber document = postings.document();
    Require(document >= least, "a document before the one that was asked for");
    Require(document.document < inverted::kMostDocuments, "no document has this number");
    const std::vector<uint32_t>& positions = postings.positions();
    Require(!positions.empty() && std::adjacent_find(positions.begin(), positions.end(),
                                                     std::greater_equal<>()) == positions.end(),
            "positions do not rise");
    const uint64_t next = uint64_t{document.document} + step;
    if (next >= inverted::kMostDocuments) return;
    least = {document.task, static_cast<uint32_t>(next)};
  }
}

void Postings(std::string_view bytes) {
  for (const uint32_t step : {1u, 3u, 1'000'000u}) WalkList(bytes, step);
  for (const uint32_t index : {0u, 1u, inverted::kNamesPerBlock - 1}) {
    const auto name = inverted::NameInBlock(bytes, index);
    Require(!name.has_value() || name->size() <= bytes.size(), "a name is longer than its block");
  }
  const auto summary = inverted::ReadSummary(bytes);
  if (!summary.has_value() || summary->version != inverted::Summary::kVersion) return;
  const auto again = inverted::ReadSummary(inverted::MakeSummary(*summary));
  Require(again.has_value() && again->part == summary->part && again->parts == summary->parts &&
              again->analysis == summary->analysis,
          "a summary reads differently again");
}

}  // namespace

const std::vector<Target>& SearchTargets() {
  static const std::vector<Target> targets = {{"segment", Segment},
                                              {"deletions", Deletions},
                                              {"index_manifest", IndexManifest},
                                              {"postings", Postings}};
  return targets;
}

}  // namespace quern::fuzz
