// The page of a report: plain HTML with drawings in SVG.
#include <algorithm>
#include <cmath>

#include "jobs/corpus/histogram.h"
#include "jobs/corpus/report.h"
#include "jobs/text/json.h"
#include "jobs/text/text_stats.h"

namespace quern::corpus {

namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Corpus report</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; --bar: #4878a8; --line: #8884; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse } td, th { padding: .15rem .7rem; border-bottom: 1px solid var(--line) }
th { text-align: left } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
td.bar { min-width: 12rem } td.bar div { background: var(--bar); height: .8rem }
.plots { display: flex; flex-wrap: wrap; gap: 1rem } figure { margin: 0; width: 20rem }
figcaption { font-size: .85rem } svg { width: 100%; border-bottom: 1px solid var(--line) }
details { margin: .3rem 0 } blockquote { margin: .3rem 0 .8rem 1rem; white-space: pre-wrap; font-size: .85rem }
</style></head><body>
<h1>Corpus report</h1>
)";

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// 100000 as 100,000; 0.65 as it is.
std::string Shown(double number) {
  const bool whole = std::abs(number) < 1e15 && number == std::floor(number);
  return whole ? WithCommas(static_cast<int64_t>(number)) : ShortNumber(number);
}

std::string NumberCell(int64_t number) { return "<td class=n>" + WithCommas(number) + "</td>"; }

std::string AmountCells(const Amounts& amounts, bool tokens) {
  std::string cells = NumberCell(amounts.documents) + NumberCell(amounts.bytes);
  if (tokens) cells += NumberCell(amounts.tokens);
  return cells;
}
std::string AmountHeads(bool tokens) {
  return std::string("<th class=n>documents</th><th class=n>bytes of text</th>") +
         (tokens ? "<th class=n>tokens</th>" : "");
}

// A bar whose length is the share of `most`.
std::string BarCell(int64_t number, int64_t most) {
  const int64_t share = most == 0 ? 0 : number * 1000 / most;
  return "<td class=bar><div style=\"width:" + std::to_string(share / 10) + "." +
         std::to_string(share % 10) + "%\"></div></td>";
}

std::string Stages(const Report& report) {
  int64_t most = 0;
  for (const auto& [stage, amounts] : report.by_stage) most = std::max(most, amounts.documents);
  const bool tokens = report.KnowsTokens();
  std::string html =
      "<h2>Stages</h2>\n<table><tr><th>stage</th>" + AmountHeads(tokens) + "<th></th></tr>\n";
  for (const std::string& stage : report.stages) {
    const Amounts& amounts = report.by_stage.at(stage);
    const bool counted = report.counts_tokens || amounts.tokens > 0;
    html += "<tr><td>" + Escaped(stage) + "</td>" + AmountCells(amounts, counted) +
            (tokens && !counted ? "<td></td>" : "") + BarCell(amounts.documents, most) + "</tr>\n";
  }
  return html + "</table>\n";
}

std::string ConditionOf(std::string_view name, const Report& report) {
  for (const Rule& rule : report.rules) {
    if (rule.name != name) continue;
    return std::string(rule.tag) + (rule.at_least ? " ≥ " : " ≤ ") + Shown(rule.threshold);
  }
  return "";
}

std::string Rules(const Report& report) {
  std::string html = "<h2>Rejected, by rule</h2>\n<table><tr><th>rule</th><th>keeps</th>" +
                     AmountHeads(report.counts_tokens) + "<th></th></tr>\n";
  const auto fired = MostFirst(report.AmountsByRule(), SIZE_MAX);
  for (const auto& [rule, amounts] : fired) {
    html += "<tr><td>" + Escaped(rule) + "</td><td>" + ConditionOf(rule, report) + "</td>" +
            AmountCells(amounts, report.counts_tokens) +
            BarCell(amounts.documents, fired[0].second.documents) + "</tr>\n";
  }
  html += "</table>\n";
  const std::string never = report.RulesThatNeverFired();
  if (!never.empty()) html += "<p>Rules that rejected nothing: " + Escaped(never) + ".</p>\n";
  return html;
}

