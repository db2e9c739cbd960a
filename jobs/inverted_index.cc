// Inverted index: for every term the documents that contain it, and where.
//
// Input: JSON lines {"id": ..., "text": ...} (format jsonl); or the record is the document, named
// by its path (format whole) or path:offset (format text). A JSON document without an id is named
// by path:offset too. mapreduce/api/terms.h says what a term is; its position counts the terms of
// the document from 0.
//
// Output (text), sorted by term within each part, one line for each document of a term:
//   term<TAB>document<TAB>position,position,...[<TAB>record]
// Backslash, tab and line feed in a document's name are written \\ \t \n. `record` comes with names
// that the input chose: records of one name have different ones, so that their positions are not
// mixed up. Positions that fill more than 64 MiB go on in another line. So the lines of a term may
// be any number, nothing is ever held in memory as a whole, and `quern-search words` finds a term
// by binary search.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/corpus/json_input.h"
#include "jobs/json_document.h"
#include "jobs/text/escape_name.h"
#include "mapreduce/api/mapreduce.h"
#include "mapreduce/api/terms.h"

namespace {

constexpr size_t kMaxTermBytes = 64;  // longer runs are data, not words
// A document is indexed in pieces of so many terms, or so many bytes of them.
constexpr size_t kPieceTerms = 1 << 20;
constexpr size_t kPieceBytes = 8 << 20;
constexpr size_t kMaxLineBytes = 64 << 20;

std::string PlaceOf(const quern::MapInput& in) {
  return std::string(in.source().path) + ":" + std::to_string(in.source().offset);
}

// Four characters from a hash of the place (FNV-1a).
std::string RecordTag(const std::string& place) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : place) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string tag;
  for (int i = 0; i < 4; ++i) tag += kDigits[hash >> (40 + 6 * i) & 63];
  return tag;
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

class InvertedIndexMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    json_ = context.input_format() == "jsonl";
    whole_ = context.input_format() == "whole";
    documents_ = context.counter("documents");
    terms_ = context.counter("terms");
    long_terms_ = context.counter("long_terms_skipped");
    bad_json_ = context.counter("lines_of_bad_json");
    without_text_ = context.counter("documents_without_text");
    lowered_.reserve(kPieceBytes);
  }

  void Map(const quern::MapInput& in) override {
    if (json_) return MapJson(in);
    IndexDocument(whole_ ? std::string(in.source().path) : PlaceOf(in), "", in.value());
  }

 private:
  struct Occurrence {
    std::string_view term;  // into lowered_
    uint32_t position;
  };

  void MapJson(const quern::MapInput& in) {
    if (IsBlank(in.value())) return;
    const std::optional<JsonDocument> document = ReadJsonDocument(in.value());
    if (!document.has_value()) {
      CheckIsNoCrawl(context(), in, "mr run extract, which makes documents of crawls");
      return bad_json_->Increment();
    }
    if (!document->text.has_value()) without_text_->Increment();
    const std::string place = PlaceOf(in);
    const std::string tag = document->id.has_value() ? RecordTag(place) : "";
    IndexDocument(document->id.value_or(place), tag, document->text.value_or(""));
  }

  void IndexDocument(std::string_view name, const std::string& tag, std::string_view text) {
    documents_->Increment();
    const std::string escaped = quern::text::EscapeName(name);
    uint32_t position = 0;
    for (quern::text::TermReader terms(text); terms.Next(); ++position) {
      if (terms.term().size() > kMaxTermBytes) {
        long_terms_->Increment();
        continue;
      }
      if (IsPieceFull()) EmitPiece(escaped, tag);
      occurrences_.push_back({Lowered(terms.term()), position});
    }
    EmitPiece(escaped, tag);
  }

  bool IsPieceFull() const {
    return occurrences_.size() == kPieceTerms || lowered_.size() + kMaxTermBytes > kPieceBytes;
  }

  std::string_view Lowered(std::string_view term) {
    const size_t begin = lowered_.size();
    lowered_ += term;
    for (size_t i = begin; i < lowered_.size(); ++i) {
      lowered_[i] = quern::text::LowerAscii(lowered_[i]);
    }
    return std::string_view(lowered_).substr(begin);
  }

  void EmitPiece(const std::string& document, const std::string& tag) {
    terms_->Increment(static_cast<int64_t>(occurrences_.size()));
    // Grouped by term, positions in order.
    std::sort(occurrences_.begin(), occurrences_.end(), [](const auto& a, const auto& b) {
      return a.term != b.term ? a.term < b.term : a.position < b.position;
    });
    for (size_t begin = 0, end = 0; begin < occurrences_.size(); begin = end) {
      while (end < occurrences_.size() && occurrences_[end].term == occurrences_[begin].term) ++end;
      EmitPosting(document, tag, begin, end);
    }
    occurrences_.clear();
    lowered_.clear();
  }

  void EmitPosting(const std::string& document, const std::string& tag, size_t begin, size_t end) {
    posting_.assign(document);
    char separator = '\t';
    for (size_t i = begin; i < end; ++i) {
      char digits[10];
      const auto last = std::to_chars(digits, digits + sizeof digits, occurrences_[i].position).ptr;
      posting_.push_back(separator);
      posting_.append(digits, last);
      separator = ',';
    }
    if (!tag.empty()) posting_.append(1, '\t').append(tag);
    Emit(occurrences_[begin].term, posting_);
  }

  bool json_ = false;
  bool whole_ = false;
  std::string lowered_;  // the terms of the piece; never more than is reserved, so that views stay
  std::string posting_;
  std::vector<Occurrence> occurrences_;
  quern::Counter* documents_ = nullptr;
  quern::Counter* terms_ = nullptr;
  quern::Counter* long_terms_ = nullptr;
  quern::Counter* bad_json_ = nullptr;
  quern::Counter* without_text_ = nullptr;
};
QUERN_REGISTER_MAPPER(InvertedIndexMapper);

