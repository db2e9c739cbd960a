// What became of a corpus: documents by stage, rule, language and domain, the tags' histograms, and
// samples of what was rejected.
//
// Input: the outputs of the stages, documents as JSON lines (jobs/corpus/document.h). A stage is
// called by the tag of its input, or by the directory that its files lie in. Documents with a field
// "rejected" count under its rule. Lines without a text, but with numbers "bytes" and "tokens", are
// documents whose tokens somebody has counted (jobs/corpus/token_shards.cc). Output (bytes): one
// page (jobs/corpus/report.h), and in the outputs "json" and "text" its twins. Run it with one
// reduce task: map tasks hand on sums, which are small.
#include "jobs/corpus/report.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/corpus/histogram.h"
#include "jobs/corpus/rules.h"
#include "jobs/corpus/shuffle.h"
#include "jobs/corpus/stage.h"
#include "jobs/corpus/tokenizer.h"
#include "jobs/params.h"
#include "jobs/text/url.h"
#include "jobs/text/utf8.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Amounts;
using quern::corpus::Document;
using quern::corpus::Report;
using quern::text::FindField;
using quern::text::JsonField;
using quern::text::StringField;

// Keys are Ordered(kind, stage, name): a kind comes whole, and a stage within it.
enum Kind : uint8_t {
  kOrder,      // stage: the first map task that saw it
  kStage,      // stage
  kLanguage,   // stage, language
  kDomain,     // stage, domain
  kRule,       // "", rule
  kHistogram,  // stage, tag and bin
  kSample,     // "", rule, hashes of the id and of the sample: a JSON object
};

constexpr size_t kMaxNameBytes = 200;
constexpr size_t kSampleCharacters = 300;
constexpr size_t kHeldSums = 100'000;

size_t CountParam(quern::TaskContext& context, std::string_view name, std::string_view fallback,
                  int64_t most) {
  return static_cast<size_t>(NumberParam(context, name, fallback, 0, most));
}

std::string ShortText(std::string_view text) {
  size_t end = 0;
  for (size_t i = 0; i < kSampleCharacters && end < text.size(); ++i) {
    end += quern::text::CharacterAt(text, end).size;
  }
  return std::string(text.substr(0, end)) + (end < text.size() ? "…" : "");
}

class ReportMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.input_format() != "jsonl") context.Fail("report reads the format jsonl");
    reader_.Start(context);
    most_samples_ = CountParam(context, "samples", "5", 1'000);
    if (FlagParam(context, "tokens")) tokenizer_ = quern::corpus::LoadTokenizer(context);
  }

  void Map(const quern::MapInput& in) override {
    auto fields = quern::text::ReadJsonObject(in.value());
    const std::optional<Amounts> known =
        fields.has_value() && !reader_.HasText(*fields) ? AmountsOf(*fields) : std::nullopt;
    const auto document = known.has_value()
                              ? Document{quern::corpus::IdOf(*fields), "", *std::move(fields)}
                              : reader_.Read(in, std::move(fields));
    if (!document.has_value()) return;
    const std::string stage = quern::corpus::StageOf(in.source());
    if (stages_.emplace(stage, true).second) {
      Emit(quern::Ordered(uint8_t{kOrder}, stage), context().task_index());
    }
    const Amounts counted{1, static_cast<int64_t>(document->text.size()), CountTokens(*document)};
    Count(*document, stage, known.value_or(counted));
  }

  void Finish() override { HandOn(); }

 private:
  static std::optional<Amounts> AmountsOf(const std::vector<JsonField>& fields) {
    const auto number = [&fields](std::string_view name) -> std::optional<int64_t> {
      const JsonField* const field = FindField(fields, name);
      int64_t value = 0;
      if (field == nullptr) return std::nullopt;
      const char* const end = field->value.data() + field->value.size();
      const auto [last, error] = std::from_chars(field->value.data(), end, value);
      if (error != std::errc() || last != end) return std::nullopt;
      return value;
    };
    const std::optional<int64_t> bytes = number("bytes");
    const std::optional<int64_t> tokens = number("tokens");
    if (!bytes.has_value() || !tokens.has_value()) return std::nullopt;
    return Amounts{1, *bytes, *tokens};
  }

  int64_t CountTokens(const Document& document) {
    if (tokenizer_ == nullptr) return 0;
    tokens_.clear();
    tokenizer_->Encode(document.text, &tokens_);
    return static_cast<int64_t>(tokens_.size());
  }

  void Count(const Document& document, const std::string& stage, const Amounts& one) {
    Add(kStage, stage, "", one);
    Add(kDomain, stage, DomainOf(document), one);
    const JsonField* const field = FindField(document.fields, "tags");
    const auto tags = field == nullptr ? std::nullopt : quern::corpus::ReadTags(field->value);
    Add(kLanguage, stage, tags.has_value() ? tags->language : StringField(document.fields, "lang"),
        one);
    if (tags.has_value()) CountTags(*tags, stage);
    const JsonField* const rejected = FindField(document.fields, quern::corpus::kRejectedField);
    if (rejected != nullptr) CountRejected(document, rejected->value, one);
  }

  void CountTags(const quern::corpus::Tags& tags, const std::string& stage) {
    const Amounts document{1, 0, 0};
    const auto count = [&](std::string_view tag) {
      Add(kHistogram, stage,
          std::string(tag) + ' ' + std::to_string(quern::corpus::BinOf(tags.ValueOf(tag))),
          document);
    };
    count(quern::corpus::kLanguageScoreTag);
    for (const quern::corpus::OptionalTag& tag : quern::corpus::kOptionalTags) {
      if (tags.Find(tag.name).has_value()) count(tag.name);
    }
    for (size_t i = 0; i < quern::text::kMetricCount; ++i) {
      count(quern::text::NameOf(static_cast<quern::text::Metric>(i)));
    }
  }

  void CountRejected(const Document& document, std::string_view why, const Amounts& one) {
    const auto fields = quern::text::ReadJsonObject(why);
    if (!fields.has_value()) return;
    if (FindField(*fields, "rule") == nullptr) return;
    std::string rule = StringField(*fields, "rule");
    rule.resize(std::min(rule.size(), kMaxNameBytes));
    Add(kRule, "", rule, one);
    KeepSample(document, rule, *fields);
  }

  // Of each rule those whose ids have the least hashes, and then those that are least themselves:
  // ids may come several times.
  void KeepSample(const Document& document, const std::string& rule,
                  const std::vector<JsonField>& why) {
    if (most_samples_ == 0) return;
    auto& samples = samples_[rule];
    std::string place = quern::corpus::PlaceOf(document.id);
    const bool full = samples.size() >= most_samples_;
    if (full && place > samples.rbegin()->first) return;
    std::string sample = SampleOf(document, why);
    place += quern::corpus::PlaceOf(sample);
    samples.emplace(std::move(place), std::move(sample));
    if (samples.size() > most_samples_) samples.erase(std::prev(samples.end()));
  }

  std::string SampleOf(const Document& document, const std::vector<JsonField>& why) {
    sample_.AddString("id", document.id);
    const std::string url = StringField(document.fields, "url");
    if (!url.empty()) sample_.AddString("url", url);
    for (const JsonField& field : why) {
      if (field.name != "rule") sample_.AddRaw(field.name, field.value);
    }
    sample_.AddString("text", ShortText(document.text));
    return sample_.Take();
  }

  static std::string DomainOf(const Document& document) {
    std::string domain = StringField(document.fields, "domain");
    if (!domain.empty()) return domain;
    const auto url = quern::text::ParseUrl(StringField(document.fields, "url"));
    return url.has_value() ? quern::text::RegistrableDomain(url->host) : "";
  }

  void Add(Kind kind, std::string_view stage, std::string name, const Amounts& amounts) {
    // "" is what gathers the less frequent ones.
    if (name.empty() && (kind == kLanguage || kind == kDomain)) name = "unknown";
    name.resize(std::min(name.size(), kMaxNameBytes));
    sums_[quern::Ordered(uint8_t{kind}, stage, name)] += amounts;
    if (sums_.size() >= kHeldSums) HandOn();
  }

  void HandOn() {
    for (const auto& [key, sum] : sums_) {
      Emit(key, quern::Ordered(sum.documents, sum.bytes, sum.tokens));
    }
    sums_.clear();
    for (const auto& [rule, samples] : samples_) {
      for (const auto& [place, sample] : samples) {
        Emit(quern::Ordered(uint8_t{kSample}, "", rule, place), sample);
      }
    }
    samples_.clear();
  }

  quern::corpus::DocumentReader reader_;
  size_t most_samples_ = 0;
  std::unique_ptr<quern::corpus::Tokenizer> tokenizer_;
  std::vector<uint32_t> tokens_;
  std::map<std::string, bool> stages_;
  std::unordered_map<std::string, Amounts> sums_;
  std::map<std::string, std::map<std::string, std::string>> samples_;  // rule -> place -> JSON
  quern::text::JsonObjectWriter sample_;
};
QUERN_REGISTER_MAPPER(ReportMapper);

