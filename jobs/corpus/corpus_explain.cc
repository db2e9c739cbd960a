// What became of one document of a corpus: which stage dropped it and why, or where it lies.
//
// Input: the shards of a corpus and what its stages have rejected, JSON lines
// (jobs/corpus/document.h), each stage in a directory of its name (jobs/corpus/stage.h). Params:
// document, an id or a URL. Output (raw): some lines for each document that is meant; ends the job
// when there is none. Run it with one reduce task.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/corpus/rules.h"
#include "jobs/corpus/stage.h"
#include "jobs/text/url.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::corpus::Rule;
using quern::text::FindField;
using quern::text::JsonField;
using quern::text::StringField;

// A URL that was crawled again and again has as many documents.
constexpr size_t kMostDocuments = 100;
constexpr std::string_view kKept = "shards";
// Those that drop documents, in the order in which documents come to them.
constexpr std::array<std::string_view, 7> kStages = {
    "extract",        "clean",       "filter",         "decontaminate",
    "repeated-lines", "exact-dedup", "near-duplicates"};
// In corpora of older versions it came last, and the stages behind it here before it.
constexpr std::string_view kFilter = "filter";
// Kinds of what mappers emit: that there is a stage, then documents.
constexpr uint8_t kStage = 0;
constexpr uint8_t kDocument = 1;

std::string Shown(std::string_view json) {
  return quern::text::ReadJsonString(json).value_or(std::string(json));
}

std::string Shown(const std::vector<JsonField>& fields, std::string_view name) {
  const JsonField* const field = FindField(fields, name);
  return field == nullptr ? "" : Shown(field->value);
}

// "gopher.words_min: words is 12, must be at least 50"; of rules that are none of the table
// "extract.status (value 404)", and with a threshold where there is one. `numbers`: {"value": 12,
// "threshold": 50, ...}.
std::string Reason(const std::string& name, const std::vector<JsonField>& numbers) {
  const std::string value = Shown(numbers, "value");
  const std::string threshold = Shown(numbers, "threshold");
  const auto& rules = quern::corpus::AllRules();
  const auto rule =
      std::find_if(rules.begin(), rules.end(), [&](const Rule& one) { return one.name == name; });
  if (rule != rules.end() && !threshold.empty()) {
    return name + ": " + std::string(rule->tag) + " is " + value + ", must be at " +
           (rule->at_least ? "least " : "most ") + threshold;
  }
  if (value.empty()) return name;
  return name + " (value " + value + (threshold.empty() ? "" : ", threshold " + threshold) + ")";
}

// The other rules that the document breaks: {"c4.sentences_min": {"value": 2, "threshold": 5}}.
std::string OtherReasons(std::string_view json) {
  std::string lines;
  const auto others = quern::text::ReadJsonObject(json);
  if (!others.has_value()) return lines;
  for (const JsonField& other : *others) {
    const auto numbers = quern::text::ReadJsonObject(other.value);
    if (numbers.has_value()) lines += "  breaks " + Reason(other.name, *numbers) + "\n";
  }
  return lines;
}

