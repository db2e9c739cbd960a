#include <algorithm>

#include "jobs/corpus/histogram.h"
#include "jobs/corpus/report.h"
#include "jobs/text/json.h"

namespace quern::corpus {

namespace {

using text::JsonObjectWriter;

std::string AsText(const Amounts& amounts, bool tokens) {
  std::string line =
      WithCommas(amounts.documents) + " documents, " + WithCommas(amounts.bytes) + " bytes of text";
  if (tokens || amounts.tokens > 0) line += ", " + WithCommas(amounts.tokens) + " tokens";
  return line;
}

void AddAmounts(const Amounts& amounts, bool tokens, JsonObjectWriter* json) {
  json->AddRaw("documents", std::to_string(amounts.documents));
  json->AddRaw("bytes", std::to_string(amounts.bytes));
  if (tokens || amounts.tokens > 0) json->AddRaw("tokens", std::to_string(amounts.tokens));
}

// "[a,\n b]".
class JsonList {
 public:
  void Add(std::string_view item) {
    list_ += list_.size() > 1 ? ",\n  " : "\n  ";
    list_ += item;
  }
  std::string Take() { return list_ + (list_.size() > 1 ? "\n ]" : "]"); }

 private:
  std::string list_ = "[";
};

std::string StagesJson(const Report& report) {
  JsonList list;
  for (const std::string& stage : report.stages) {
    JsonObjectWriter json;
    json.AddString("stage", stage);
    AddAmounts(report.by_stage.at(stage), report.counts_tokens, &json);
    list.Add(json.Take());
  }
  return list.Take();
}

std::string RejectedJson(const Report& report) {
  JsonList list;
  for (const auto& [rule, rejected] : report.rejected) {
    JsonObjectWriter json;
    json.AddString("rule", rule);
    AddAmounts(rejected.amounts, report.counts_tokens, &json);
    const auto known = std::find_if(report.rules.begin(), report.rules.end(),
                                    [&rule](const Rule& one) { return one.name == rule; });
    if (known != report.rules.end()) {
      json.AddString("tag", known->tag);
      json.AddString("keeps", known->at_least ? "at least" : "at most");
      json.AddRaw("threshold", ShortNumber(known->threshold));
    }
    JsonList samples;
    for (const std::string& sample : rejected.samples) samples.Add(sample);
    json.AddRaw("samples", samples.Take());
    list.Add(json.Take());
  }
  return list.Take();
}

std::string NamesJson(std::string_view what, const std::map<std::string, Report::ByName>& by_stage,
                      const Report& report) {
  JsonList list;
  for (const std::string& stage : report.stages) {
    const auto names = by_stage.find(stage);
    if (names == by_stage.end()) continue;
    for (const auto& [name, amounts] : MostFirst(names->second, SIZE_MAX)) {
      JsonObjectWriter json;
      json.AddString("stage", stage);
      if (name.empty()) {
        json.AddRaw(what, "null");
      } else {
        json.AddString(what, name);
      }
      AddAmounts(amounts, report.counts_tokens, &json);
      list.Add(json.Take());
    }
  }
  return list.Take();
}

std::string HistogramsJson(const Report& report) {
  JsonList list;
  for (const auto& [tag, stages] : report.histograms) {
    for (const auto& [stage, histogram] : stages) {
      JsonObjectWriter json;
      json.AddString("tag", tag);
      json.AddString("stage", stage);
      std::string bins = "[";
      for (const auto& [bin, documents] : histogram.bins) {
        bins += (bins.size() > 1 ? ", [" : "[") + ShortNumber(StartOfBin(bin)) + ", " +
                std::to_string(documents) + "]";
      }
      json.AddRaw("from_and_documents", bins + "]");
      list.Add(json.Take());
    }
  }
  return list.Take();
}

}  // namespace

Amounts& Amounts::operator+=(const Amounts& other) {
  documents += other.documents;
  bytes += other.bytes;
  tokens += other.tokens;
  return *this;
}

bool Report::KnowsTokens() const {
  return counts_tokens || std::any_of(by_stage.begin(), by_stage.end(),
                                      [](const auto& stage) { return stage.second.tokens > 0; });
}

const std::pair<const std::string, Report::Histogram>* Report::LargestHistogram(
    std::string_view tag) const {
  const auto stages_of = histograms.find(std::string(tag));
  if (stages_of == histograms.end()) return nullptr;
  const std::pair<const std::string, Histogram>* largest = nullptr;
  int64_t most = 0;
  for (const auto& stage : stages_of->second) {
    int64_t documents = 0;
    for (const auto& [bin, count] : stage.second.bins) documents += count;
    if (documents > most) most = documents, largest = &stage;
  }
  return largest;
}

Report::ByName Report::AmountsByRule() const {
  ByName amounts;
  for (const auto& [rule, one] : rejected) {
    if (one.amounts.documents > 0) amounts[rule] = one.amounts;
  }
  return amounts;
}

std::string Report::RulesThatNeverFired() const {
  std::string list;
  for (const auto& [rule, one] : rejected) {
    if (one.amounts.documents == 0) list += (list.empty() ? "" : ", ") + rule;
  }
  return list;
}

std::vector<std::pair<std::string, Amounts>> MostFirst(const Report::ByName& names, size_t most) {
  std::vector<std::pair<std::string, Amounts>> sorted(names.begin(), names.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    if (a.first.empty() != b.first.empty()) return b.first.empty();
    return a.second.documents > b.second.documents;
  });
  if (sorted.size() > most) sorted.resize(most);
  return sorted;
}

std::string WithCommas(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) digits.insert(i -= 3, 1, ',');
  return digits;
}

std::string RenderJson(const Report& report) {
  return "{\"stages\": " + StagesJson(report) + ",\n \"rejected\": " + RejectedJson(report) +
         ",\n \"languages\": " + NamesJson("language", report.languages, report) +
         ",\n \"domains\": " + NamesJson("domain", report.domains, report) +
         ",\n \"histograms\": " + HistogramsJson(report) + "}\n";
}

std::string RenderText(const Report& report) {
  std::string text = "Stages\n";
  for (const std::string& stage : report.stages) {
    text += "  " + stage + ": " + AsText(report.by_stage.at(stage), report.counts_tokens) + "\n";
  }
  text += "\nRejected, by rule\n";
  for (const auto& [rule, amounts] : MostFirst(report.AmountsByRule(), SIZE_MAX)) {
    text += "  " + rule + ": " + AsText(amounts, report.counts_tokens) + "\n";
  }
  const std::string never = report.RulesThatNeverFired();
  if (!never.empty()) text += "  rules that rejected nothing: " + never + "\n";
  for (const std::string& stage : report.stages) {
    for (const auto& [title, names] :
         {std::pair("Languages", &report.languages), std::pair("Domains", &report.domains)}) {
      const auto found = names->find(stage);
      if (found == names->end()) continue;
      text += std::string("\n") + title + " of " + stage + "\n";
      for (const auto& [name, amounts] : MostFirst(found->second, 20)) {
        text += "  " + (name.empty() ? "others" : name) + ": " +
                AsText(amounts, report.counts_tokens) + "\n";
      }
    }
  }
  return text;
}

}  // namespace quern::corpus
