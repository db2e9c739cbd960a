#include "jobs/search/query/query_parser.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/clean_text.h"
#include "jobs/search/segment/dates.h"
#include "jobs/search/segment/segment_meta.h"

namespace quern::search {
namespace {

constexpr uint32_t kMaxSlop = 100;
constexpr uint32_t kMaxEdits = 2;
constexpr double kMinBoost = 0.001;
constexpr double kMaxBoost = 1000;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsFieldLetter(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }

// Length of the quotation mark at `text`'s start; 0 for anything else. Word processors bend them.
size_t QuoteBytes(std::string_view text) {
  if (text.starts_with('"')) return 1;
  for (const std::string_view mark : {"\u201c", "\u201d", "\u201e"}) {
    if (text.starts_with(mark)) return mark.size();
  }
  return 0;
}

// YYYY, YYYY-MM or YYYY-MM-DD, and in the calendar.
bool IsDate(std::string_view text) {
  if (text.size() != 4 && text.size() != 7 && text.size() != 10) return false;
  if (text.find('/') != std::string_view::npos) return false;  // which documents may have
  constexpr std::string_view kFirstDay = "0000-01-01";
  return ParseDate(std::string(text) + std::string(kFirstDay.substr(text.size()))).has_value();
}

class Parser {
 public:
  Parser(std::string_view query, const ParserOptions& options) : query_(query), options_(options) {}

  absl::StatusOr<QueryNode> Parse() {
    ASSIGN_OR_RETURN(QueryNode node, List(0));
    if (at_ < query_.size()) return ErrorAt(at_, "this bracket was never opened");
    return node;
  }

 private:
  // Up to the end of the query or of the bracket.
  absl::StatusOr<QueryNode> List(size_t depth) {
    if (depth > options_.max_depth) {
      return ErrorAt(at_, fmt::format("more than {} brackets in each other", options_.max_depth));
    }
    std::vector<QueryNode> clauses;
    while (!AtEndOfList()) {
      ASSIGN_OR_RETURN(QueryNode clause, Alternatives(depth));
      if (clause.occur == Occur::kShould && IsFilter(clause)) clause.occur = Occur::kMust;
      clauses.push_back(std::move(clause));
    }
    return Join(std::move(clauses));
  }

  // a OR b OR c
  absl::StatusOr<QueryNode> Alternatives(size_t depth) {
    ASSIGN_OR_RETURN(QueryNode first, Together(depth));
    if (!NextIs("OR")) return first;
    std::vector<QueryNode> clauses;
    clauses.push_back(Alternative(std::move(first)));
    while (TakeOperator("OR")) {
      ASSIGN_OR_RETURN(QueryNode next, Together(depth));
      clauses.push_back(Alternative(std::move(next)));
    }
    return Join(std::move(clauses));
  }

  // a AND b AND NOT c
  absl::StatusOr<QueryNode> Together(size_t depth) {
    ASSIGN_OR_RETURN(QueryNode first, Signed(depth));
    if (!NextIs("AND")) return first;
    std::vector<QueryNode> clauses;
    clauses.push_back(Required(std::move(first)));
    while (TakeOperator("AND")) {
      ASSIGN_OR_RETURN(QueryNode next, Signed(depth));
      clauses.push_back(Required(std::move(next)));
    }
    return Join(std::move(clauses));
  }

  // +a, -a, NOT a
  absl::StatusOr<QueryNode> Signed(size_t depth) {
    Occur occur = Occur::kShould;
    while (TakeOperator("NOT")) {
      occur = occur == Occur::kMustNot ? Occur::kMust : Occur::kMustNot;
    }
    if (occur == Occur::kShould && SignStandsHere()) {
      occur = query_[at_++] == '+' ? Occur::kMust : Occur::kMustNot;
    }
    ASSIGN_OR_RETURN(QueryNode clause, Part(depth, ""));
    clause.occur = occur;
    return clause;
  }

  // A word, a phrase, or a list in brackets, with what stands before and behind it.
  absl::StatusOr<QueryNode> Part(size_t depth, const std::string& field) {
    SkipBlanks();
    const size_t start = at_;
    if (at_ == query_.size()) return ErrorAt(at_, "something to search for should follow here");
    if (query_[at_] == ')') return ErrorAt(at_, "something to search for should stand before it");
    if (++parts_ > options_.max_parts) {
      return ErrorAt(at_, fmt::format("more than {} parts", options_.max_parts));
    }
    if (query_[at_] == '(') return Bracket(depth, field);
    if (QuoteBytes(Rest()) > 0) return Phrase(field);
    for (const std::string_view word : {"AND", "OR"}) {
      if (NextIs(word)) {
        return ErrorAt(start,
                       fmt::format("{} stands between two parts; in quotes it is a word", word));
      }
    }
    if (field.empty() && HasField()) return InField(depth);
    return Word(field);
  }

  absl::StatusOr<QueryNode> Bracket(size_t depth, const std::string& field) {
    const size_t start = at_++;
    fields_.push_back(field.empty() && !fields_.empty() ? fields_.back() : field);
    ASSIGN_OR_RETURN(QueryNode node, List(depth + 1));
    fields_.pop_back();
    if (at_ == query_.size()) return ErrorAt(start, "this bracket is never closed");
    ++at_;
    RETURN_IF_ERROR(TakeBoost(&node));
    return node;
  }

