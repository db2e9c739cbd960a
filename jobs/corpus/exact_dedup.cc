// One document of each text: of documents with equal texts the one with the least id is kept.
//
// Input: documents (jobs/corpus/document.h), format jsonl. Output (raw): the lines of those kept,
// as they are, in an order that depends on their texts alone. Texts are compared after NFKC, case
// folding and with blanks of any kind and number as one; with params.normalize=none byte by byte.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string>

#include "jobs/corpus/document.h"
#include "jobs/text/fold.h"
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
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    const XXH128_hash_t hash = HashOf(document->text);
    XXH128_canonical_t key;
    XXH128_canonicalFromHash(&key, hash);
    PutDocument(document->id, in.value(), &value_);
    Emit(std::string_view(reinterpret_cast<const char*>(key.digest), sizeof(key.digest)), value_);
  }

 private:
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
