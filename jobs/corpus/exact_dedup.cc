// One document of each text, or of each address: of documents that are equal in it the one with the
// least id is kept.
//
// Input: documents (jobs/corpus/document.h), format jsonl. Output (raw): the lines of those kept,
// as they are, in an order that depends on their texts alone. Texts are compared after NFKC, case
// folding and with blanks of any kind and number as one; with params.normalize=none byte by byte.
// With params.by=url the field "url" is compared, in the spelling of DedupKey (jobs/text/url.h);
// documents without one are all kept.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <optional>
#include <string>

#include "jobs/corpus/document.h"
#include "jobs/text/fold.h"
#include "jobs/text/json.h"
#include "jobs/text/url.h"
#include "mapreduce/api/mapreduce.h"
#include "mapreduce/api/words.h"

namespace {

// A document on its way: the id's size in four bytes, the id, the line.
constexpr size_t kSizeBytes = 4;

void PutDocument(std::string_view id, std::string_view line, std::string* value) {
  value->clear();
  for (size_t i = 0; i < kSizeBytes; ++i) value->push_back(static_cast<char>(id.size() >> (8 * i)));
  value->append(id).append(line);
}

size_t IdSize(std::string_view value) {
  size_t size = 0;
  for (size_t i = 0; i < kSizeBytes; ++i) {
    size |= size_t{static_cast<unsigned char>(value[i])} << (8 * i);
  }
  return size;
}
std::string_view IdOf(std::string_view value) { return value.substr(kSizeBytes, IdSize(value)); }
std::string_view LineOf(std::string_view value) { return value.substr(kSizeBytes + IdSize(value)); }

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
    const XXH128_hash_t hash = by_url_ ? HashOfUrl(*document) : HashOf(document->text);
    XXH128_canonical_t key;
    XXH128_canonicalFromHash(&key, hash);
    PutDocument(document->id, in.value(), &value_);
    Emit(std::string_view(reinterpret_cast<const char*>(key.digest), sizeof(key.digest)), value_);
  }

 private:
  XXH128_hash_t HashOfUrl(const quern::corpus::Document& document) {
    const quern::text::JsonField* const field = quern::text::FindField(document.fields, "url");
    const auto url = field == nullptr ? std::nullopt : quern::text::ReadJsonString(field->value);
    if (!url.has_value() || url->empty()) {
      without_url_->Increment();
      return XXH3_128bits_withSeed(document.id.data(), document.id.size(), 1);
    }
    const auto parsed = quern::text::ParseUrl(*url);
    const std::string key = parsed.has_value() ? quern::text::DedupKey(*parsed) : *url;
    return XXH3_128bits(key.data(), key.size());
  }

  XXH128_hash_t HashOf(const std::string& text) {
    if (!fold_) return XXH3_128bits(text.data(), text.size());
    normal_.clear();
    const std::string folded = quern::text::FoldText(text);
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
  std::string value_;
  std::string normal_;
};
QUERN_REGISTER_MAPPER(ExactDedupMapper);

// The value with the least id; equal ids: the least line.
std::string LeastValue(quern::ReduceInput* in, int64_t* count) {
  std::string least;
  for (const std::string_view value : in->values()) {
    if ((*count)++ == 0 || IdOf(value) < IdOf(least) ||
        (IdOf(value) == IdOf(least) && LineOf(value) < LineOf(least))) {
      least = value;
    }
  }
  return least;
}

class ExactDedupReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override { kept_ = context.counter("kept"); }

  void Reduce(quern::ReduceInput* in) override {
    int64_t count = 0;
    const std::string least = LeastValue(in, &count);
    kept_->Increment();
    Emit(LineOf(least));
  }

 private:
  quern::Counter* kept_ = nullptr;
};
QUERN_REGISTER_REDUCER(ExactDedupReducer);

}  // namespace
