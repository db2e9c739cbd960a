// The quality rules of a corpus: one row of one table each. Help texts, parameters, counters and
// documents come from the table.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/text_stats.h"

namespace quern::corpus {

struct Rule {
  std::string_view name;  // of its parameter: gopher.words_min
  std::string_view tag;   // what it looks at
  bool at_least;          // the value must be at least the threshold; otherwise at most
  double threshold;
  std::string_view source;
};

// The tag of a rule that looks at how sure the language is; but for those below all others are
// names of metrics.
inline constexpr std::string_view kLanguageScoreTag = "language_score";

// The tag that names the lists of URLs which hold the document's; as a number, how many.
inline constexpr std::string_view kUrlListsTag = "url_lists";
inline constexpr std::string_view kPiiEmailsTag = "pii_emails";
inline constexpr std::string_view kPiiIpsTag = "pii_ips";

// Tags of documents in which somebody has looked for what they tell.
struct OptionalTag {
  std::string_view name;
  std::string_view help;
};
inline constexpr std::array<OptionalTag, 3> kOptionalTags = {
    {{kUrlListsTag, "how many lists of URLs hold its URL"},
     {kPiiEmailsTag, "e-mail addresses, masked ones too"},
     {kPiiIpsTag, "public IPv4 addresses, masked ones too"}}};

// In the order in which they are asked.
const std::vector<Rule>& AllRules();

// As short as reads back equal: 0.65, 100000.
std::string ShortNumber(double number);

// A number of JSON; nothing for anything else, nor for one that is too large.
std::optional<double> ReadNumber(std::string_view text);

// What a document was measured to be.
struct Tags {
  std::string language = "und";
  double language_score = 0;
  text::TextStats stats{};
  // By name, those that hold its URL; nothing when nobody has looked.
  std::optional<std::vector<std::string>> url_lists = std::nullopt;
  // Both or none of them.
  std::optional<double> pii_emails = std::nullopt;
  std::optional<double> pii_ips = std::nullopt;

  // 0 of one that it does not have.
  double ValueOf(std::string_view tag) const { return Find(tag).value_or(0); }
  // Nothing for an optional tag that it does not have.
  std::optional<double> Find(std::string_view tag) const;
  // {"language": "en", "language_score": 0.97, "words": 120, ..., "url_lists": ["adult"]}
  std::string Json() const;
};

// Nothing when `json` is not what Json() writes, or lacks a tag that is not optional.
std::optional<Tags> ReadTags(std::string_view json);

class RuleSet {
 public:
  // `parameter` gives the value that the user set for a rule's name, none when none was: a number,
  // or "off". Throws std::invalid_argument naming the one that is neither.
  template <typename Parameter>
  explicit RuleSet(const Parameter& parameter) {
    for (const Rule& rule : AllRules()) Add(rule, parameter(rule.name));
  }

  // The rules that are on, with the thresholds that hold.
  const std::vector<Rule>& rules() const { return rules_; }
  // Those that these tags break, in their order.
  std::vector<const Rule*> Broken(const Tags& tags) const;

 private:
  void Add(Rule rule, std::optional<std::string_view> value);

  std::vector<Rule> rules_;
};

}  // namespace quern::corpus
