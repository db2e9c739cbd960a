// What became of one document, stage by stage, and which rule decided.
//
// Input: the outputs of the stages, in their order: documents (jobs/corpus/document.h) and edges of
// duplicates (jobs/corpus/duplicates.h). Params: document, an id or a URL. Output (raw): for each
// stage what it has of the document; the rule that rejected it, with its numbers; and every rule
// that its tags break, not only the first. Run it with one reduce task.
#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/corpus/duplicates.h"
#include "jobs/corpus/rules.h"
#include "jobs/corpus/stage.h"
#include "jobs/text/url.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::corpus::Rule;
using quern::text::FindField;
using quern::text::JsonField;

// Lines about the document that one stage may have.
constexpr size_t kMostLines = 100;

std::string Shown(std::string_view json) {
  return quern::text::ReadJsonString(json).value_or(std::string(json));
}

// {"rule": "gopher.words_min", "value": 12, "threshold": 50} -> "gopher.words_min (value 12,
// threshold 50)".
std::string Reason(std::string_view json) {
  const auto fields = quern::text::ReadJsonObject(json);
  if (!fields.has_value()) return std::string(json);
  std::string rule = "no rule";
  std::string numbers;
  for (const JsonField& field : *fields) {
    if (field.name == "rule") {
      rule = Shown(field.value);
    } else {
      numbers += (numbers.empty() ? "" : ", ") + field.name + " " + Shown(field.value);
    }
  }
  return numbers.empty() ? rule : rule + " (" + numbers + ")";
}

class CorpusExplainMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.input_format() != "jsonl") context.Fail("corpus-explain reads the format jsonl");
    reader_.Start(context);
    wanted_ = context.param("document");
    if (wanted_.empty()) context.Fail("params.document: an id or a URL is needed");
    wanted_url_ = KeyOfUrl(wanted_);
    found_ = context.counter("found");
    try {
      rules_ = std::make_unique<quern::corpus::RuleSet>(
          [&context](std::string_view name) { return context.param(name); });
    } catch (const std::invalid_argument& problem) {
      context.Fail(problem.what());
    }
  }

  void Map(const quern::MapInput& in) override {
    stage_ = quern::corpus::StageOf(in.source());
    if (seen_.emplace(stage_, true).second) Say("");  // that there is such a stage
    const auto edge = quern::corpus::ReadEdgeLine(in.value());
    if (edge.has_value()) return ExplainEdge(*edge);
    const auto document = reader_.Read(in);
    if (!document.has_value() || !IsWanted(*document)) return;
    found_->Increment();
    Explain(*document);
  }

 private:
  static std::string KeyOfUrl(std::string_view text) {
    const auto url = quern::text::ParseUrl(text);
    return url.has_value() ? quern::text::DedupKey(*url) : "";
  }

  bool IsWanted(const Document& document) const {
    if (document.id == wanted_) return true;
    const JsonField* const field = FindField(document.fields, "url");
    if (field == nullptr || wanted_url_.empty()) return false;
    return KeyOfUrl(Shown(field->value)) == wanted_url_;
  }

  void ExplainEdge(const quern::corpus::Edge& edge) {
    const std::string duplicate(quern::corpus::IdOfNode(edge.duplicate));
    const std::string of(quern::corpus::IdOfNode(edge.of));
    if (duplicate == wanted_) Say("is nearly equal to " + of + ", which is kept before it");
    if (of == wanted_) Say("is kept before " + duplicate + ", which is nearly equal");
  }

  void Explain(const Document& document) {
    std::string line = "id " + document.id;
    for (const char* name : {"url", "lang", "date"}) {
      const JsonField* const field = FindField(document.fields, name);
      if (field != nullptr && field->value != "null") {
        line += std::string(", ") + name + " " + Shown(field->value);
      }
    }
    Say(line + ", " + std::to_string(document.text.size()) + " bytes of text");
    const JsonField* const rejected = FindField(document.fields, "rejected");
    if (rejected != nullptr) Say("rejected by " + Reason(rejected->value));
    const JsonField* const field = FindField(document.fields, "tags");
    const auto tags = field == nullptr ? std::nullopt : quern::corpus::ReadTags(field->value);
    if (tags.has_value()) ExplainTags(*tags);
  }

  void ExplainTags(const quern::corpus::Tags& tags) {
    Say("language " + tags.language + ", score " + quern::corpus::ShortNumber(tags.language_score));
    for (const Rule& rule : rules_->rules()) {
      const double value = tags.ValueOf(rule.tag);
      if (rule.at_least ? value >= rule.threshold : value <= rule.threshold) continue;
      Say("breaks " + std::string(rule.name) + ": " + std::string(rule.tag) + " is " +
          quern::corpus::ShortNumber(value) + ", must be at " +
          (rule.at_least ? "least " : "most ") + quern::corpus::ShortNumber(rule.threshold));
    }
  }

  void Say(const std::string& what) { Emit(quern::Ordered(context().task_index(), stage_), what); }

  quern::corpus::DocumentReader reader_;
  std::string wanted_;
  std::string wanted_url_;  // empty: it is none
  std::unique_ptr<quern::corpus::RuleSet> rules_;
  std::string stage_;  // of the present record
  std::map<std::string, bool> seen_;
  quern::Counter* found_ = nullptr;
};
QUERN_REGISTER_MAPPER(CorpusExplainMapper);

class CorpusExplainReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.reduce_tasks() != 1) context.Fail("reduce.tasks: must be 1, to give one answer");
  }

  // Stages come in the order in which the first of their tasks does.
  void Reduce(quern::ReduceInput* in) override {
    const std::string stage = std::get<1>(quern::Decode<uint32_t, std::string>(in->key()));
    auto known = std::find_if(stages_.begin(), stages_.end(),
                              [&](const Stage& one) { return one.first == stage; });
    if (known == stages_.end()) known = stages_.insert(stages_.end(), {stage, {}});
    for (const std::string_view line : in->values()) {
      if (!line.empty() && known->second.size() < kMostLines) known->second.emplace_back(line);
    }
  }

  void Finish() override {
    for (const auto& [stage, lines] : stages_) {
      if (lines.empty()) Emit("", stage + ": not there");
      for (const std::string& line : lines) Emit("", stage + ": " + line);
    }
  }

 private:
  using Stage = std::pair<std::string, std::vector<std::string>>;
  std::vector<Stage> stages_;
};
QUERN_REGISTER_REDUCER(CorpusExplainReducer);

}  // namespace
