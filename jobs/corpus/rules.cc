#include "jobs/corpus/rules.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "jobs/text/json.h"

namespace quern::corpus {

namespace {

constexpr bool kMin = true;
constexpr bool kMax = false;
constexpr std::string_view kFineWeb = "FineWeb (Penedo et al. 2024)";
constexpr std::string_view kGopher = "Gopher (Rae et al. 2021)";
constexpr std::string_view kRefinedWeb = "RefinedWeb (Penedo et al. 2023)";
constexpr std::string_view kC4 = "C4 (Raffel et al. 2020)";

// The metric of this name; kMetricCount when there is none.
size_t MetricNamed(std::string_view name) {
  size_t i = 0;
  while (i < text::kMetricCount && text::NameOf(static_cast<text::Metric>(i)) != name) ++i;
  return i;
}

std::string JsonNames(const std::vector<std::string>& names) {
  std::string json = "[";
  for (const std::string& name : names) {
    if (json.size() > 1) json += ", ";
    text::AppendJsonString(name, &json);
  }
  return json + "]";
}

std::optional<std::vector<std::string>> ReadNames(std::string_view json) {
  const auto elements = text::ReadJsonArray(json);
  if (!elements.has_value()) return std::nullopt;
  std::vector<std::string> names;
  for (const std::string_view element : *elements) {
    std::optional<std::string> name = text::ReadJsonString(element);
    if (!name.has_value()) return std::nullopt;
    names.push_back(*std::move(name));
  }
  return names;
}

bool IsOptional(std::string_view name) {
  return std::any_of(kOptionalTags.begin(), kOptionalTags.end(),
                     [name](const OptionalTag& tag) { return tag.name == name; });
}

// False when it is not what it should be.
bool ReadOptional(const text::JsonField& field, Tags* tags) {
  if (field.name == kUrlListsTag) {
    tags->url_lists = ReadNames(field.value);
    return tags->url_lists.has_value();
  }
  std::optional<double>& count = field.name == kPiiEmailsTag ? tags->pii_emails : tags->pii_ips;
  count = ReadNumber(field.value);
  return count.has_value();
}

}  // namespace

const std::vector<Rule>& AllRules() {
  static const std::vector<Rule> rules = {
      {"url.lists_max", kUrlListsTag, kMax, 0, kRefinedWeb},
      {"language.score_min", kLanguageScoreTag, kMin, 0.65, kFineWeb},
      {"gopher.dup_lines_max", "dup_lines", kMax, 0.30, kGopher},
      {"gopher.dup_paragraphs_max", "dup_paragraphs", kMax, 0.30, kGopher},
      {"gopher.dup_line_chars_max", "dup_line_chars", kMax, 0.20, kGopher},
      {"gopher.dup_paragraph_chars_max", "dup_paragraph_chars", kMax, 0.20, kGopher},
      {"gopher.top_2gram_max", "top_2gram_chars", kMax, 0.20, kGopher},
      {"gopher.top_3gram_max", "top_3gram_chars", kMax, 0.18, kGopher},
      {"gopher.top_4gram_max", "top_4gram_chars", kMax, 0.16, kGopher},
      {"gopher.dup_5gram_max", "dup_5gram_chars", kMax, 0.15, kGopher},
      {"gopher.dup_6gram_max", "dup_6gram_chars", kMax, 0.14, kGopher},
      {"gopher.dup_7gram_max", "dup_7gram_chars", kMax, 0.13, kGopher},
      {"gopher.dup_8gram_max", "dup_8gram_chars", kMax, 0.12, kGopher},
      {"gopher.dup_9gram_max", "dup_9gram_chars", kMax, 0.11, kGopher},
      {"gopher.dup_10gram_max", "dup_10gram_chars", kMax, 0.10, kGopher},
      {"gopher.words_min", "words", kMin, 50, kGopher},
      {"gopher.words_max", "words", kMax, 100'000, kGopher},
      {"gopher.mean_word_length_min", "mean_word_length", kMin, 3, kGopher},
      {"gopher.mean_word_length_max", "mean_word_length", kMax, 10, kGopher},
      {"gopher.hash_ratio_max", "hash_ratio", kMax, 0.1, kGopher},
      {"gopher.ellipsis_ratio_max", "ellipsis_ratio", kMax, 0.1, kGopher},
      {"gopher.bullet_lines_max", "bullet_lines", kMax, 0.9, kGopher},
      {"gopher.ellipsis_lines_max", "ellipsis_lines", kMax, 0.3, kGopher},
      {"gopher.alpha_tokens_min", "alpha_tokens", kMin, 0.8, kGopher},
      {"gopher.stop_words_min", "stop_words", kMin, 2, kGopher},
      {"c4.lorem_ipsum_max", "lorem_ipsum", kMax, 0, kC4},
      {"c4.curly_brackets_max", "curly_brackets", kMax, 0, kC4},
      {"c4.longest_token_max", "longest_token", kMax, 1000, kC4},
      {"c4.sentences_min", "sentences", kMin, 5, kC4},
      {"fineweb.punctuated_lines_min", "punctuated_lines", kMin, 0.12, kFineWeb},
      {"fineweb.short_lines_max", "short_lines", kMax, 0.67, kFineWeb},
      {"fineweb.dup_line_chars_max", "dup_line_chars", kMax, 0.01, kFineWeb},
      {"fineweb.newlines_per_word_max", "newlines_per_word", kMax, 0.3, kFineWeb},
  };
  return rules;
}

// A finite one: JSON has no other, and "inf" would be a rule that is off.
std::optional<double> ReadNumber(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || last != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::string ShortNumber(double number) {
  char digits[32];
  return std::string(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

std::optional<double> Tags::Find(std::string_view tag) const {
  if (tag == kLanguageScoreTag) return language_score;
  if (tag == kUrlListsTag) {
    if (!url_lists.has_value()) return std::nullopt;
    return static_cast<double>(url_lists->size());
  }
  if (tag == kPiiEmailsTag) return pii_emails;
  if (tag == kPiiIpsTag) return pii_ips;
  return stats.at(MetricNamed(tag));
}

std::string Tags::Json() const {
  text::JsonObjectWriter json;
  json.AddString("language", language);
  json.AddRaw(kLanguageScoreTag, ShortNumber(language_score));
  for (size_t i = 0; i < text::kMetricCount; ++i) {
    json.AddRaw(text::NameOf(static_cast<text::Metric>(i)), ShortNumber(stats[i]));
  }
  if (url_lists.has_value()) json.AddRaw(kUrlListsTag, JsonNames(*url_lists));
  if (pii_emails.has_value()) json.AddRaw(kPiiEmailsTag, ShortNumber(*pii_emails));
  if (pii_ips.has_value()) json.AddRaw(kPiiIpsTag, ShortNumber(*pii_ips));
  return json.Take();
}

std::optional<Tags> ReadTags(std::string_view json) {
  const auto fields = text::ReadJsonObject(json);
  if (!fields.has_value()) return std::nullopt;
  Tags tags;
  size_t found = 0;
  for (const text::JsonField& field : *fields) {
    if (field.name == "language") {
      const auto language = text::ReadJsonString(field.value);
      if (!language.has_value()) return std::nullopt;
      tags.language = *language;
      continue;
    }
    if (IsOptional(field.name)) {
      if (!ReadOptional(field, &tags)) return std::nullopt;
      continue;
    }
    const bool score = field.name == kLanguageScoreTag;
    const size_t metric = MetricNamed(field.name);
    if (!score && metric == text::kMetricCount) continue;  // of somebody else
    const std::optional<double> number = ReadNumber(field.value);
    if (!number.has_value()) return std::nullopt;
    (score ? tags.language_score : tags.stats[metric]) = *number;
    ++found;
  }
  if (found != text::kMetricCount + 1) return std::nullopt;
  return tags;
}

std::vector<const Rule*> RuleSet::Broken(const Tags& tags) const {
  std::vector<const Rule*> broken;
  for (const Rule& rule : rules_) {
    const double value = tags.ValueOf(rule.tag);
    if (rule.at_least ? value < rule.threshold : value > rule.threshold) broken.push_back(&rule);
  }
  return broken;
}

void RuleSet::Add(Rule rule, std::optional<std::string_view> value) {
  if (value == "off") return;
  if (value.has_value()) {
    const std::optional<double> number = ReadNumber(*value);
    if (!number.has_value()) {
      throw std::invalid_argument("params." + std::string(rule.name) + " = '" +
                                  std::string(*value) + "': must be a number or off");
    }
    rule.threshold = *number;
  }
  rules_.push_back(rule);
}

}  // namespace quern::corpus
