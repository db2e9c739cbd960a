#include "jobs/search/query/snippet.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "jobs/text/unicode_words.h"

namespace quern::search {
namespace {

constexpr size_t kFirstPieceBytes = 2 << 10;  // analysed at once: most texts say it early
constexpr size_t kPieceBytes = 16 << 10;      // and then
constexpr size_t kMaxMatches = 10'000;
constexpr std::string_view kEllipsis = "…";

struct Match {
  size_t begin = 0;
  size_t end = 0;
  size_t term = 0;  // equal for equal terms
  double worth = 0;
};

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsContinuation(char c) { return (c & 0xc0) == 0x80; }

// A place to cut at or before `at`, not before `least`: behind a blank, else between characters.
size_t CutBefore(std::string_view text, size_t at, size_t least) {
  at = std::min(at, text.size());
  for (size_t i = at; i > least; --i) {
    if (i == text.size() || IsSpace(text[i]) || IsSpace(text[i - 1])) return i;
  }
  while (at > 0 && at < text.size() && IsContinuation(text[at])) --at;
  return at;
}

// Finds the marked terms of texts.
class MatchFinder {
 public:
  MatchFinder(const MarkedTerms& marked, Analyzer* analyzer)
      : marked_(marked), analyzer_(analyzer) {}

  // `offset`: where `piece` begins in its text.
  void Add(const text::TextPiece& piece, size_t offset) {
    for (const Token& token : analyzer_->Analyze(piece)) {
      const double worth = marked_.WorthOf(token.term);
      if (worth == 0) continue;
      const size_t number =
          numbers_.try_emplace(std::string(token.term), numbers_.size()).first->second;
      matches_.push_back({offset + token.begin, offset + token.end, number, worth});
    }
  }
  const std::vector<Match>& matches() const { return matches_; }
  size_t different() const { return numbers_.size(); }

 private:
  const MarkedTerms& marked_;
  Analyzer* const analyzer_;
  std::map<std::string, size_t> numbers_;
  std::vector<Match> matches_;
};

// The first and the one behind the last match of the passage of `max_bytes` whose terms are worth
// most: a term counts in full once, and a little when it is there again.
std::pair<size_t, size_t> BestPassage(const std::vector<Match>& matches, size_t max_bytes) {
  constexpr double kAgain = 0.05;
  std::map<size_t, size_t> inside;  // term -> how often
  double worth = 0;
  double best_worth = -1;
  std::pair<size_t, size_t> best;
  size_t first = 0;
  for (size_t i = 0; i < matches.size(); ++i) {
    worth += matches[i].worth * (inside[matches[i].term]++ == 0 ? 1 : kAgain);
    while (first < i && matches[i].end - matches[first].begin > max_bytes) {
      worth -= matches[first].worth * (--inside[matches[first].term] == 0 ? 1 : kAgain);
      ++first;
    }
    if (worth > best_worth + 1e-9) {
      best_worth = worth;
      best = {first, i + 1};
    }
  }
  return best;
}

// How many different terms are in that passage.
size_t TermsIn(const std::vector<Match>& matches, std::pair<size_t, size_t> passage) {
  std::set<size_t> terms;
  for (size_t i = passage.first; i < passage.second; ++i) terms.insert(matches[i].term);
  return terms.size();
}

// Looks for so many different terms in the pieces of a text, until it is not worth more time.
void FindMatches(std::string_view text, size_t wanted, const SnippetOptions& options,
                 MatchFinder* finder) {
  const size_t limit = std::min(text.size(), options.max_text_bytes);
  text::PieceReader pieces(text.substr(0, CutBefore(text, limit, limit / 2)), kFirstPieceBytes);
  while (const std::optional<text::TextPiece> piece = pieces.Next()) {
    // Pieces may begin with the last character of the one before.
    const auto offset = static_cast<size_t>(piece->text.data() - text.data());
    finder->Add(*piece, offset);
    const size_t at = offset + piece->text.size();
    pieces.set_piece_bytes(kPieceBytes);
    if (finder->matches().size() >= kMaxMatches) break;
    if (finder->different() < wanted) continue;
    // Every term was seen: what follows can hardly be better, once a good deal was looked at or one
    // passage has them all, whose end was looked at as well.
    const auto passage = BestPassage(finder->matches(), options.max_bytes);
    const bool whole = finder->matches()[passage.first].begin + options.max_bytes <= at;
    const bool enough = at >= kPieceBytes / 2 || TermsIn(finder->matches(), passage) >= wanted;
    if (whole && enough) break;
  }
}

// Text with its blanks joined, cut into pieces at the borders of matches.
class SnippetBuilder {
 public:
  void Add(std::string_view text, bool match) {
    for (const char c : text) {
      if (IsSpace(c)) {
        blank_ = true;
        continue;
      }
      if (blank_ && !snippet_.empty()) Append(" ", false);
      blank_ = false;
      Append(std::string_view(&c, 1), match);
    }
  }
  void Append(std::string_view text, bool match) {
    if (snippet_.empty() || snippet_.back().match != match) snippet_.push_back({"", match});
    snippet_.back().text += text;
  }
  bool empty() const { return snippet_.empty(); }
  Snippet Take() { return std::move(snippet_); }

