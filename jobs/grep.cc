// Lines that match a regular expression (RE2 syntax), in the order of the input. A map-only job.
//
// Patterns and lines are UTF-8: `.` is a character, \p{Greek} a Greek one. Bytes that are no UTF-8
// match no `.`, and do not keep the rest of their line from matching.
//
// Params: pattern (required), ignore_case = true|false, invert = true|false.
// Output (raw): the lines. Counter `matches`.
#include <re2/re2.h>

#include <cstring>
#include <memory>
#include <string>

#include "jobs/params.h"
#include "jobs/required_literal.h"
#include "mapreduce/api/mapreduce.h"

namespace {

class GrepMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    pattern_ = context.param("pattern");
    if (pattern_.empty()) context.Fail("params.pattern: is not set");
    const bool ignore_case = FlagParam(context, "ignore_case");
    invert_ = FlagParam(context, "invert");
    // Most lines are ruled out by looking for a string that each match must contain.
    if (!ignore_case) required_ = RequiredLiteral(pattern_);
    literal_ = required_ == pattern_;
    RE2::Options options(RE2::Quiet);
    options.set_case_sensitive(!ignore_case);
    regex_ = std::make_unique<RE2>(pattern_, options);
    if (!regex_->ok()) {
      context.Fail("params.pattern: '" + pattern_ + "': " + regex_->error());
    }
    matches_ = context.counter("matches");
  }

  void Map(const quern::MapInput& in) override {
    if (Matches(in.value()) == invert_) return;
    matches_->Increment();
    Emit("", in.value());
  }

 private:
  bool Matches(std::string_view line) const {
    if (!required_.empty() &&
        memmem(line.data(), line.size(), required_.data(), required_.size()) == nullptr) {
      return false;
    }
    return literal_ || RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *regex_);
  }

  std::string pattern_;
  std::string required_;
  bool literal_ = false;  // the pattern is nothing but that string
  bool invert_ = false;
  std::unique_ptr<RE2> regex_;
  quern::Counter* matches_ = nullptr;
};
QUERN_REGISTER_MAPPER(GrepMapper);

}  // namespace
