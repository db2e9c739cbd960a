// How often each URL was asked for.
//
// Input: lines of an access log (jobs/classic/access_log.h), or with params.column = N lines of
// columns between tabs, of which the N-th (from 1) is counted. Lines that have none are set aside.
// Params: column (none); heading (false): the first line of each file names the columns.
// Output: URL<TAB>count.
#include <cstdint>
#include <string>
#include <string_view>

#include "jobs/classic/access_log.h"
#include "jobs/classic/columns.h"
#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

class UrlMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    if (ParamIfSet(context, "column").has_value()) {
      column_ = quern::classic::ColumnParam(context, "column", "1");
    }
    heading_ = FlagParam(context, "heading");
  }
  void Map(const quern::MapInput& in) override {
    if (heading_ && in.source().offset == 0) return;
    if (column_ == 0) return CountLogEntry(in.value());
    const auto url = quern::classic::Column(in.value(), column_);
    if (!url) context().SkipRecord("too few columns");
    Emit(*url, "1");
  }

 private:
  void CountLogEntry(std::string_view line) {
    std::string_view why;
    const auto entry = quern::classic::ReadLogEntry(line, &why);
    if (!entry) context().SkipRecord(why);
    Emit(entry->target, "1");
  }

  size_t column_ = 0;
  bool heading_ = false;
};
QUERN_REGISTER_MAPPER(UrlMapper);

using quern::SumOf;
QUERN_REGISTER_FOLD(SumOf);

}  // namespace
