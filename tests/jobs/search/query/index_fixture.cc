#include "tests/jobs/search/query/index_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace quern::search {

TestIndex::TestIndex(const std::vector<Documents>& segments,
                     const std::vector<std::string>& deleted, const TestIndexOptions& options)
    : deleted_(deleted) {
  IndexManifest manifest;
  manifest.analysis = options.analysis;
  std::vector<std::unique_ptr<const Segment>> opened;
  for (const Documents& documents : segments) {
    SegmentBuilder builder(
        {.analysis = options.analysis, .fields = options.fields, .stored = options.stored});
    for (const IndexedDocument& document : documents) builder.Add(document);
    bytes_.push_back(builder.Finish());
  }
  for (const std::string& bytes : bytes_) {
    std::unique_ptr<const Segment> segment = Open(bytes);
    const SegmentMeta& meta = segment->meta();
    if (manifest.fields.empty()) {
      manifest.fields = meta.fields;
    } else {
      for (size_t i = 0; i < meta.fields.size(); ++i) {
        manifest.fields[i].total_length += meta.fields[i].total_length;
      }
    }
    manifest.documents += meta.documents;
    manifest.segments.push_back({"segment", "", meta.documents});
    opened.push_back(std::move(segment));
  }
  auto index = SearchIndex::Create(std::move(manifest), std::move(opened));
  EXPECT_TRUE(index.ok()) << index.status();
  index_ = *std::move(index);
}

std::unique_ptr<const Segment> TestIndex::Open(const std::string& bytes) const {
  auto segment = Segment::Open(bytes);
  EXPECT_TRUE(segment.ok()) << segment.status();
  Deletions gone((*segment)->documents());
  for (uint32_t doc = 0; doc < (*segment)->documents(); ++doc) {
    if (std::find(deleted_.begin(), deleted_.end(), (*segment)->id(doc)) != deleted_.end()) {
      gone.Add(doc);
    }
  }
  EXPECT_TRUE((*segment)->SetDeletions(std::move(gone)).ok());
  return *std::move(segment);
}

std::unique_ptr<SearchIndex> TestIndex::Part(const std::vector<uint32_t>& segments,
                                             uint64_t generation) const {
  IndexManifest manifest = index_->manifest();
  IndexPart part = index_->part();
  manifest.generation = generation;
  part.manifest_hash += generation;
  part.segments = segments;
  manifest.segments.clear();
  std::vector<std::unique_ptr<const Segment>> opened;
  for (const uint32_t segment : segments) {
    manifest.segments.push_back(index_->manifest().segments[segment]);
    opened.push_back(Open(bytes_[segment]));
  }
  auto index = SearchIndex::Create(std::move(manifest), std::move(opened), std::move(part));
  EXPECT_TRUE(index.ok()) << index.status();
  return *std::move(index);
}

std::vector<SearchHit> TestIndex::Hits(std::string_view query, size_t k) const {
  const auto plan = PlanFor(*index_, query);
  EXPECT_TRUE(plan.ok()) << query << ": " << plan.status();
  if (!plan.ok()) return {};
  auto hits = Search(*index_, *plan, k);
  EXPECT_TRUE(hits.ok()) << query << ": " << hits.status();
  return hits.ok() ? *std::move(hits) : std::vector<SearchHit>();
}

std::vector<std::string> TestIndex::Ids(std::string_view query, size_t k) const {
  std::vector<std::string> ids;
  for (const SearchHit& hit : Hits(query, k)) ids.push_back(hit.id);
  return ids;
}

}  // namespace quern::search
