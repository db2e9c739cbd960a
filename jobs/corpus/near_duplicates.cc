// Finds documents that are nearly equal (jobs/text/minhash.h) and says which are duplicates of
// which.
//
// Input: documents (jobs/corpus/document.h) with ids of their own. Output (raw): edges
// (jobs/corpus/duplicates.h), the same one from several bands perhaps. Of two copies the one is
// kept whose id is less; with params.keep=longest the one with more text, with earliest the one
// that was crawled first: "crawled", or else "date", one without either last; with most(TAG) or
// least(TAG) the one with the greatest or least number of that name in its "tags", one without it
// last. Where not one document has what is asked for the job fails: it would keep the least ids, as
// without the parameter.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "jobs/corpus/document.h"
#include "jobs/corpus/duplicates.h"
#include "jobs/corpus/rules.h"
#include "jobs/text/minhash.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::corpus::Edge;
using quern::corpus::StarMaker;

enum class Keep { kFirst, kLongest, kEarliest, kMost, kLeast };

// Of a document without what is asked for.
constexpr uint32_t kLastRank = UINT32_MAX;

// The band and node of what a map says of all its documents: kFound when one of them has what
// params.keep asks for. Bands may be equal to this one, nodes are never empty.
constexpr uint64_t kAskedBand = 0;
constexpr std::string_view kAskedNode = "";
constexpr std::string_view kFound = "found";
constexpr std::string_view kMissing = "missing";

// "language_score" of "most(language_score)" when `word` is "most"; empty when it is no such.
std::string_view TagNamedBy(std::string_view keep, std::string_view word) {
  const bool is = keep.size() > word.size() + 2 && keep.starts_with(word) &&
                  keep[word.size()] == '(' && keep.ends_with(')');
  return is ? keep.substr(word.size() + 1, keep.size() - word.size() - 2) : std::string_view();
}

// So many digits at text[at]; nothing when there are others.
std::optional<uint32_t> DigitsAt(std::string_view text, size_t at, size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  uint32_t number = 0;
  const char* const end = text.data() + at + digits;
  const auto [last, error] = std::from_chars(text.data() + at, end, number);
  if (error != std::errc() || last != end) return std::nullopt;
  return number;
}

// Seconds since 1970 of YYYY-MM-DD, to the second where Thh:mm:ss follows; kLastRank for
// anything else.
uint32_t SecondsOf(std::string_view text) {
  const auto year = DigitsAt(text, 0, 4);
  const auto month = DigitsAt(text, 5, 2);
  const auto day = DigitsAt(text, 8, 2);
  if (!year.has_value() || !month.has_value() || !day.has_value()) return kLastRank;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (text[4] != '-' || text[7] != '-' || !date.ok()) return kLastRank;
  int64_t seconds = int64_t{86400} * std::chrono::sys_days(date).time_since_epoch().count();
  constexpr size_t kTime = 11;
  seconds += 3600 * int64_t{DigitsAt(text, kTime, 2).value_or(0)} +
             60 * int64_t{DigitsAt(text, kTime + 3, 2).value_or(0)} +
             DigitsAt(text, kTime + 6, 2).value_or(0);
  return static_cast<uint32_t>(std::clamp<int64_t>(seconds, 0, kLastRank - 1));
}

class NearDuplicatesMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    too_short_ = context.counter("documents_without_words");
    ReadKeep(context);
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    const quern::text::MinHashSignature signature = hasher_.Sign(document->text);
    if (signature.shingles == 0) return too_short_->Increment();
    const uint32_t rank = RankOf(*document);
    (rank == kLastRank ? missing_ : found_) = true;
    const std::string node = quern::corpus::MakeNode(rank, document->id);
    const auto bands = signature.Bands();
    for (const uint64_t band : bands) Emit(quern::Ordered(band, node), "");
  }

  void Finish() override {
    if (!found_ && !missing_) return;
    if (keep_ == Keep::kFirst || keep_ == Keep::kLongest) return;
    Emit(quern::Ordered(kAskedBand, kAskedNode), found_ ? kFound : kMissing);
  }

 private:
  void ReadKeep(quern::TaskContext& context) {
    const std::string keep(context.param("keep", "first"));
    const std::string_view most = TagNamedBy(keep, "most");
    const std::string_view least = TagNamedBy(keep, "least");
    if (!most.empty() || !least.empty()) {
      keep_ = most.empty() ? Keep::kLeast : Keep::kMost;
      tag_ = most.empty() ? least : most;
      without_tag_ = context.counter("documents_without_that_tag");
    } else if (keep == "longest") {
      keep_ = Keep::kLongest;
    } else if (keep == "earliest") {
      keep_ = Keep::kEarliest;
    } else if (keep != "first") {
      context.Fail("params.keep = '" + keep +
                   "': must be first, longest, earliest, most(TAG) or least(TAG)");
    }
  }

  // The less the better.
  uint32_t RankOf(const Document& document) const {
    switch (keep_) {
      case Keep::kFirst:
        return 0;
      case Keep::kLongest: {
        const size_t bytes = std::min<size_t>(document.text.size(), UINT32_MAX);
        return UINT32_MAX - static_cast<uint32_t>(bytes);
      }
      case Keep::kEarliest: {
        const uint32_t crawled = SecondsOf(quern::text::StringField(document.fields, "crawled"));
        if (crawled != kLastRank) return crawled;
        return SecondsOf(quern::text::StringField(document.fields, "date"));
      }
      case Keep::kMost:
      case Keep::kLeast:
        break;
    }
    const std::optional<double> number = TagOf(document);
    if (!number.has_value()) return without_tag_->Increment(), kLastRank;
    return quern::corpus::RankOfNumber(keep_ == Keep::kMost ? -*number : *number);
  }

  std::optional<double> TagOf(const Document& document) const {
    const quern::text::JsonField* const tags = quern::text::FindField(document.fields, "tags");
    if (tags == nullptr) return std::nullopt;
    const auto fields = quern::text::ReadJsonObject(tags->value);
    if (!fields.has_value()) return std::nullopt;
    const quern::text::JsonField* const tag = quern::text::FindField(*fields, tag_);
    return tag == nullptr ? std::nullopt : quern::corpus::ReadNumber(tag->value);
  }

  quern::corpus::DocumentReader reader_;
  quern::text::MinHasher hasher_;
  Keep keep_ = Keep::kFirst;
  std::string tag_;       // of kMost and kLeast
  bool found_ = false;    // a document with what is asked for
  bool missing_ = false;  // and one without
  quern::Counter* without_tag_ = nullptr;
  quern::Counter* too_short_ = nullptr;
};
QUERN_REGISTER_MAPPER(NearDuplicatesMapper);

// With [reduce] group = 1: one call for each band, its documents in order.
class NearDuplicatesReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    edges_ = context.counter("edges");
    keep_ = context.param("keep", "first");
  }

  void Reduce(quern::ReduceInput* in) override {
    const auto emit = [this](const Edge& edge) {
      edges_->Increment();
      Emit(quern::corpus::EdgeLine(edge));
    };
    star_.Start("");
    bool found = false;
    bool missing = false;
    for (const auto& [key, value] : in->records()) {
      const std::string node = std::get<1>(quern::Decode<uint64_t, std::string>(key));
      if (node == kAskedNode) {
        (value == kFound ? found : missing) = true;
      } else {
        star_.Add(node, emit);
      }
    }
    if (missing && !found) FailWithoutIt();
  }

 private:
  void FailWithoutIt() {
    const std::string what = keep_ == "earliest" ? "a date in its field crawled or date"
                                                 : "a number of that name in its tags";
    const std::string step = keep_ == "earliest"
                                 ? "first or longest"
                                 : "a tag that the job tag writes as a number, such as "
                                   "most(language_score), or first";
    context().Fail("params.keep = '" + keep_ + "': not one document has " + what +
                   ". Try: " + step);
  }

  StarMaker star_{StarMaker::Step::kJoin};
  std::string keep_;
  quern::Counter* edges_ = nullptr;
};
QUERN_REGISTER_REDUCER(NearDuplicatesReducer);

}  // namespace
