// Inverted index: for every term the documents that contain it, and where.
//
// Input, by record: a JSON object {"id": ..., "text": ...} (format jsonl, or text), else the record
// is a document of its own, named by its path (format whole) or path:offset (format text).
// A term is a run of letters, digits and bytes above 127 (UTF-8), in lower case (ASCII); its
// position counts the terms of the document from 0.
//
// Output (text), sorted by term within each part, one line for each document of a term:
//   term<TAB>document<TAB>position,position,...
// Backslash, tab and line feed in a document's name are written \\ \t \n. So the lines of a term
// may be any number, nothing is ever held in memory as a whole, and `quern-search` finds a term by
// binary search.
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/api/mapreduce.h"

namespace {

constexpr size_t kMaxTermBytes = 64;  // longer runs are data, not words

constexpr bool IsTermByte(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80;
}

constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string EscapeName(std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\t') {
      escaped += "\\t";
    } else if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

class InvertedIndexMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    documents_ = context.counter("documents");
    terms_ = context.counter("terms");
    long_terms_ = context.counter("long_terms_skipped");
  }

  void Map(const quern::MapInput& in) override {
    documents_->Increment();
    if (!in.value().empty() && in.value().front() == '{' && MapJson(in.value())) return;
    const bool whole = in.key() == in.source().path;
    IndexDocument(
        whole ? std::string(in.key()) : std::string(in.source().path) + ":" + std::string(in.key()),
        in.value());
  }

 private:
  struct Occurrence {
    std::string_view term;  // into lowered_
    uint32_t position;
  };

  // False when the record is not a JSON object with both fields.
  bool MapJson(std::string_view record) {
    simdjson::dom::element document;
    std::string_view id;
    std::string_view text;
    if (parser_.parse(record.data(), record.size()).get(document) ||
        document["id"].get_string().get(id) || document["text"].get_string().get(text)) {
      return false;
    }
    IndexDocument(id, text);
    return true;
  }

  void IndexDocument(std::string_view name, std::string_view text) {
    lowered_.assign(text);
    std::transform(lowered_.begin(), lowered_.end(), lowered_.begin(), Lower);
    FindTerms();
    // Grouped by term, positions in order.
    std::sort(occurrences_.begin(), occurrences_.end(), [](const auto& a, const auto& b) {
      return a.term != b.term ? a.term < b.term : a.position < b.position;
    });
    const std::string escaped = EscapeName(name);
    for (size_t begin = 0, end = 0; begin < occurrences_.size(); begin = end) {
      while (end < occurrences_.size() && occurrences_[end].term == occurrences_[begin].term) ++end;
      EmitPosting(escaped, begin, end);
    }
  }

  void FindTerms() {
    occurrences_.clear();
    const std::string_view text = lowered_;
    uint32_t position = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      while (at < text.size() && IsTermByte(static_cast<unsigned char>(text[at]))) ++at;
      if (at == start) {
        ++at;
        continue;
      }
      if (at - start <= kMaxTermBytes) {
        occurrences_.push_back({text.substr(start, at - start), position});
      } else {
        long_terms_->Increment();
      }
      ++position;
    }
    terms_->Increment(static_cast<int64_t>(occurrences_.size()));
  }

  void EmitPosting(const std::string& document, size_t begin, size_t end) {
    posting_.assign(document);
    char separator = '\t';
    for (size_t i = begin; i < end; ++i) {
      char digits[10];
      const auto last = std::to_chars(digits, digits + sizeof digits, occurrences_[i].position).ptr;
      posting_.push_back(separator);
      posting_.append(digits, last);
      separator = ',';
    }
    Emit(occurrences_[begin].term, posting_);
  }

  simdjson::dom::parser parser_;
  std::string lowered_;
  std::string posting_;
  std::vector<Occurrence> occurrences_;
  quern::Counter* documents_ = nullptr;
  quern::Counter* terms_ = nullptr;
  quern::Counter* long_terms_ = nullptr;
};
QUERN_REGISTER_MAPPER(InvertedIndexMapper);

// One line per posting, in the order of the input.
class InvertedIndexReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    distinct_ = context.counter("distinct_terms");
  }
  void Reduce(quern::ReduceInput* in) override {
    distinct_->Increment();
    for (const std::string_view posting : in->values()) Emit(posting);
  }

 private:
  quern::Counter* distinct_ = nullptr;
};
QUERN_REGISTER_REDUCER(InvertedIndexReducer);

}  // namespace
