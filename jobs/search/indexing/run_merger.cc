#include "jobs/search/indexing/run_merger.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <stdexcept>

#include "jobs/search/segment/varint.h"

namespace quern::search {

namespace {

constexpr uint32_t kNoDocument = UINT32_MAX;
constexpr size_t kSpilledPieceBytes = 1 << 20;

}  // namespace

void RunMerger::AddDocument(std::string_view value) {
  const DocumentValue document(value, fields_);
  if (in_terms_) throw std::runtime_error("a document behind the first term");
  Run& run = runs_[document.run];
  const uint32_t number = document.number;
  // Runs are smaller than what a chunk can address by far.
  if (number >= run.documents.size()) run.documents.resize(size_t{number} + 1, kNoDocument);
  run.documents[number] = writer_.documents();
  writer_.AddDocument(document.entry);
}

void RunMerger::EndDocuments() {
  in_terms_ = true;
  uint32_t next = 0;
  for (auto& [id, run] : runs_) {
    run.rising = std::is_sorted(run.documents.begin(), run.documents.end());
    in_order_ = in_order_ && run.rising && run.documents.front() >= next;
    next = run.documents.back();
  }
}

const RunMerger::Run& RunMerger::FindRun(RunId id) {
  const auto run = runs_.find(id);
  if (run == runs_.end()) throw std::runtime_error("a chunk of an unknown run");
  return run->second;
}

uint32_t RunMerger::DocumentOf(const Run& run, uint32_t number) const {
  if (number >= run.documents.size() || run.documents[number] == kNoDocument) {
    throw std::runtime_error("a posting of an unknown document");
  }
  return run.documents[number];
}

void RunMerger::AddChunk(FieldNumber field, std::string_view value) {
  if (!in_terms_) EndDocuments();
  const TermValue term(value);
  const Run& run = FindRun(term.run);
  if (in_order_) {
    AddInOrder(field, run, term.chunk);
  } else {
    Gather(run, term.chunk);
  }
}

void RunMerger::AddInOrder(FieldNumber field, const Run& run, std::string_view chunk) {
  for (ChunkReader postings(chunk); postings.Next();) {
    AddPosting(field, DocumentOf(run, postings.doc()), postings.positions());
  }
}

void RunMerger::AddPosting(FieldNumber field, uint32_t doc, std::string_view positions) {
  ChunkReader::ReadPositions(positions, &positions_);
  if (!doc_positions_.empty() && doc == doc_) {
    doc_positions_.insert(doc_positions_.end(), positions_.begin(), positions_.end());
    return;
  }
  EndPosting(field);
  doc_ = doc;
  doc_positions_.swap(positions_);
}

void RunMerger::EndPosting(FieldNumber field) {
  if (!doc_positions_.empty()) writer_.AddPosting(doc_, field, doc_positions_);
  doc_positions_.clear();
}

void RunMerger::Gather(const Run& run, std::string_view chunk) {
  const size_t begin = gathered_.size();
  if (begin + chunk.size() > UINT32_MAX) throw std::length_error("a chunk of a term is too large");
  gathered_ += chunk;
  for (ChunkReader postings(chunk); postings.Next();) {
    const std::string_view positions = postings.positions();
    const auto at = static_cast<size_t>(positions.data() - chunk.data());
    postings_.push_back({DocumentOf(run, postings.doc()), static_cast<uint32_t>(begin + at),
                         static_cast<uint32_t>(positions.size())});
  }
  if (gathered_.size() + postings_.size() * sizeof(Posting) >= held_bytes_) Spill();
}

void RunMerger::SortGathered() {
  const auto before = [](const Posting& a, const Posting& b) {
    return a.doc != b.doc ? a.doc < b.doc : a.positions < b.positions;
  };
  if (!std::is_sorted(postings_.begin(), postings_.end(), before)) {
    std::sort(postings_.begin(), postings_.end(), before);
  }
}

// As a chunk (partial_index.h) whose numbers are those of the segment.
void RunMerger::Spill() {
  SortGathered();
  spills_.push_back(spilled_.size());
  std::string piece;
  uint32_t last = 0;
  for (const Posting& posting : postings_) {
    AppendVarint(posting.doc - last, &piece);
    piece.append(gathered_, posting.positions, posting.bytes);
    last = posting.doc;
    if (piece.size() < kSpilledPieceBytes) continue;
    spilled_.Append(piece);
    piece.clear();
  }
  spilled_.Append(piece);
  postings_.clear();
  gathered_.clear();
}

void RunMerger::AddGathered(FieldNumber field) {
  if (!spills_.empty()) return AddSpilled(field);
  SortGathered();
  for (const Posting& posting : postings_) {
    AddPosting(field, posting.doc, std::string_view(gathered_).substr(posting.positions));
  }
  postings_.clear();
  gathered_.clear();
}

void RunMerger::AddSpilled(FieldNumber field) {
  if (!postings_.empty()) Spill();
  const std::string_view bytes = spilled_.View();
  spills_.push_back(bytes.size());
  std::vector<ChunkReader> chunks;
  // Of a document that goes on in a later chunk the earlier one comes first.
  using DocumentOfChunk = std::pair<uint32_t, size_t>;
  std::priority_queue<DocumentOfChunk, std::vector<DocumentOfChunk>, std::greater<>> next;
  const auto advance = [&chunks, &next](size_t chunk) {
    if (chunks[chunk].Next()) next.emplace(chunks[chunk].doc(), chunk);
  };
  for (size_t i = 0; i + 1 < spills_.size(); ++i) {
    chunks.emplace_back(bytes.substr(spills_[i], spills_[i + 1] - spills_[i]));
    advance(i);
  }
  while (!next.empty()) {
    const auto [doc, first] = next.top();
    next.pop();
    AddPosting(field, doc, chunks[first].positions());
    advance(first);
  }
  spills_.clear();
  spilled_.Clear();
}

void RunMerger::FinishTerm(FieldNumber field, std::string_view term) {
  if (!in_order_) AddGathered(field);
  EndPosting(field);
  writer_.FinishTerm(field, term);
}

}  // namespace quern::search