 private:
  Snippet snippet_;
  bool blank_ = false;
};

Snippet Build(std::string_view text, size_t begin, size_t end, const std::vector<Match>& matches) {
  SnippetBuilder builder;
  if (begin > 0) builder.Append(kEllipsis, false);
  size_t at = begin;
  for (const Match& match : matches) {
    const size_t from = std::max(match.begin, at);
    const size_t to = std::min(match.end, end);
    if (from >= to) continue;
    builder.Add(text.substr(at, from - at), false);
    builder.Add(text.substr(from, to - from), true);
    at = to;
  }
  builder.Add(text.substr(at, end - at), false);
  if (end < text.size() && !builder.empty()) builder.Append(kEllipsis, false);
  return builder.Take();
}

void CollectTerms(const PlanNode& node, MarkedTerms* marked) {
  for (const PlanTerm& term : node.terms) {
    const double worth = node.weight / static_cast<double>(node.terms.size());
    double& most = marked->terms[term.text];
    most = std::max(most, worth);
  }
  if (node.kind == PlanKind::kPrefix) marked->prefixes.push_back(node.text);
  for (const PlanNode& clause : node.clauses) {
    if (clause.occur != Occur::kMustNot) CollectTerms(clause, marked);
  }
}

}  // namespace

double MarkedTerms::WorthOf(std::string_view term) const {
  const auto found = terms.find(term);
  if (found != terms.end()) return found->second;
  const bool begins = std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) {
    return term.starts_with(prefix);
  });
  return begins ? 1 : 0;
}

MarkedTerms TermsToMark(const Plan& plan) {
  MarkedTerms marked;
  CollectTerms(plan.root, &marked);
  return marked;
}

Snippet MakeSnippet(std::string_view text, const MarkedTerms& marked, Analyzer* analyzer,
                    const SnippetOptions& options) {
  MatchFinder finder(marked, analyzer);
  const size_t wanted = marked.terms.size() + marked.prefixes.size();
  if (wanted > 0) FindMatches(text, wanted, options, &finder);
  const std::vector<Match>& matches = finder.matches();
  size_t begin = 0;
  if (!matches.empty()) {
    const auto [first, last] = BestPassage(matches, options.max_bytes);
    const size_t matched = matches[last - 1].end - matches[first].begin;
    const size_t spare = options.max_bytes - std::min(options.max_bytes, matched);
    const size_t before = std::min(spare / 3, matches[first].begin);
    begin = CutBefore(text, matches[first].begin - before,
                      matches[first].begin - std::min(before + 24, matches[first].begin));
    if (before == matches[first].begin) begin = 0;
    while (begin < text.size() && IsSpace(text[begin])) ++begin;
  }
  const size_t end = CutBefore(text, begin + options.max_bytes, begin + options.max_bytes * 2 / 3);
  return Build(text, begin, end, matches);
}

Snippet MarkAll(std::string_view text, const MarkedTerms& marked, Analyzer* analyzer) {
  MatchFinder finder(marked, analyzer);
  finder.Add(text::TextPiece{text}, 0);
  return Build(text, 0, text.size(), finder.matches());
}

std::string ToString(const Snippet& snippet, std::string_view open, std::string_view close) {
  std::string text;
  for (const SnippetPiece& piece : snippet) {
    if (piece.match) text += open;
    text += piece.text;
    if (piece.match) text += close;
  }
  return text;
}

}  // namespace quern::search
