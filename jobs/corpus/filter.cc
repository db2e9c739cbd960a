// Keeps the documents that the quality rules (jobs/corpus/rules.h) let pass.
//
// Input: documents (jobs/corpus/document.h); "tags" of the tag job are taken as they are, documents
// without them are measured here. Output (raw), in the order of the input: the lines of those kept,
// as they are. The output "rejected" has the others, with a field
//   "rejected": {"rule": "gopher.words_min", "value": 12, "threshold": 50}
// of the first rule that they break, and the others that they break, if any, as
//   "also": {"c4.sentences_min": {"value": 2, "threshold": 5}}
#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/corpus/tagger.h"
#include "jobs/params.h"
#include "jobs/text/ascii.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::corpus::Rule;
using quern::corpus::Tags;
using quern::text::JsonObjectWriter;

constexpr std::string_view kLanguageRule = "languages";
constexpr std::string_view kCountedLists = "counted_lists";

// "en", "ceb", "zh-Hant": what the tags call a language (BCP 47), in either case.
bool IsLanguageCode(std::string_view text) {
  const auto is_letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  const auto is_part = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  const std::string_view first = text.substr(0, text.find('-'));
  if (first.size() < 2 || first.size() > 3 || !std::all_of(first.begin(), first.end(), is_letter)) {
    return false;
  }
  for (text.remove_prefix(first.size()); !text.empty();) {
    text.remove_prefix(1);  // the hyphen
    const std::string_view part = text.substr(0, text.find('-'));
    if (part.empty() || part.size() > 8 || !std::all_of(part.begin(), part.end(), is_part)) {
      return false;
    }
    text.remove_prefix(part.size());
  }
  return true;
}

bool MeansAny(std::string_view language) {
  return quern::text::EqualsIgnoringCase(language, "any");
}

// Codes by their form, which no tag has: whoever says one of them means any.
bool IsNoLanguage(std::string_view text) {
  return quern::text::EqualsIgnoringCase(text, "all") ||
         quern::text::EqualsIgnoringCase(text, "off");
}

std::vector<std::string> LanguagesParam(quern::TaskContext& context) {
  std::vector<std::string> languages = ListParam(context, kLanguageRule, "en");
  for (const std::string& language : languages) {
    if (MeansAny(language) || (IsLanguageCode(language) && !IsNoLanguage(language))) continue;
    context.Fail("params.languages: '" + language +
                 "': must be a code such as en or zh-Hant, or any for all languages");
  }
  return languages;
}

class FilterMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    kept_ = context.counter("kept");
    rejected_ = context.counter("rejected");
    measured_ = context.counter("documents_measured_here");
    languages_ = LanguagesParam(context);
    ReadCountedLists(context);
    others_ = context.output("rejected");
    ReadRules(context);
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    Tags tags = TagsOf(*document);
    KeepCounted(&tags);
    const std::vector<const Rule*> broken = rules_->Broken(tags);
    if (!IsWantedLanguage(tags.language)) {
      JsonObjectWriter why = quern::corpus::RejectedBy(kLanguageRule);
      why.AddString("value", tags.language);
      by_rule_.at(kLanguageRule)->Increment();
      return Reject(*document, std::move(why), tags, broken);
    }
    if (!broken.empty()) {
      JsonObjectWriter why = quern::corpus::RejectedBy(broken[0]->name);
      AddNumbers(*broken[0], tags, &why);
      by_rule_.at(broken[0]->name)->Increment();
      return Reject(*document, std::move(why), tags, std::span(broken).subspan(1));
    }
    kept_->Increment();
    if (!document->fields.empty()) return Emit("", in.value());
    quern::corpus::AddFields(*document, &line_);
    Emit("", line_.Take());
  }

 private:
  void ReadRules(quern::TaskContext& context) {
    try {
      rules_ = std::make_unique<quern::corpus::RuleSet>(
          [&context](std::string_view name) { return ParamIfSet(context, name); });
    } catch (const std::invalid_argument& problem) {
      context.Fail(problem.what());
    }
    // Every rule has its counter from the beginning: one that rejects nothing shows it.
    by_rule_[kLanguageRule] = context.counter("rejected.languages");
    for (const Rule& rule : rules_->rules()) {
      by_rule_[rule.name] = context.counter("rejected." + std::string(rule.name));
    }
  }

  void ReadCountedLists(quern::TaskContext& context) {
    const std::optional<std::string_view> lists = ParamIfSet(context, kCountedLists);
    if (!lists.has_value()) return;
    const std::vector<std::string> names = ListParam(context, kCountedLists, "");
    const bool has_empty = std::any_of(names.begin(), names.end(),
                                       [](const std::string& name) { return name.empty(); });
    if (names.empty() || has_empty) {
      context.Fail("params.counted_lists = '" + std::string(*lists) +
                   (names.empty() ? "': the list is empty" : "': holds an empty name") +
                   ". Try: params.url.lists_max=off");
    }
    for (const std::string& list : names) {
      in_list_[list] = context.counter("documents_in_list." + list);
    }
    without_lists_ = context.counter("documents_without_url_lists");
  }

  // Of the lists that hold the document's URL those that the user has named, if any.
  void KeepCounted(Tags* tags) const {
    if (in_list_.empty()) return;
    if (!tags->url_lists.has_value()) return without_lists_->Increment();
    std::erase_if(*tags->url_lists,
                  [this](const std::string& list) { return !in_list_.contains(list); });
    for (const std::string& list : *tags->url_lists) in_list_.at(list)->Increment();
  }

  bool IsWantedLanguage(const std::string& language) const {
    return std::any_of(languages_.begin(), languages_.end(), [&](const std::string& wanted) {
      return MeansAny(wanted) || quern::text::EqualsIgnoringCase(wanted, language);
    });
  }

  Tags TagsOf(const Document& document) {
    const quern::text::JsonField* const field = quern::text::FindField(document.fields, "tags");
    if (field != nullptr) {
      const auto tags = quern::corpus::ReadTags(field->value);
      if (tags.has_value()) return *tags;
    }
    measured_->Increment();
    return tagger_.Measure(document.text);
  }

  static void AddNumbers(const Rule& rule, const Tags& tags, JsonObjectWriter* json) {
    json->AddRaw("value", quern::corpus::ShortNumber(tags.ValueOf(rule.tag)));
    json->AddRaw("threshold", quern::corpus::ShortNumber(rule.threshold));
  }

  // `why` has the rule that decided and its numbers; `also` are broken too.
  void Reject(const Document& document, JsonObjectWriter why, const Tags& tags,
              std::span<const Rule* const> also) {
    rejected_->Increment();
    JsonObjectWriter others;
    for (const Rule* const other : also) {
      JsonObjectWriter numbers;
      AddNumbers(*other, tags, &numbers);
      others.AddRaw(other->name, numbers.Take());
    }
    if (!also.empty()) why.AddRaw("also", others.Take());
    others_->Emit("", RejectedLine(document, std::move(why)));
  }

  quern::corpus::DocumentReader reader_;
  quern::corpus::Tagger tagger_;
  std::unique_ptr<quern::corpus::RuleSet> rules_;
  std::vector<std::string> languages_;
  std::unordered_map<std::string, quern::Counter*> in_list_;  // empty: all count
  JsonObjectWriter line_;
  quern::NamedOutput* others_ = nullptr;
  quern::Counter* kept_ = nullptr;
  quern::Counter* rejected_ = nullptr;
  quern::Counter* measured_ = nullptr;
  quern::Counter* without_lists_ = nullptr;
  std::unordered_map<std::string_view, quern::Counter*> by_rule_;
};
QUERN_REGISTER_MAPPER(FilterMapper);

}  // namespace
