// Counts words: maximal runs of bytes that are not white space.
//
// Input: text. Output: word<TAB>count. The parts merged by key equal
//   export LC_ALL=C; tr -s '[:space:]' '\n' < FILE | sed '/^$/d' | sort | uniq -c
// Param: stopwords, the name of a side file whose words are not counted.
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

class WordCountMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    const std::optional<std::string_view> name = ParamIfSet(context, "stopwords");
    if (!name.has_value()) return;
    std::ifstream file(context.file(*name));
    for (std::string word; file >> word;) stopwords_.insert(word);
  }
  void Map(const quern::MapInput& in) override {
    if (!stopwords_.empty()) return MapOthers(in);
    for (const std::string_view word : quern::text::Words(in.value())) Emit(word, "1");
  }

 private:
  void MapOthers(const quern::MapInput& in) {
    for (const std::string_view word : quern::text::Words(in.value())) {
      if (stopwords_.count(std::string(word)) == 0) Emit(word, "1");
    }
  }

  std::unordered_set<std::string> stopwords_;
};
QUERN_REGISTER_MAPPER(WordCountMapper);

using quern::SumOf;
QUERN_REGISTER_FOLD(SumOf);

}  // namespace