  absl::StatusOr<QueryNode> Phrase(const std::string& field) {
    const size_t start = at_;
    at_ += QuoteBytes(Rest());
    QueryNode node = Leaf(QueryKind::kPhrase, field);
    while (at_ < query_.size() && QuoteBytes(Rest()) == 0) {
      if (query_[at_] == '\\' && at_ + 1 < query_.size()) ++at_;
      node.text += query_[at_++];
    }
    if (at_ == query_.size()) return ErrorAt(start, "this quotation mark is never closed");
    at_ += QuoteBytes(Rest());
    if (at_ < query_.size() && query_[at_] == '~') {
      const size_t sign = at_++;
      RETURN_IF_ERROR(TakeNumber(sign, kMaxSlop, "positions out of place", &node.distance));
    }
    RETURN_IF_ERROR(TakeBoost(&node));
    return node;
  }

  // Whether "name:" stands here, and something behind it that is not part of an address or a name
  // of C++.
  bool HasField() const {
    size_t end = at_;
    while (end < query_.size() && IsFieldLetter(query_[end])) ++end;
    if (end == at_ || end + 1 >= query_.size() || query_[end] != ':') return false;
    const char next = query_[end + 1];
    return next != ':' && next != '/' && !IsBlank(next) && next != ')';
  }

  absl::StatusOr<QueryNode> InField(size_t depth) {
    const size_t start = at_;
    const size_t colon = query_.find(':', at_);
    const std::string field(query_.substr(at_, colon - at_));
    at_ = colon + 1;
    if (field == "lang") return Language();
    if (field == "date") return Date();
    const auto& known = options_.fields;
    if (std::find(known.begin(), known.end(), field) == known.end()) {
      return ErrorAt(start, fmt::format("no field '{}' (there are {}, lang, date); in quotes it is "
                                        "text",
                                        CleanLine(field, 40), fmt::join(known, ", ")));
    }
    return Part(depth, field);
  }

  absl::StatusOr<QueryNode> Language() {
    const size_t start = at_;
    QueryNode node{.kind = QueryKind::kLanguage};
    while (at_ < query_.size() && !EndsWord(query_[at_])) node.text += query_[at_++];
    const bool good = !node.text.empty() && node.text.size() <= kMaxLanguageBytes &&
                      std::all_of(node.text.begin(), node.text.end(), [](char c) {
                        return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               c == '-' || c == '_';
                      });
    if (!good) return ErrorAt(start, "a language looks like en or zh-Hant");
    return node;
  }

  absl::StatusOr<QueryNode> Date() {
    const size_t start = at_;
    while (at_ < query_.size() && !EndsWord(query_[at_])) ++at_;
    const std::string_view text = query_.substr(start, at_ - start);
    const size_t dots = text.find("..");
    QueryNode node{.kind = QueryKind::kDate};
    node.first_date = text.substr(0, dots);
    node.last_date = dots == std::string_view::npos ? text : text.substr(dots + 2);
    for (const std::string& date : {node.first_date, node.last_date}) {
      if (date.empty() && dots != std::string_view::npos && text.size() > 2) continue;
      if (!IsDate(date)) {
        return ErrorAt(start, "dates look like 2024, 2024-06-30, 2020..2024 or 2020..");
      }
    }
    return node;
  }

  absl::StatusOr<QueryNode> Word(const std::string& field) {
    const size_t start = at_;
    QueryNode node = Leaf(QueryKind::kWord, field);
    for (; at_ < query_.size() && !EndsWord(query_[at_]) && query_[at_] != '^'; ++at_) {
      const char c = query_[at_];
      if (c == '*') return Prefix(start, std::move(node));
      if (c == '~') return Fuzzy(start, std::move(node));
      if (QuoteBytes(Rest()) > 0) break;
      if (c == '\\' && at_ + 1 < query_.size()) ++at_;
      node.text += query_[at_];
    }
    if (node.text.empty()) return ErrorAt(start, "a ^ needs something before it");
    RETURN_IF_ERROR(TakeBoost(&node));
    return node;
  }

  absl::StatusOr<QueryNode> Prefix(size_t start, QueryNode node) {
    ++at_;
    node.kind = QueryKind::kPrefix;
    if (at_ < query_.size() && !EndsWord(query_[at_]) && query_[at_] != '^') {
      return ErrorAt(start, "a * can stand only at the end of a word");
    }
    if (node.text.empty()) {
      if (!node.field.empty()) return ErrorAt(start, "a * needs letters before it");
      node.kind = QueryKind::kAll;
    }
    RETURN_IF_ERROR(TakeBoost(&node));
    return node;
  }

