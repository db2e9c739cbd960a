#include "jobs/search/query/search_index.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/hash.h"
#include "jobs/search/query/scoring.h"

namespace quern::search {
namespace {

bool HasIdsInOrder(const Segment& segment) {
  DocumentReader documents = segment.ReadDocuments();
  std::string last;
  for (uint32_t doc = 0; doc < segment.documents(); ++doc) {
    const std::string& id = documents.NamesOf(doc).id;
    if (id < last) return false;
    last = id;
  }
  return true;
}

IndexPart WholeOf(const IndexManifest& manifest) {
  IndexPart whole{.manifest_hash = Hash64(FormatIndexManifest(manifest)),
                  .all_segments = static_cast<uint32_t>(manifest.segments.size()),
                  .segments = {}};
  whole.segments.resize(manifest.segments.size());
  std::iota(whole.segments.begin(), whole.segments.end(), 0u);
  return whole;
}

}  // namespace

IndexedSegment::IndexedSegment(std::unique_ptr<const Segment> segment,
                               const std::vector<double>& average_lengths,
                               const std::vector<std::string>& fields)
    : segment_(std::move(segment)), norms_(fields.size()) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::optional<FieldNumber> field = segment_->FindField(fields[i]);
    fields_.push_back(field);
    if (!field.has_value()) continue;
    std::vector<float>& norms = norms_[i];
    norms.resize(segment_->documents());
    for (uint32_t doc = 0; doc < norms.size(); ++doc) {
      norms[doc] = InverseNorm(segment_->length(*field, doc), average_lengths[i]);
    }
  }
  if (!HasIdsInOrder(*segment_)) RankDocuments();
}

void IndexedSegment::RankDocuments() {
  std::vector<std::string> ids(segment_->documents());
  DocumentReader documents = segment_->ReadDocuments();
  for (uint32_t doc = 0; doc < ids.size(); ++doc) ids[doc] = documents.NamesOf(doc).id;
  std::vector<uint32_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return ids[a] < ids[b]; });
  ranks_.resize(order.size());
  for (uint32_t rank = 0; rank < order.size(); ++rank) ranks_[order[rank]] = rank;
}

SearchIndex::SearchIndex(IndexManifest manifest, IndexPart part)
    : manifest_(std::move(manifest)), part_(std::move(part)) {
  for (const FieldMeta& field : manifest_.fields) {
    fields_.push_back(field.name);
    average_lengths_.push_back(manifest_.documents == 0
                                   ? 0.0
                                   : static_cast<double>(field.total_length) /
                                         static_cast<double>(manifest_.documents));
  }
}

absl::StatusOr<std::unique_ptr<SearchIndex>> SearchIndex::Create(
    IndexManifest manifest, std::vector<std::unique_ptr<const Segment>> segments,
    std::optional<IndexPart> part) {
  if (segments.size() != manifest.segments.size()) {
    return InvalidArgumentError("{} segments for a manifest of {}", segments.size(),
                                manifest.segments.size());
  }
  if (const std::string why = Analyzer::Check(manifest.analysis); !why.empty()) {
    return InvalidArgumentError("{}", why);
  }
  if (!part.has_value()) part = WholeOf(manifest);
  if (part->segments.size() != segments.size()) {
    return InvalidArgumentError("{} segments for a part of {}", segments.size(),
                                part->segments.size());
  }
  auto index = std::unique_ptr<SearchIndex>(new SearchIndex(std::move(manifest), *std::move(part)));
  for (size_t i = 0; i < segments.size(); ++i) {
    const IndexSegment& wanted = index->manifest_.segments[i];
    if (segments[i]->documents() != wanted.documents) {
      return DataLossError("{}: {} documents, of {} that the manifest says", wanted.file,
                           segments[i]->documents(), wanted.documents);
    }
    if (segments[i]->meta().analysis != index->manifest_.analysis) {
      return FailedPreconditionError("{}: analysed differently from the index", wanted.file);
    }
    index->segments_.push_back(std::make_unique<IndexedSegment>(
        std::move(segments[i]), index->average_lengths_, index->fields_));
  }
  return index;
}

SearchIndex::AnalyzerPtr SearchIndex::BorrowAnalyzer() const {
  std::unique_ptr<Analyzer> analyzer;
  {
    MutexLock lock(&mutex_);
    if (!analyzers_.empty()) {
      analyzer = std::move(analyzers_.back());
      analyzers_.pop_back();
    }
  }
  if (analyzer == nullptr) analyzer = std::make_unique<Analyzer>(manifest_.analysis);
  return AnalyzerPtr(analyzer.release(), [this](Analyzer* back) {
    MutexLock lock(&mutex_);
    analyzers_.emplace_back(back);
  });
}

}  // namespace quern::search