// Keeps the names with most documents, and the sum of the others.
class TopNames {
 public:
  void Add(const std::string& name, const Amounts& amounts, size_t most) {
    order_.emplace(-amounts.documents, name);
    names_[name] = amounts;
    if (order_.size() <= most) return;
    const std::string least = std::prev(order_.end())->second;
    order_.erase(std::prev(order_.end()));
    names_[""] += names_.at(least);
    names_.erase(least);
  }
  const Report::ByName& names() const { return names_; }

 private:
  std::set<std::pair<int64_t, std::string>> order_;
  Report::ByName names_;
};

class ReportReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.reduce_tasks() != 1) context.Fail("reduce.tasks: must be 1, to give one report");
    most_domains_ = CountParam(context, "domains", "50", 100'000);
    most_samples_ = CountParam(context, "samples", "5", 1'000);
    report_.counts_tokens = FlagParam(context, "tokens");
    json_ = context.output("json");
    text_ = context.output("text");
    try {
      report_.rules = quern::corpus::RuleSet([&context](std::string_view name) {
                        return ParamIfSet(context, name);
                      }).rules();
    } catch (const std::invalid_argument& problem) {
      context.Fail(problem.what());
    }
    for (const auto& rule : report_.rules) report_.rejected[std::string(rule.name)];
  }

  void Reduce(quern::ReduceInput* in) override {
    const auto [kind, stage] = quern::Decode<uint8_t, std::string>(in->key());
    if (kind == kOrder) return ReadOrder(stage, in);
    if (kind == kSample) return ReadSample(in);
    Amounts sum;
    for (const std::string_view value : in->values()) {
      const auto [documents, bytes, tokens] = quern::Decode<int64_t, int64_t, int64_t>(value);
      sum += {documents, bytes, tokens};
    }
    const auto name = std::get<2>(quern::Decode<uint8_t, std::string, std::string>(in->key()));
    Read(kind, stage, name, sum);
  }

  void Finish() override {
    std::sort(order_.begin(), order_.end());
    for (const auto& [task, stage] : order_) report_.stages.push_back(stage);
    for (const auto& [stage, names] : domains_) report_.domains[stage] = names.names();
    for (const auto& [stage, names] : languages_) report_.languages[stage] = names.names();
    Emit("", RenderHtml(report_));
    json_->Emit("", RenderJson(report_));
    text_->Emit("", RenderText(report_));
  }

 private:
  void ReadOrder(const std::string& stage, quern::ReduceInput* in) {
    int64_t first = INT64_MAX;
    for (const std::string_view value : in->values())
      first = std::min(first, quern::ParseInt(value));
    order_.emplace_back(first, stage);
  }

  // They come with the least hashes first; of equal ones each task that saw one hands on one.
  void ReadSample(quern::ReduceInput* in) {
    const auto key = quern::Decode<uint8_t, std::string, std::string>(in->key());
    auto& samples = report_.rejected[std::get<2>(key)].samples;
    if (samples.size() < most_samples_) samples.emplace_back(*in->values().begin());
  }

  void Read(uint8_t kind, const std::string& stage, const std::string& name, const Amounts& sum) {
    if (kind == kStage) report_.by_stage[stage] = sum;
    if (kind == kLanguage) languages_[stage].Add(name, sum, kMaxLanguages);
    if (kind == kDomain) domains_[stage].Add(name, sum, most_domains_);
    if (kind == kRule) report_.rejected[name].amounts = sum;
    if (kind != kHistogram) return;
    const size_t blank = name.rfind(' ');
    report_.histograms[name.substr(0, blank)][stage]
        .bins[static_cast<uint32_t>(quern::ParseInt(name.substr(blank + 1)))] = sum.documents;
  }

  static constexpr size_t kMaxLanguages = 300;

  Report report_;
  size_t most_domains_ = 0;
  size_t most_samples_ = 0;
  quern::NamedOutput* json_ = nullptr;
  quern::NamedOutput* text_ = nullptr;
  std::vector<std::pair<int64_t, std::string>> order_;
  std::map<std::string, TopNames> languages_;
  std::map<std::string, TopNames> domains_;
};
QUERN_REGISTER_REDUCER(ReportReducer);

}  // namespace
