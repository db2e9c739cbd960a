// How often each run of N words occurs.
//
// Input: text, or JSON lines with a text (format jsonl, params.field). Words are those of UAX #29,
// in one spelling (NFKC, case folded); runs do not go over the end of a record. Params: n (2);
// field ("text"). Output: the words with blanks between them<TAB>count.
#include <deque>
#include <string>
#include <string_view>

#include "jobs/params.h"
#include "jobs/text/fold.h"
#include "jobs/text/json.h"
#include "jobs/text/unicode_words.h"
#include "mapreduce/api/mapreduce.h"

namespace {

class NgramMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    n_ = static_cast<size_t>(NumberParam(context, "n", "2", 1, 20));
    json_ = context.input_format() == "jsonl";
    field_ = NameParam(context, "field", "text");
  }
  void Map(const quern::MapInput& in) override {
    if (!json_) return Count(in.value());
    const auto fields = quern::text::ReadJsonObject(in.value());
    if (!fields) context().SkipRecord("no JSON object");
    const auto* const field = quern::text::FindField(*fields, field_);
    const auto text = field == nullptr ? std::nullopt : quern::text::ReadJsonString(field->value);
    if (!text) context().SkipRecord("no text in the field '" + field_ + "'");
    Count(*text);
  }

 private:
  // The run is kept as one text; `sizes` says how long its words are, with the blank behind them.
  void Count(std::string_view text) {
    const std::string folded = quern::text::FoldText(text);
    std::string run;
    std::deque<size_t> sizes;
    quern::text::WordReader words(folded);
    for (std::string_view word = words.Next(); !word.empty(); word = words.Next()) {
      if (sizes.size() == n_) {
        run.erase(0, sizes.front());
        sizes.pop_front();
      }
      run.append(word).push_back(' ');
      sizes.push_back(word.size() + 1);
      if (sizes.size() == n_) Emit(std::string_view(run).substr(0, run.size() - 1), "1");
    }
  }

  size_t n_ = 0;
  bool json_ = false;
  std::string field_;
};
QUERN_REGISTER_MAPPER(NgramMapper);

using quern::SumOf;
QUERN_REGISTER_FOLD(SumOf);

}  // namespace