// Rows are the names that are frequent in any stage, columns the stages.
std::string NamesTable(std::string_view title,
                       const std::map<std::string, Report::ByName>& by_stage,
                       const Report& report) {
  Report::ByName all;
  for (const auto& [stage, names] : by_stage) {
    for (const auto& [name, amounts] : names) {
      all[name].documents = std::max(all[name].documents, amounts.documents);
    }
  }
  if (all.empty()) return "";
  std::string html =
      "<h2>" + std::string(title) + ", documents by stage</h2>\n<table><tr><th></th>";
  for (const std::string& stage : report.stages) {
    html += "<th class=n>" + Escaped(stage) + "</th>";
  }
  html += "</tr>\n";
  for (const auto& [name, amounts] : MostFirst(all, 40)) {
    html += "<tr><td>" + (name.empty() ? "others" : Escaped(name)) + "</td>";
    for (const std::string& stage : report.stages) {
      const auto names = by_stage.find(stage);
      const bool known = names != by_stage.end() && names->second.contains(name);
      html += known ? NumberCell(names->second.at(name).documents) : "<td class=n>0</td>";
    }
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

// One histogram, its bins side by side whatever their width, with a line at each threshold.
class Plot {
 public:
  explicit Plot(const std::map<uint32_t, int64_t>& bins) : bins_(bins) {
    first_ = bins.begin()->first;
    last_ = bins.rbegin()->first;
    for (const auto& [bin, documents] : bins) most_ = std::max(most_, documents);
  }
  void Include(double threshold) {
    first_ = std::min(first_, BinOf(threshold));
    last_ = std::max(last_, BinOf(threshold));
  }
  void Mark(double threshold) {
    const double start = StartOfBin(BinOf(threshold));
    const double within = (threshold - start) / (StartOfBin(BinOf(threshold) + 1) - start);
    const double x = kWidth * (BinOf(threshold) - first_ + within) / Bins();
    marks_ += "<line x1=\"" + Fixed(x) + "\" x2=\"" + Fixed(x) +
              "\" y1=\"0\" y2=\"80\" stroke=\"#c0392b\"/>";
  }
  std::string Svg() const {
    std::string svg = "<svg viewBox=\"0 0 300 92\" role=\"img\" fill=\"#4878a8\" font-size=\"9\">";
    const double width = kWidth / Bins();
    for (const auto& [bin, documents] : bins_) {
      const double height = 80.0 * static_cast<double>(documents) / static_cast<double>(most_);
      svg += "<rect x=\"" + Fixed(width * (bin - first_)) + "\" y=\"" + Fixed(80 - height) +
             "\" width=\"" + Fixed(std::max(width - 0.3, 0.3)) + "\" height=\"" + Fixed(height) +
             "\"><title>from " + Shown(StartOfBin(bin)) + ": " + WithCommas(documents) +
             "</title></rect>";
    }
    // A share of 1 has a bin of its own.
    const double end = StartOfBin(last_) == 1 ? 1 : StartOfBin(last_ + 1);
    return svg + marks_ + "<text x=\"0\" y=\"90\">" + Shown(StartOfBin(first_)) +
           "</text><text x=\"300\" y=\"90\" text-anchor=\"end\">" + Shown(end) + "</text></svg>";
  }

 private:
  static constexpr double kWidth = 300;

  double Bins() const { return last_ - first_ + 1; }
  static std::string Fixed(double number) { return ShortNumber(std::round(number * 100) / 100); }

  const std::map<uint32_t, int64_t>& bins_;
  uint32_t first_ = 0;
  uint32_t last_ = 0;
  int64_t most_ = 1;
  std::string marks_;
};

std::string HistogramOf(std::string_view tag, std::string_view help, const Report& report) {
  const auto* const largest = report.LargestHistogram(tag);
  if (largest == nullptr) return "";
  Plot plot(largest->second.bins);
  std::string limits;
  for (const Rule& rule : report.rules) {
    if (rule.tag == tag) plot.Include(rule.threshold);
  }
  for (const Rule& rule : report.rules) {
    if (rule.tag != tag) continue;
    plot.Mark(rule.threshold);
    limits += "<br>" + std::string(rule.name) + " = " + Shown(rule.threshold);
  }
  return "<figure>" + plot.Svg() + "<figcaption><b>" + std::string(tag) + "</b> (" +
         Escaped(largest->first) + "): " + Escaped(help) + limits + "</figcaption></figure>\n";
}

std::string Histograms(const Report& report) {
  if (report.histograms.empty()) return "";
  std::string html =
      "<h2>Tags</h2>\n<p>How many documents have which value; lines are thresholds. Above 1 the "
      "bins widen with the values.</p>\n<div class=plots>\n";
  html += HistogramOf(kLanguageScoreTag, "how sure the language is", report);
  for (size_t i = 0; i < text::kMetricCount; ++i) {
    const auto metric = static_cast<text::Metric>(i);
    html += HistogramOf(text::NameOf(metric), text::HelpOf(metric), report);
  }
  for (const OptionalTag& tag : kOptionalTags) html += HistogramOf(tag.name, tag.help, report);
  return html + "</div>\n";
}

// Its fields, as they stand.
std::string Sample(const std::string& json) {
  const auto fields = text::ReadJsonObject(json);
  if (!fields.has_value()) return "";
  std::string html = "<blockquote>";
  for (const text::JsonField& field : *fields) {
    const auto text = text::ReadJsonString(field.value);
    html += "<b>" + Escaped(field.name) + "</b> " +
            Escaped(text.has_value() ? *text : std::string(field.value)) + "\n";
  }
  return html + "</blockquote>\n";
}

std::string Samples(const Report& report) {
  std::string html = "<h2>Samples of what was rejected</h2>\n";
  for (const auto& [rule, rejected] : report.rejected) {
    if (rejected.samples.empty()) continue;
    html += "<details><summary>" + Escaped(rule) + "</summary>\n";
    for (const std::string& sample : rejected.samples) html += Sample(sample);
    html += "</details>\n";
  }
  return html;
}

}  // namespace

std::string RenderHtml(const Report& report) {
  return std::string(kHead) + Stages(report) + Rules(report) +
         NamesTable("Languages", report.languages, report) +
         NamesTable("Domains", report.domains, report) + Histograms(report) + Samples(report) +
         "</body></html>\n";
}

}  // namespace quern::corpus
