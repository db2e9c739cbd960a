// Keeps the documents that the quality rules (jobs/corpus/rules.h) let pass.
//
// Input: documents (jobs/corpus/document.h); "tags" of the tag job are taken as they are, documents
// without them are measured here. Output (raw), in the order of the input: the lines of those kept,
// as they are. The output "rejected" has the others, with a field
//   "rejected": {"rule": "gopher.words_min", "value": 12, "threshold": 50}
// of the first rule that they break.
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/corpus/tagger.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::corpus::Rule;
using quern::corpus::Tags;

constexpr std::string_view kLanguageRule = "languages";

std::vector<std::string> ReadList(std::string_view text) {
  std::vector<std::string> items;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    if (end > at) items.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return items;
}

class FilterMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    kept_ = context.counter("kept");
    rejected_ = context.counter("rejected");
    measured_ = context.counter("documents_measured_here");
    languages_ = ReadList(context.param("languages", "en"));
    others_ = context.output("rejected");
    ReadRules(context);
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    const Tags tags = TagsOf(*document);
    if (!IsWantedLanguage(tags.language)) {
      std::string value;
      quern::text::AppendJsonString(tags.language, &value);
      return Reject(*document, kLanguageRule, value, "");
    }
    const Rule* const broken = rules_->FirstBroken(tags);
    if (broken != nullptr) {
      return Reject(*document, broken->name, quern::corpus::ShortNumber(tags.ValueOf(broken->tag)),
                    quern::corpus::ShortNumber(broken->threshold));
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
          [&context](std::string_view name) { return context.param(name); });
    } catch (const std::invalid_argument& problem) {
      context.Fail(problem.what());
    }
    // Every rule has its counter from the beginning: one that rejects nothing shows it.
    by_rule_[kLanguageRule] = context.counter("rejected.languages");
    for (const Rule& rule : rules_->rules()) {
      by_rule_[rule.name] = context.counter("rejected." + std::string(rule.name));
    }
  }

  bool IsWantedLanguage(const std::string& language) const {
    return std::any_of(languages_.begin(), languages_.end(), [&](const std::string& wanted) {
      return wanted == "any" || wanted == language;
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

  void Reject(const Document& document, std::string_view rule, const std::string& value,
              const std::string& threshold) {
    rejected_->Increment();
    by_rule_.at(rule)->Increment();
    quern::corpus::AddFields(document, &line_);
    quern::text::JsonObjectWriter why;
    why.AddString("rule", rule);
    why.AddRaw("value", value);
    if (!threshold.empty()) why.AddRaw("threshold", threshold);
    line_.AddRaw("rejected", why.Take());
    others_->Emit("", line_.Take());
  }

  quern::corpus::DocumentReader reader_;
  quern::corpus::Tagger tagger_;
  std::unique_ptr<quern::corpus::RuleSet> rules_;
  std::vector<std::string> languages_;
  quern::text::JsonObjectWriter line_;
  quern::NamedOutput* others_ = nullptr;
  quern::Counter* kept_ = nullptr;
  quern::Counter* rejected_ = nullptr;
  quern::Counter* measured_ = nullptr;
  std::unordered_map<std::string_view, quern::Counter*> by_rule_;
};
QUERN_REGISTER_MAPPER(FilterMapper);

}  // namespace