// A line without its term.
struct PostingParts {
  explicit PostingParts(std::string_view line) {
    const size_t document_end = std::min(line.find('\t'), line.size());
    document = line.substr(0, document_end);
    positions = line.substr(std::min(document_end + 1, line.size()));
    const size_t positions_end = std::min(positions.find('\t'), positions.size());
    tag = positions.substr(positions_end);
    positions = positions.substr(0, positions_end);
  }
  std::string_view document;
  std::string_view positions;
  std::string_view tag;  // with its tab
};

uint32_t NumberAtStartOf(std::string_view text) {
  uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// One line for each document, in the order of the input. The pieces of a long one come one after
// another.
class InvertedIndexReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    distinct_ = context.counter("distinct_terms");
  }
  void Reduce(quern::ReduceInput* in) override {
    distinct_->Increment();
    for (const std::string_view posting : in->values()) Add(PostingParts(posting));
    EmitLine();
  }

 private:
  void Add(const PostingParts& posting) {
    if (GoesOn(posting)) {
      line_.append(1, ',').append(posting.positions);
      return;
    }
    EmitLine();
    line_.append(posting.document).append(1, '\t').append(posting.positions);
    document_bytes_ = posting.document.size();
    tag_.assign(posting.tag);
  }

  // The document of the line goes on in this posting. Of a file that the input names twice the
  // positions begin anew.
  bool GoesOn(const PostingParts& posting) const {
    const std::string_view line = line_;
    return !line.empty() && line.substr(0, document_bytes_) == posting.document &&
           posting.tag == tag_ && line.size() + posting.positions.size() < kMaxLineBytes &&
           NumberAtStartOf(posting.positions) >
               NumberAtStartOf(line.substr(line.find_last_of(",\t") + 1));
  }

  void EmitLine() {
    if (line_.empty()) return;
    line_.append(tag_);
    Emit(line_);
    line_.clear();
  }

  std::string line_;  // without its tag; empty before the first posting of a term
  size_t document_bytes_ = 0;
  std::string tag_;
  quern::Counter* distinct_ = nullptr;
};
QUERN_REGISTER_REDUCER(InvertedIndexReducer);

}  // namespace
