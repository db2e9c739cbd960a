#include "jobs/search/segment/segment_builder.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "jobs/search/indexing/document_indexer.h"
#include "jobs/search/indexing/partial_index.h"
#include "jobs/search/segment/dates.h"
#include "jobs/search/segment/segment_writer.h"

namespace quern::search {

namespace {

const std::string& OrderOf(const IndexedDocument& document) {
  return document.url.empty() ? document.id : document.url;
}

}  // namespace

std::string SegmentBuilder::Finish() {
  std::stable_sort(documents_.begin(), documents_.end(),
                   [](const IndexedDocument& a, const IndexedDocument& b) {
                     return std::tie(OrderOf(a), a.id) < std::tie(OrderOf(b), b.id);
                   });
  std::string bytes;
  SegmentWriter writer({options_.analysis, options_.fields, options_.stored},
                       [&bytes](std::string_view piece) { bytes += piece; });
  DocumentIndexer indexer(options_.analysis, options_.fields);
  PartialIndex index;
  for (const IndexedDocument& document : documents_) {
    std::string texts;
    DocumentStoreWriter::AppendTexts(document.title, document.text, document.language,
                                     document.date, &texts);
    const auto& lengths = indexer.Index(document, writer.documents(), &index);
    writer.AddDocument(
        {document.id, document.url, document.language, ParseDate(document.date), texts, lengths});
  }
  std::map<std::pair<FieldNumber, std::string>, std::string> terms;
  index.Drain([&terms](FieldNumber field, std::string_view term, std::string_view chunk) {
    terms.emplace(std::pair(field, term), chunk);
  });
  std::vector<uint32_t> positions;
  for (const auto& [key, chunk] : terms) {
    for (ChunkReader reader(chunk); reader.Next();) {
      reader.ReadPositions(&positions);
      writer.AddPosting(reader.doc(), key.first, positions);
    }
    writer.FinishTerm(key.first, key.second);
  }
  writer.Finish();
  documents_.clear();
  return bytes;
}

}  // namespace quern::search
