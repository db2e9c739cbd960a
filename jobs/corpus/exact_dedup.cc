// One document of each text, or of each address: of documents that are equal in it the one with the
// least id is kept. Those without an id stand before all others, the least line first.
//
// Input: documents (jobs/corpus/document.h), format jsonl. Output (raw): the lines of those kept,
// as they are, in an order that depends on their texts alone. Texts are compared after NFKC, case
// folding and with blanks of any kind and number as one; with params.normalize=none byte by byte.
// The output "rejected" has the others, with a field
//   "rejected": {"rule": "exact-dedup", "of": ID}
// where ID is the place of one that is kept without an id: only this depends on the files.
// With params.by=url the field "url" is compared, in the spelling of DedupKey (jobs/text/url.h);
// documents without one are all kept.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "jobs/corpus/document.h"
#include "jobs/text/fold.h"
#include "jobs/text/json.h"
#include "jobs/text/url.h"
#include "mapreduce/api/mapreduce.h"
#include "mapreduce/api/words.h"

namespace {

// The first byte of a value. A document that has nothing to be compared by is no copy of any,
// whatever its id. Behind it stands the place of one without an id.
constexpr char kAlone = 'a';
constexpr char kCompared = 'c';

// The blanks of Unicode that FoldText leaves as they are, and Words takes for letters: next line,
// the blank of Ogham, line separator, paragraph separator.
constexpr std::string_view kOtherBlanks[] = {"\u0085", "\u1680", "\u2028", "\u2029"};

void ReplaceOtherBlanks(std::string* text) {
  for (const std::string_view blank : kOtherBlanks) {
    for (size_t at = text->find(blank); at != std::string::npos; at = text->find(blank, at)) {
      text->replace(at, blank.size(), blank.size(), ' ');
    }
  }
}

class ExactDedupMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.input_format() != "jsonl") context.Fail("exact-dedup reads the format jsonl");
    reader_.Start(context);
    const std::string normalize(context.param("normalize", "fold"));
    if (normalize != "fold" && normalize != "none") {
      context.Fail("params.normalize = '" + normalize + "': must be fold or none");
    }
    fold_ = normalize == "fold";
    const std::string by(context.param("by", "text"));
    if (by != "text" && by != "url") context.Fail("params.by = '" + by + "': must be text or url");
    by_url_ = by == "url";
    if (by_url_) without_url_ = context.counter("documents_without_url");
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    std::string url = by_url_ ? quern::text::StringField(document->fields, "url") : "";
    const bool alone = by_url_ && url.empty();
    if (alone) without_url_->Increment();
    const XXH128_hash_t hash =
        by_url_ && !alone ? HashOfUrl(std::move(url)) : HashOf(document->text);
    value_.assign(1, alone ? kAlone : kCompared);
    if (!document->has_id) value_ += document->id;
    // The place is no part of the order: another run of the stage before may have cut its output
    // another way.
    const std::string_view id = document->has_id ? std::string_view(document->id) : "";
    Emit(quern::Ordered(hash.high64, hash.low64, id, in.value()), value_);
  }

 private:
  static XXH128_hash_t HashOfUrl(std::string url) {
    const auto parsed = quern::text::ParseUrl(url);
    if (parsed.has_value()) url = quern::text::DedupKey(*parsed);
    return XXH3_128bits(url.data(), url.size());
  }

  XXH128_hash_t HashOf(const std::string& text) {
    if (!fold_) return XXH3_128bits(text.data(), text.size());
    normal_.clear();
    std::string folded = quern::text::FoldText(text);
    ReplaceOtherBlanks(&folded);
    for (const std::string_view word : quern::text::Words(folded)) {
      if (!normal_.empty()) normal_ += ' ';
      normal_ += word;
    }
    return XXH3_128bits(normal_.data(), normal_.size());
  }

  quern::corpus::DocumentReader reader_;
  bool fold_ = true;
  bool by_url_ = false;
  quern::Counter* without_url_ = nullptr;
  std::string normal_;
  std::string value_;
};
QUERN_REGISTER_MAPPER(ExactDedupMapper);

// With [reduce] group = 2: one call for each hash, its documents by id; equal ids: by their lines.
class ExactDedupReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    kept_ = context.counter("kept");
    rejected_ = context.counter("rejected");
    others_ = context.output("rejected");
  }

  void Reduce(quern::ReduceInput* in) override {
    std::string kept;
    bool first = true;
    for (const auto& [key, value] : in->records()) {
      const auto [high, low, id, line] =
          quern::Decode<uint64_t, uint64_t, std::string, std::string>(key);
      const bool alone = value.starts_with(kAlone);
      if (alone || first) {
        kept_->Increment();
        Emit(line);
      } else {
        rejected_->Increment();
        Reject(id, line, kept);
      }
      if (alone) continue;
      if (first) kept = id.empty() ? std::string(value.substr(1)) : id;
      first = false;
    }
  }

 private:
  void Reject(const std::string& id, const std::string& line, const std::string& kept) {
    quern::corpus::Document document;
    document.id = id;
    document.fields = quern::text::ReadJsonObject(line).value_or(document.fields);
    others_->Emit("", quern::corpus::RejectedCopy(document, "exact-dedup", kept));
  }

  quern::NamedOutput* others_ = nullptr;
  quern::Counter* kept_ = nullptr;
  quern::Counter* rejected_ = nullptr;
};
QUERN_REGISTER_REDUCER(ExactDedupReducer);

}  // namespace
