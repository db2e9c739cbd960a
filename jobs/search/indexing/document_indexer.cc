#include "jobs/search/indexing/document_indexer.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <stdexcept>

#include "jobs/text/unicode_words.h"

namespace quern::search {

namespace {

struct NamedPart {
  std::string_view name;
  std::string IndexedDocument::*part;
};
constexpr NamedPart kParts[] = {{"title", &IndexedDocument::title},
                                {"body", &IndexedDocument::text},
                                {"url", &IndexedDocument::url}};

const NamedPart* FindPart(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kParts), std::end(kParts),
                                         [&](const NamedPart& part) { return part.name == name; });
  return found == std::end(kParts) ? nullptr : found;
}

// Texts are looked at in pieces, so that their tokens need no memory to speak of.
constexpr size_t kPieceBytes = 256 << 10;

}  // namespace

std::string DocumentIndexer::CheckFields(const std::vector<std::string>& fields) {
  if (fields.empty()) return "name at least one of title, body, url";
  for (size_t i = 0; i < fields.size(); ++i) {
    if (FindPart(fields[i]) == nullptr) return "'" + fields[i] + "' is none of title, body, url";
    if (std::count(fields.begin(), fields.end(), fields[i]) > 1) {
      return "'" + fields[i] + "' is named twice";
    }
  }
  return "";
}

DocumentIndexer::DocumentIndexer(const AnalysisSettings& analysis,
                                 const std::vector<std::string>& fields)
    : analyzer_(analysis), lengths_(fields.size()) {
  if (const std::string problem = CheckFields(fields); !problem.empty()) {
    throw std::invalid_argument("fields: " + problem);
  }
  for (const std::string& field : fields) parts_.push_back(FindPart(field)->part);
}

const std::vector<uint32_t>& DocumentIndexer::Index(const IndexedDocument& document, uint32_t doc,
                                                    PartialIndex* index,
                                                    const std::function<void()>& after_piece) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    lengths_[i] =
        IndexField(static_cast<FieldNumber>(i), document.*parts_[i], doc, index, after_piece);
  }
  return lengths_;
}

uint32_t DocumentIndexer::IndexField(FieldNumber field, std::string_view text, uint32_t doc,
                                     PartialIndex* index,
                                     const std::function<void()>& after_piece) {
  uint32_t length = 0;
  uint32_t first_position = 0;
  text::PieceReader pieces(text, kPieceBytes);
  while (const std::optional<text::TextPiece> piece = pieces.Next()) {
    const std::vector<Token>& tokens = analyzer_.Analyze(*piece);
    AddTokens(tokens, {field, "", doc, first_position}, index);
    length += static_cast<uint32_t>(tokens.size());
    first_position += analyzer_.words();
    too_long_ += analyzer_.too_long();
    if (after_piece) after_piece();
  }
  return length;
}

// What is needed of memory is asked for some tokens ahead.
void DocumentIndexer::AddTokens(const std::vector<Token>& tokens, PartialIndex::Occurrence first,
                                PartialIndex* index) {
  constexpr size_t kSlotsAhead = 16;
  constexpr size_t kEntriesAhead = 8;
  hashes_.clear();
  for (const Token& token : tokens)
    hashes_.push_back(PartialIndex::HashOf(first.field, token.term));
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i + kSlotsAhead < tokens.size()) index->PrefetchSlot(hashes_[i + kSlotsAhead]);
    if (i + kEntriesAhead < tokens.size()) index->PrefetchEntry(hashes_[i + kEntriesAhead]);
    index->Add({first.field, tokens[i].term, first.doc, first.position + tokens[i].position},
               hashes_[i]);
  }
}

}  // namespace quern::search
