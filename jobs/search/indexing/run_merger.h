// Makes one segment of the runs that map tasks sent for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/search/indexing/partial_index.h"
#include "jobs/search/indexing/run_records.h"
#include "jobs/search/segment/segment_writer.h"
#include "jobs/search/segment/spill_file.h"

namespace quern::search {

// Documents get their numbers in the order in which they are added, which need not be that of
// their runs. Holds 4 bytes a document, what SegmentWriter holds, and where runs overlap the chunks
// of one term, up to SegmentWriterOptions::held_bytes; what is more is sorted and spilled to a
// file, time after time, and merged from there. Of one term a run may have several chunks, in
// order, and the last document of one may go on in the next. Used by one thread.
class RunMerger {
 public:
  RunMerger(const SegmentWriterOptions& options, SegmentWriter::Sink sink)
      : fields_(options.fields.size()),
        held_bytes_(options.held_bytes),
        writer_(options, std::move(sink)) {}

  // All documents, then all chunks, term after term. `value`s as in run_records.h.
  void AddDocument(std::string_view value);
  void AddChunk(FieldNumber field, std::string_view value);
  void FinishTerm(FieldNumber field, std::string_view term);
  SegmentMeta Finish() { return writer_.Finish(); }

 private:
  // Of a run the numbers of its documents in the segment.
  struct Run {
    std::vector<uint32_t> documents;
    bool rising = true;
  };
  // A posting of the term at hand; `positions` in gathered_.
  struct Posting {
    uint32_t doc;
    uint32_t positions;
    uint32_t bytes;  // of the positions
  };

  void EndDocuments();
  const Run& FindRun(RunId id);
  uint32_t DocumentOf(const Run& run, uint32_t number) const;
  void AddInOrder(FieldNumber field, const Run& run, std::string_view chunk);
  void Gather(const Run& run, std::string_view chunk);
  void SortGathered();
  void Spill();
  void AddGathered(FieldNumber field);
  void AddSpilled(FieldNumber field);
  void AddPosting(FieldNumber field, uint32_t doc, std::string_view positions);
  void EndPosting(FieldNumber field);

  const size_t fields_;
  const size_t held_bytes_;
  SegmentWriter writer_;
  std::map<RunId, Run> runs_;
  bool in_terms_ = false;
  // One run ends before the next one begins, and each is in order: chunks follow each other.
  bool in_order_ = true;
  std::string gathered_;
  std::vector<Posting> postings_;
  // What was gathered of the term before and became too much: chunks, and where each begins.
  SpillFile spilled_;
  std::vector<size_t> spills_;
  std::vector<uint32_t> positions_;
  // The last posting: the next one may be of the same document.
  uint32_t doc_ = 0;
  std::vector<uint32_t> doc_positions_;
};

}  // namespace quern::search
