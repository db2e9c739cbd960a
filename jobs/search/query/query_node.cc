#include "jobs/search/query/query_node.h"

#include <fmt/format.h>

#include <algorithm>

namespace quern::search {
namespace {

constexpr std::string_view kBentQuotes[] = {"\u201c", "\u201d", "\u201e"};

// With backslashes where a character would mean something.
std::string Escaped(std::string_view word) {
  const size_t colon = word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
  std::string text;
  for (size_t i = 0; i < word.size(); ++i) {
    const bool special =
        std::string_view(" \t\r\n()\"*~^\\").find(word[i]) != std::string_view::npos;
    const bool sign = i == 0 && (word[i] == '+' || word[i] == '-');
    const bool field = i == colon && i > 0 && word[i] == ':' &&
                       !word.substr(i + 1).starts_with(':') && !word.substr(i + 1).starts_with('/');
    const bool quote =
        std::any_of(std::begin(kBentQuotes), std::end(kBentQuotes),
                    [&](std::string_view mark) { return word.substr(i).starts_with(mark); });
    if (special || sign || field || quote) text += '\\';
    text += word[i];
  }
  const bool is_operator = word == "AND" || word == "OR" || word == "NOT";
  return is_operator ? "\\" + text : text;
}

std::string EscapedPhrase(std::string_view phrase) {
  std::string text;
  for (size_t i = 0; i < phrase.size(); ++i) {
    const bool quote =
        phrase[i] == '"' ||
        std::any_of(std::begin(kBentQuotes), std::end(kBentQuotes),
                    [&](std::string_view mark) { return phrase.substr(i).starts_with(mark); });
    if (quote || phrase[i] == '\\') text += '\\';
    text += phrase[i];
  }
  return text;
}

std::string Core(const QueryNode& node) {
  switch (node.kind) {
    case QueryKind::kNothing:
      return "()";
    case QueryKind::kAll:
      return "*";
    case QueryKind::kWord:
      return Escaped(node.text);
    case QueryKind::kPhrase:
      return fmt::format("\"{}\"", EscapedPhrase(node.text)) +
             (node.distance == 0 ? "" : fmt::format("~{}", node.distance));
    case QueryKind::kPrefix:
      return Escaped(node.text) + "*";
    case QueryKind::kFuzzy:
      return fmt::format("{}~{}", Escaped(node.text), node.distance);
    case QueryKind::kLanguage:
      return "lang:" + node.text;
    case QueryKind::kDate:
      return fmt::format("date:{}..{}", node.first_date, node.last_date);
    case QueryKind::kList:
      break;
  }
  // Side by side they would be required.
  const bool alternatives = std::any_of(
      node.clauses.begin(), node.clauses.end(),
      [](const QueryNode& clause) { return clause.occur == Occur::kShould && IsFilter(clause); });
  std::string list;
  for (const QueryNode& clause : node.clauses) {
    if (!list.empty()) list += alternatives ? " OR " : " ";
    if (clause.occur == Occur::kMust) list += '+';
    if (clause.occur == Occur::kMustNot) list += '-';
    list += ToString(clause);
  }
  return "(" + list + ")";
}

}  // namespace

bool IsFilter(const QueryNode& node) {
  if (node.kind == QueryKind::kList) {
    return std::all_of(node.clauses.begin(), node.clauses.end(), [](const QueryNode& clause) {
      return clause.occur == Occur::kMustNot || IsFilter(clause);
    });
  }
  return node.kind == QueryKind::kAll || node.kind == QueryKind::kLanguage ||
         node.kind == QueryKind::kDate;
}

std::string ToString(const QueryNode& node) {
  std::string text = node.field.empty() ? "" : node.field + ":";
  text += Core(node);
  // Of a filter it means nothing, and only one in brackets can have it.
  const bool boosted = node.boost != 1 && (node.kind == QueryKind::kList || !IsFilter(node));
  if (boosted) text += fmt::format("^{}", node.boost);
  return text;
}

}  // namespace quern::search
