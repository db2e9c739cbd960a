// What a report says of a corpus, and its three forms: a page, JSON, and text.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/corpus/rules.h"

namespace quern::corpus {

struct Amounts {
  int64_t documents = 0;
  int64_t bytes = 0;   // of text
  int64_t tokens = 0;  // 0 where nobody counted

  Amounts& operator+=(const Amounts& other);
};

struct Report {
  // Documents of one rule, and some of them.
  struct Rejected {
    Amounts amounts;
    std::vector<std::string> samples;  // JSON objects
  };
  struct Histogram {
    std::map<uint32_t, int64_t> bins;  // of jobs/corpus/histogram.h: documents
  };
  // By name; "" gathers those that are not among the most frequent.
  using ByName = std::map<std::string, Amounts>;

  std::vector<std::string> stages;  // in the order of the input
  std::map<std::string, Amounts> by_stage;
  std::map<std::string, ByName> languages;   // by stage
  std::map<std::string, ByName> domains;     // by stage
  std::map<std::string, Rejected> rejected;  // by rule; also the rules that never fired
  std::map<std::string, std::map<std::string, Histogram>> histograms;  // by tag, by stage
  std::vector<Rule> rules;     // with the thresholds that hold
  bool counts_tokens = false;  // of all; otherwise those of some stages may be known

  // Of any stage.
  bool KnowsTokens() const;
  // The stage with most documents that have this tag; nothing when none has it.
  const std::pair<const std::string, Histogram>* LargestHistogram(std::string_view tag) const;
  // Of the rules that rejected something.
  ByName AmountsByRule() const;
  // "a, b": the others.
  std::string RulesThatNeverFired() const;
};

std::string RenderJson(const Report& report);
std::string RenderText(const Report& report);
// Self-contained: no scripts, nothing from elsewhere.
std::string RenderHtml(const Report& report);

// The names with most documents, most first; of equal ones the lesser name. "" comes last.
std::vector<std::pair<std::string, Amounts>> MostFirst(const Report::ByName& names, size_t most);

// 1234567 -> "1,234,567".
std::string WithCommas(int64_t number);

}  // namespace quern::corpus