  absl::StatusOr<QueryNode> Fuzzy(size_t start, QueryNode node) {
    const size_t sign = at_++;
    if (node.text.empty()) return ErrorAt(start, "a ~ needs a word before it");
    node.kind = QueryKind::kFuzzy;
    node.distance = kMaxEdits;
    if (at_ < query_.size() && IsDigit(query_[at_])) {
      RETURN_IF_ERROR(TakeNumber(sign, kMaxEdits, "edits", &node.distance));
    }
    if (node.distance == 0) node.kind = QueryKind::kWord;
    if (at_ < query_.size() && !EndsWord(query_[at_]) && query_[at_] != '^') {
      return ErrorAt(sign, "a ~ can stand only at the end of a word");
    }
    RETURN_IF_ERROR(TakeBoost(&node));
    return node;
  }

  // The number behind the sign at `sign`.
  absl::Status TakeNumber(size_t sign, uint32_t max, std::string_view what, uint32_t* number) {
    const char* const begin = query_.data() + at_;
    const char* const end = query_.data() + query_.size();
    const auto [stop, error] = std::from_chars(begin, end, *number);
    if (error != std::errc() || *number > max) {
      return ErrorAt(sign, fmt::format("behind ~ stands the number of {}, at most {}", what, max));
    }
    at_ += static_cast<size_t>(stop - begin);
    return absl::OkStatus();
  }

  absl::Status TakeBoost(QueryNode* node) {
    if (at_ == query_.size() || query_[at_] != '^') return absl::OkStatus();
    const size_t sign = at_++;
    const char* const begin = query_.data() + at_;
    const char* const end = query_.data() + query_.size();
    double boost = 0;
    const auto [stop, error] = std::from_chars(begin, end, boost, std::chars_format::fixed);
    at_ += static_cast<size_t>(stop - begin);
    const bool ends = stop == end || EndsWord(*stop);
    if (error != std::errc() || !ends || !(boost >= kMinBoost && boost <= kMaxBoost)) {
      return ErrorAt(sign,
                     fmt::format("behind ^ stands a weight from {} to {}", kMinBoost, kMaxBoost));
    }
    node->boost *= boost;
    if (node->boost >= kMinBoost && node->boost <= kMaxBoost) return absl::OkStatus();
    return ErrorAt(sign, fmt::format("the weights of brackets multiply: from {} to {} in all",
                                     kMinBoost, kMaxBoost));
  }

  QueryNode Leaf(QueryKind kind, const std::string& field) const {
    QueryNode node{.kind = kind};
    node.field = field.empty() && !fields_.empty() ? fields_.back() : field;
    return node;
  }

  static QueryNode Required(QueryNode clause) {
    if (clause.occur == Occur::kShould) clause.occur = Occur::kMust;
    return clause;
  }
  // `a OR -b` has everything without b as its second alternative.
  static QueryNode Alternative(QueryNode clause) {
    std::vector<QueryNode> alone;
    alone.push_back(std::move(clause));
    return Join(std::move(alone));
  }
  static QueryNode Join(std::vector<QueryNode> clauses) {
    if (clauses.empty()) return {};
    if (clauses.size() == 1 && clauses[0].occur != Occur::kMustNot) {
      clauses[0].all_parts |= clauses[0].occur == Occur::kMust;
      clauses[0].occur = Occur::kShould;
      return std::move(clauses[0]);
    }
    QueryNode node{.kind = QueryKind::kList};
    node.clauses = std::move(clauses);
    return node;
  }

  std::string_view Rest() const { return query_.substr(at_); }
  static bool EndsWord(char c) { return IsBlank(c) || c == '(' || c == ')'; }
  void SkipBlanks() {
    while (at_ < query_.size() && IsBlank(query_[at_])) ++at_;
  }
  bool AtEndOfList() {
    SkipBlanks();
    return at_ == query_.size() || query_[at_] == ')';
  }
  // A sign of its own, as in "free - software", is none.
  bool SignStandsHere() const {
    if (at_ + 1 >= query_.size() || (query_[at_] != '+' && query_[at_] != '-')) return false;
    return !IsBlank(query_[at_ + 1]) && query_[at_ + 1] != ')';
  }
  bool NextIs(std::string_view word) {
    SkipBlanks();
    if (!Rest().starts_with(word)) return false;
    const size_t end = at_ + word.size();
    return end == query_.size() || EndsWord(query_[end]);
  }
  bool TakeOperator(std::string_view word) {
    if (!NextIs(word)) return false;
    at_ += word.size();
    return true;
  }

  absl::Status ErrorAt(size_t at, std::string_view what) const {
    size_t character = 1;
    for (const char c : query_.substr(0, at)) character += (c & 0xc0) != 0x80;
    return InvalidArgumentError("character {} of the query: {}", character, what);
  }

  const std::string_view query_;
  const ParserOptions& options_;
  size_t at_ = 0;
  size_t parts_ = 0;
  std::vector<std::string> fields_;  // of the brackets around
};

}  // namespace

absl::StatusOr<QueryNode> ParseQuery(std::string_view query, const ParserOptions& options) {
  if (query.size() > options.max_bytes) {
    return InvalidArgumentError("a query of {} bytes, of at most {}", query.size(),
                                options.max_bytes);
  }
  if (!IsUtf8(query)) return InvalidArgumentError("the query is not UTF-8");
  return Parser(query, options).Parse();
}

}  // namespace quern::search
