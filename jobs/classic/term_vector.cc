// The most frequent words of each host (MapReduce 2004, section 2.3: term vector per host).
//
// Input: JSON lines of documents with "url" and "text" (format jsonl), as `extract` writes them.
// Words are those of UAX #29, in one spelling (NFKC, case folded). Params: n (20). Output:
// HOST<TAB>word:count<TAB>word:count..., largest counts first, equal ones in the order of the
// words.
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "jobs/params.h"
#include "jobs/text/fold.h"
#include "jobs/text/json.h"
#include "jobs/text/unicode_words.h"
#include "jobs/text/url.h"
#include "mapreduce/api/mapreduce.h"

namespace {

// Longer ones are no words that anybody looks for.
constexpr size_t kMaxWordBytes = 200;

class TermMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override { documents_ = context.counter("documents"); }
  void Map(const quern::MapInput& in) override {
    const auto fields = quern::text::ReadJsonObject(in.value());
    if (!fields) context().SkipRecord("no JSON object");
    const auto url = quern::text::ParseUrl(quern::text::StringField(*fields, "url"));
    if (!url) context().SkipRecord("no url");
    documents_->Increment();
    counts_.clear();
    const std::string text = quern::text::FoldText(quern::text::StringField(*fields, "text"));
    quern::text::WordReader words(text);
    for (std::string_view word = words.Next(); !word.empty(); word = words.Next()) {
      if (word.size() <= kMaxWordBytes) ++counts_[std::string(word)];
    }
    const std::string host = url->port.empty() ? url->host : url->host + ":" + url->port;
    for (const auto& [word, count] : counts_) Emit(quern::Ordered(host, word), count);
  }

 private:
  std::map<std::string, int64_t> counts_;
  quern::Counter* documents_ = nullptr;
};
QUERN_REGISTER_MAPPER(TermMapper);

// With [reduce] group = 1: one call for each host, its words in order. Keeps n of them.
class TermVectorReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    n_ = static_cast<size_t>(NumberParam(context, "n", "20", 1, 100'000));
  }
  void Reduce(quern::ReduceInput* in) override {
    const std::string host = quern::Decode<std::string>(in->key());
    best_.clear();
    std::string word;
    int64_t count = 0;
    for (const auto& [key, value] : in->records()) {
      std::string next = std::get<1>(quern::Decode<std::string, std::string>(key));
      if (next != word) Keep(std::exchange(word, std::move(next)), std::exchange(count, 0));
      count += quern::ParseInt(value);
    }
    Keep(word, count);
    std::string vector;
    for (const auto& [negative, term] : best_) {
      vector += (vector.empty() ? "" : "\t") + term + ":" + std::to_string(-negative);
    }
    Emit(host, vector);
  }

 private:
  void Keep(const std::string& word, int64_t count) {
    if (count == 0) return;
    best_.emplace(-count, word);
    if (best_.size() > n_) best_.erase(std::prev(best_.end()));
  }

  size_t n_ = 0;
  std::set<std::pair<int64_t, std::string>> best_;  // (-count, word)
};
QUERN_REGISTER_REDUCER(TermVectorReducer);

}  // namespace
