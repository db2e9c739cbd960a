// Lines that match a regular expression (RE2 syntax), in the order of the input. A map-only job.
//
// Params: pattern (required), ignore_case = true|false, invert = true|false.
// Output (raw): the lines. Counter `matches`.
#include <re2/re2.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "mapreduce/api/mapreduce.h"

namespace {

// A pattern without any special character is searched for as it is, at the speed of memmem.
bool IsLiteral(std::string_view pattern) {
  return pattern.find_first_of("\\^$.|?*+()[]{}") == std::string_view::npos;
}

class GrepMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    pattern_ = context.param("pattern");
    if (pattern_.empty()) throw std::invalid_argument("params: pattern is not set");
    const bool ignore_case = context.param("ignore_case", "false") == "true";
    invert_ = context.param("invert", "false") == "true";
    literal_ = IsLiteral(pattern_) && !ignore_case;
    RE2::Options options(RE2::Quiet);
    options.set_encoding(RE2::Options::EncodingLatin1);  // lines are bytes, not always UTF-8
    options.set_case_sensitive(!ignore_case);
    regex_ = std::make_unique<RE2>(pattern_, options);
    if (!regex_->ok()) {
      throw std::invalid_argument("pattern '" + pattern_ + "': " + regex_->error());
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
    if (literal_) {
      return memmem(line.data(), line.size(), pattern_.data(), pattern_.size()) != nullptr;
    }
    return RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *regex_);
  }

  std::string pattern_;
  bool literal_ = false;
  bool invert_ = false;
  std::unique_ptr<RE2> regex_;
  quern::Counter* matches_ = nullptr;
};
QUERN_REGISTER_MAPPER(GrepMapper);

}  // namespace