// As a word of a shell, to paste: addresses have '&' and '?' in them.
std::string ShellWord(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
  if (text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

// Of a document that a stage dropped: every line of why, the deciding one first.
std::string WhyDropped(std::string_view stage, const std::vector<JsonField>& why) {
  const std::string by = "  dropped by " + std::string(stage) + ": ";
  const std::string of = Shown(why, "of");
  if (!of.empty()) {
    return by + (stage == "exact-dedup" ? "its text is that of " : "a near duplicate of ") + of +
           "\n  of that one tells: mr run corpus-explain CORPUS " + ShellWord(of) + "\n";
  }
  const std::string shared = Shown(why, "shared");
  if (!shared.empty()) {
    return by + "shares " + shared + (shared == "1" ? " run" : " runs") +
           " of words with evaluation sets\n";
  }
  const JsonField* const also = FindField(why, "also");
  return by + Reason(Shown(why, "rule"), why) + "\n" +
         (also == nullptr ? "" : OtherReasons(also->value));
}

class CorpusExplainMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.input_format() != "jsonl") context.Fail("corpus-explain reads the format jsonl");
    reader_.Start(context);
    wanted_ = context.param("document");
    if (wanted_.empty()) context.Fail("params.document: an id or a URL is needed");
    wanted_url_ = KeyOfUrl(wanted_);
  }

  void Map(const quern::MapInput& in) override {
    stage_ = quern::corpus::StageOf(in.source());
    if (seen_.insert(stage_).second) Emit(quern::Ordered(uint8_t{kStage}, stage_, ""), "");
    const auto document = reader_.Read(in);
    if (!document.has_value() || !IsWanted(*document)) return;
    Emit(quern::Ordered(uint8_t{kDocument}, stage_, document->id),
         Explain(*document, in.source().path));
  }

 private:
  static std::string KeyOfUrl(std::string_view text) {
    const auto url = quern::text::ParseUrl(text);
    return url.has_value() ? quern::text::DedupKey(*url) : "";
  }

  bool IsWanted(const Document& document) const {
    if (document.id == wanted_) return true;
    return !wanted_url_.empty() && KeyOfUrl(StringField(document.fields, "url")) == wanted_url_;
  }

  // The head and the rest: the stages that it has passed come between the two, where these are
  // known.
  std::string Explain(const Document& document, std::string_view path) const {
    const std::string url = StringField(document.fields, "url");
    std::string text = (url.empty() ? document.id : url) + "\n  id: " + document.id + "\n";
    for (const char* name : {"title", "date", "crawled"}) {
      const std::string value = StringField(document.fields, name);
      if (!value.empty()) text += "  " + std::string(name) + ": " + value + "\n";
    }
    text +=
        "  text: " + std::to_string(document.text.size()) + " bytes" + LanguageOf(document) + '\n';
    const JsonField* const rejected = FindField(document.fields, quern::corpus::kRejectedField);
    const auto why =
        rejected == nullptr ? std::nullopt : quern::text::ReadJsonObject(rejected->value);
    std::string rest = why.has_value() ? WhyDropped(stage_, *why) : "  kept\n";
    rest += "  lies in " + std::string(path) + "\n";
    return quern::Ordered(text, rest, uint8_t{KnowsPassed(document)});
  }

  // What the filter has let pass has tags. Without them the filter may come after this stage.
  bool KnowsPassed(const Document& document) const {
    const auto* const filter = std::find(kStages.begin(), kStages.end(), kFilter);
    return std::find(filter + 1, kStages.end(), stage_) == kStages.end() ||
           FindField(document.fields, "tags") != nullptr;
  }

  static std::string LanguageOf(const Document& document) {
    const JsonField* const field = FindField(document.fields, "tags");
    const auto tags = field == nullptr ? std::nullopt : quern::corpus::ReadTags(field->value);
    if (tags.has_value()) {
      return ", language " + tags->language + " (score " +
             quern::corpus::ShortNumber(tags->language_score) + ")";
    }
    const std::string stated = StringField(document.fields, "lang");
    return stated.empty() ? "" : ", language " + stated;
  }

  quern::corpus::DocumentReader reader_;
  std::string wanted_;
  std::string wanted_url_;  // empty: it is none
  std::string stage_;       // of the present record
  std::set<std::string> seen_;
};
QUERN_REGISTER_MAPPER(CorpusExplainMapper);

class CorpusExplainReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.reduce_tasks() != 1) context.Fail("reduce.tasks: must be 1, to give one answer");
  }

  void Reduce(quern::ReduceInput* in) override {
    const auto [kind, stage, id] = quern::Decode<uint8_t, std::string, std::string>(in->key());
    if (kind == kStage) {
      stages_.insert(stage);
      return;
    }
    for (const std::string_view text : in->values()) {
      if (++documents_ > kMostDocuments) continue;  // only counted
      const auto [head, rest, known] = quern::Decode<std::string, std::string, uint8_t>(text);
      if (documents_ > 1) Emit("", "\n");
      Emit("", head + (known != 0 ? Passed(stage) : "") + rest);
    }
  }

  void Finish() override {
    if (documents_ == 0) {
      context().Fail(std::string(context().param("document")) +
                     ": the corpus has no document of this address or id, kept or rejected. Try: "
                     "mr run warc-index CRAWL OUT, which lists what was crawled");
    }
    if (documents_ <= kMostDocuments) return;
    Emit("", "\n... and " + std::to_string(documents_ - kMostDocuments) + " more\n");
  }

 private:
  // Stages before the one that has it, as far as they have dropped any document.
  std::string Passed(std::string_view stage) const {
    const auto* const end = std::find(kStages.begin(), kStages.end(), stage);
    if (end == kStages.end() && stage != kKept) return "";
    std::string passed;
    for (const auto* one = kStages.begin(); one != end; ++one) {
      if (stages_.contains(*one)) passed += (passed.empty() ? "" : ", ") + std::string(*one);
    }
    return passed.empty() ? "" : "  passed " + passed + "\n";
  }

  std::set<std::string, std::less<>> stages_;
  size_t documents_ = 0;
};
QUERN_REGISTER_REDUCER(CorpusExplainReducer);

}  // namespace
