// Finds lines that several documents have, or one several times, and says which of them are repeats
// of which; with params.by=paragraph paragraphs.
//
// Input: documents (jobs/corpus/document.h), format jsonl. Output (raw): repeats
// (jobs/corpus/repeats.h), for drop-lines. Parts are equal in their words (jobs/text/part_hash.h);
// those of fewer than 10 words (params.words_min), and those without any, are none's repeats. The
// part stays in the document with the least id, where it comes first; with params.keep=none in no
// document.
#include <cstdint>
#include <string>
#include <string_view>

#include "jobs/corpus/document.h"
#include "jobs/corpus/repeats.h"
#include "jobs/params.h"
#include "jobs/text/part_hash.h"
#include "jobs/text/text_parts.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Repeat;
using quern::text::PartHash;
using quern::text::PartKind;

PartKind PartKindParam(quern::TaskContext& context) {
  const std::string by(context.param("by", "line"));
  if (by != "line" && by != "paragraph") {
    context.Fail("params.by = '" + by + "': must be line or paragraph");
  }
  return by == "line" ? PartKind::kLine : PartKind::kParagraph;
}

// Of a part of a text. The hash of the text keeps documents apart that share an id by mistake, and
// puts them in an order. Those of one id and one text are one document here: none of them is robbed
// of its lines for another.
std::string KeyOfPart(const PartHash& part, std::string_view id, uint64_t text, uint32_t number) {
  return quern::Ordered(part.high, part.low, id, text, number);
}

Repeat RepeatOfKey(std::string_view key, PartKind kind) {
  const auto [high, low, id, text, number] =
      quern::Decode<uint64_t, uint64_t, std::string, uint64_t, uint32_t>(key);
  return Repeat{id, text, kind, number, ""};
}

class RepeatedLinesMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.input_format() != "jsonl") context.Fail("repeated-lines reads the format jsonl");
    reader_.Start(context);
    kind_ = PartKindParam(context);
    words_min_ = static_cast<size_t>(NumberParam(context, "words_min", "10", 0, INT64_MAX));
    const std::string parts = std::string(quern::corpus::NameOf(kind_)) + "s";
    parts_ = context.counter(parts);
    too_short_ = context.counter(parts + "_too_short");
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    const uint64_t text = quern::corpus::HashOfText(document->text);
    quern::text::PartReader parts(document->text, kind_);
    while (const auto part = parts.Next()) {
      parts_->Increment();
      const PartHash hash = hasher_.Read(part->text);
      if (hash.words == 0 || hash.words < words_min_) {
        too_short_->Increment();
      } else {
        Emit(KeyOfPart(hash, document->id, text, part->number), "");
      }
    }
  }

 private:
  quern::corpus::DocumentReader reader_;
  quern::text::PartHasher hasher_;
  PartKind kind_ = PartKind::kLine;
  size_t words_min_ = 0;
  quern::Counter* parts_ = nullptr;
  quern::Counter* too_short_ = nullptr;
};
QUERN_REGISTER_MAPPER(RepeatedLinesMapper);

// With [reduce] group = 2: one call for each hash, its parts in the order of documents and numbers,
// of which only the first and the last one are ever held.
class RepeatedLinesReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    kind_ = PartKindParam(context);
    const std::string keep(context.param("keep", "first"));
    if (keep != "first" && keep != "none") {
      context.Fail("params.keep = '" + keep + "': must be first or none");
    }
    keep_first_ = keep == "first";
    repeats_ = context.counter("repeats");
  }

  void Reduce(quern::ReduceInput* in) override {
    if (quern::OrderedPrefix(in->key(), 2) != in->key().size()) {
      context().Fail("reduce.group: must be 2, so that equal parts meet");
    }
    uint64_t parts = 0;
    Repeat first;
    for (const auto& [key, value] : in->records()) {
      if (parts > 0 && key == last_) continue;  // of a document that is there twice
      if (++parts == 2) {
        first = RepeatOfKey(last_, kind_);
        if (!keep_first_) Write(first);
      }
      last_ = key;
      if (parts == 1) continue;
      Repeat repeat = RepeatOfKey(key, kind_);
      if (keep_first_) repeat.of = first.id;
      Write(repeat);
    }
  }

 private:
  void Write(const Repeat& repeat) {
    repeats_->Increment();
    Emit("", quern::corpus::RepeatLine(repeat));
  }

  PartKind kind_ = PartKind::kLine;
  bool keep_first_ = true;
  std::string last_;  // the key that came last
  quern::Counter* repeats_ = nullptr;
};
QUERN_REGISTER_REDUCER(RepeatedLinesReducer);

}  // namespace
