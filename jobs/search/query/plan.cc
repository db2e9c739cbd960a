#include "jobs/search/query/plan.h"

#include <absl/time/civil_time.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "common/clean_text.h"
#include "common/sizes.h"
#include "jobs/search/query/fuzzy.h"
#include "jobs/text/unicode_words.h"

namespace quern::search {
namespace {

int DatePart(std::string_view date, size_t at, size_t digits, int missing) {
  int value = missing;
  if (at < date.size()) std::from_chars(date.data() + at, date.data() + at + digits, value);
  return value;
}

// YYYY[-MM[-DD]]: its first day, and the first day behind it.
std::pair<int32_t, int32_t> DaysOf(std::string_view date) {
  const int year = DatePart(date, 0, 4, 1970);
  const int month = DatePart(date, 5, 2, 1);
  const absl::CivilDay first(year, month, DatePart(date, 8, 2, 1));
  const absl::CivilDay next = date.size() <= 4   ? absl::CivilDay(absl::CivilYear(first) + 1)
                              : date.size() <= 7 ? absl::CivilDay(absl::CivilMonth(first) + 1)
                                                 : first + 1;
  const absl::CivilDay epoch(1970, 1, 1);
  return {static_cast<int32_t>(first - epoch), static_cast<int32_t>(next - epoch)};
}

size_t CharactersIn(std::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// One character of a script without blanks, and no pair of them.
bool IsLoneCharacter(std::string_view term) {
  const std::string_view first = text::WordReader(term).Next();
  return first.size() == term.size() && text::IsUnspacedCharacter(first);
}

// A list without what says nothing, without brackets that change nothing. `has_must`: it requires
// something that is no filter.
PlanNode Simplified(std::vector<PlanNode> clauses, bool has_must) {
  std::vector<PlanNode> kept;
  bool has_should = false;
  bool excludes_nothing = false;
  for (PlanNode& clause : clauses) {
    const PlanKind kind = clause.kind;
    if (kind == PlanKind::kNothing) continue;
    has_should |= clause.occur == Occur::kShould;
    if (kind == PlanKind::kNever) {
      if (clause.occur == Occur::kMust) return {.kind = PlanKind::kNever};
      excludes_nothing |= clause.occur == Occur::kMustNot;
      continue;
    }
    const auto& inner = clause.clauses;
    const bool joins = kind == PlanKind::kList && clause.occur != Occur::kMustNot &&
                       std::all_of(inner.begin(), inner.end(),
                                   [&](const PlanNode& one) { return one.occur == clause.occur; });
    if (joins) {
      std::move(clause.clauses.begin(), clause.clauses.end(), std::back_inserter(kept));
    } else {
      kept.push_back(std::move(clause));
    }
  }
  const auto count = [&](Occur occur) {
    return std::count_if(kept.begin(), kept.end(),
                         [&](const PlanNode& one) { return one.occur == occur; });
  };
  if (has_should && !has_must && count(Occur::kShould) == 0) return {.kind = PlanKind::kNever};
  if (kept.empty()) return {.kind = excludes_nothing ? PlanKind::kAll : PlanKind::kNothing};
  if (kept.size() == 1 && kept[0].occur != Occur::kMustNot) return std::move(kept[0]);
  PlanNode list{.kind = PlanKind::kList};
  list.clauses = std::move(kept);
  list.needs_a_wish = has_should && !has_must;
  return list;
}

class Planner {
 public:
  Planner(const SearchIndex& index, const PlanLimits& limits, const QueryStatistics* all,
          QueryStatistics* own)
      : index_(index),
        limits_(limits),
        analyzer_(index.BorrowAnalyzer()),
        may_look_at_(limits.max_looked_at),
        all_(all),
        own_(own) {}

  absl::StatusOr<Plan> Make(const QueryNode& query) {
    ASSIGN_OR_RETURN(PlanNode root, Node(query, {}));
    Plan plan{std::move(root), {}};
    plan.scale = ScoreScale(SumOfWeights(plan.root));
    PutOnGrid(plan.scale, &plan.root);
    return plan;
  }

 private:
  // What the parts of a query have from those that they are parts of.
  struct Above {
    double boost = 1;
    bool excludes = false;  // one of them is excluded, whatever it is within that
  };

  absl::StatusOr<PlanNode> Node(const QueryNode& query, Above above) {
    above.boost *= query.boost;
    above.excludes |= query.occur == Occur::kMustNot;
    switch (query.kind) {
      case QueryKind::kNothing:
        return PlanNode{};
      case QueryKind::kAll:
        return PlanNode{.kind = PlanKind::kAll};
      case QueryKind::kLanguage:
        return PlanNode{.kind = PlanKind::kLanguage, .text = query.text};
      case QueryKind::kDate:
        return Date(query);
      case QueryKind::kList:
        return List(query, above);
      case QueryKind::kWord:
      case QueryKind::kPhrase:
      case QueryKind::kPrefix:
      case QueryKind::kFuzzy:
        return InFields(query, above);
    }
    return InternalError("a query of an unknown kind");
  }

  static PlanNode Date(const QueryNode& query) {
    PlanNode node{.kind = PlanKind::kDate};
    if (!query.first_date.empty()) node.first_day = DaysOf(query.first_date).first;
    if (!query.last_date.empty()) node.last_day = DaysOf(query.last_date).second - 1;
    return node;
  }

  absl::StatusOr<PlanNode> List(const QueryNode& query, const Above& above) {
    std::vector<PlanNode> clauses;
    bool has_must = false;
    for (const QueryNode& clause : query.clauses) {
      ASSIGN_OR_RETURN(PlanNode node, Node(clause, above));
      has_must |=
          clause.occur == Occur::kMust && node.kind != PlanKind::kNothing && !IsFilter(clause);
      node.occur = clause.occur;
      clauses.push_back(std::move(node));
    }
    return Simplified(std::move(clauses), has_must);
  }

  // A part that names no field is looked for in all.
  absl::StatusOr<PlanNode> InFields(const QueryNode& query, const Above& above) {
    if (query.kind == QueryKind::kPrefix) return PrefixInFields(query, above);
    if (query.kind == QueryKind::kFuzzy) return FuzzyInFields(query, above.boost);
    const std::vector<Token> tokens = analyzer_->Analyze(query.text);
    const size_t too_long = analyzer_->too_long();  // words that no index has, and so no document
    if (tokens.empty() && too_long == 0) return PlanNode{};
    // Several terms of one written word count as so many words, but what is excluded is the word.
    if (query.kind == QueryKind::kWord && tokens.size() + too_long > 1 && !above.excludes) {
      const Occur occur = query.all_parts ? Occur::kMust : query.occur;
      ASSIGN_OR_RETURN(std::vector<PlanNode> words, EachToken(tokens, query, occur, above.boost));
      if (too_long > 0) words.push_back({.kind = PlanKind::kNever, .occur = occur});
      return Simplified(std::move(words), occur == Occur::kMust);
    }
    if (too_long > 0) return PlanNode{.kind = PlanKind::kNever};
    return EachField(
        query, [&](size_t field) { return Terms(tokens, field, query.distance, above.boost); });
  }

  // Each of them in the fields of the query.
  absl::StatusOr<std::vector<PlanNode>> EachToken(const std::vector<Token>& tokens,
                                                  const QueryNode& query, Occur occur,
                                                  double boost) {
    std::vector<PlanNode> words;
    for (const Token& token : tokens) {
      ASSIGN_OR_RETURN(PlanNode word, EachField(query, [&](size_t field) {
                         return ExactTerms({token}, field, 0, boost);
                       }));
      word.occur = occur;
      words.push_back(std::move(word));
    }
    return words;
  }

  // What a word with * stands for: no term holds what divides words.
  struct Beginning {
    std::vector<Token> words{};  // that come first; they hold until the next Analyze
    std::string prefix{};        // of the last one; empty when all that there is are words
    bool too_long = false;
  };

  Beginning BeginningOf(const std::string& text) {
    Beginning beginning;
    // A mark at its end is within a word when a letter or a digit behind it is: `lib.`, `3,`.
    for (const char* const next : {"", "a", "0"}) {
      const std::string whole = text + next;
      const std::vector<std::string_view> parts = Analyzer::Parts(whole);
      if (parts.empty()) continue;
      const auto begin = static_cast<size_t>(parts.back().data() - whole.data());
      if (begin >= text.size() || begin + parts.back().size() < text.size()) continue;
      for (const Token& token : analyzer_->Analyze(whole)) {
        if (token.begin < begin) beginning.words.push_back(token);
      }
      beginning.too_long = analyzer_->too_long() > 0;
      beginning.prefix = analyzer_->Fold(std::string_view(text).substr(begin));
      return beginning;
    }
    beginning.words = analyzer_->Analyze(text);
    beginning.too_long = analyzer_->too_long() > 0;
    return beginning;
  }

  // `lib*`; of `e-mai*` both the word and the beginning of one are required.
  absl::StatusOr<PlanNode> PrefixInFields(const QueryNode& query, const Above& above) {
    const Beginning beginning = BeginningOf(query.text);
    if (beginning.too_long) return PlanNode{.kind = PlanKind::kNever};
    if (above.excludes && !beginning.words.empty()) {
      // It is where its parts stand side by side, and no phrase has the beginning of a word.
      return InvalidArgumentError(
          "'{}*': analysis divides this word, so it cannot be excluded with *: write it without, "
          "or its last part alone",
          CleanLine(query.text, 40));
    }
    ASSIGN_OR_RETURN(std::vector<PlanNode> parts,
                     EachToken(beginning.words, query, Occur::kMust, above.boost));
    if (!beginning.prefix.empty()) {
      ASSIGN_OR_RETURN(PlanNode last, EachField(query, [&](size_t field) {
                         return Prefix(beginning.prefix, field, above.boost);
                       }));
      last.occur = Occur::kMust;
      parts.push_back(std::move(last));
    }
    return Simplified(std::move(parts), true);
  }

  absl::StatusOr<PlanNode> FuzzyInFields(const QueryNode& query, double boost) {
    const std::vector<std::string_view> parts = Analyzer::Parts(query.text);
    if (parts.size() > 1) {
      return InvalidArgumentError(
          "'{}~': analysis divides this word: write ~ behind each of its parts alone",
          CleanLine(query.text, 40));
    }
    const std::string folded =
        analyzer_->Fold(parts.empty() ? std::string_view(query.text) : parts.front());
    if (folded.empty()) return PlanNode{};
    return EachField(query, [&](size_t field) { return Fuzzy(folded, query, field, boost); });
  }

  template <typename Make>
  absl::StatusOr<PlanNode> EachField(const QueryNode& query, const Make& make) {
    std::vector<PlanNode> clauses;
    for (size_t field = 0; field < index_.fields().size(); ++field) {
      if (!query.field.empty() && index_.fields()[field] != query.field) continue;
      ASSIGN_OR_RETURN(PlanNode node, make(field));
      clauses.push_back(std::move(node));
    }
    if (clauses.empty()) return PlanNode{.kind = PlanKind::kNever};
    return Simplified(std::move(clauses), false);
  }

  absl::Status CountTerms(size_t more) {
    terms_ += more;
    if (terms_ <= limits_.max_terms) return absl::OkStatus();
    return InvalidArgumentError("the query has more than {} terms", limits_.max_terms);
  }

  PlanTerm FindTerm(std::string_view text, size_t field) const {
    PlanTerm term{.text = std::string(text)};
    for (const auto& segment : index_.segments()) {
      const std::optional<FieldNumber> number = segment->FieldOf(field);
      auto& info = term.segments.emplace_back();
      if (number.has_value()) info = segment->segment().Find(*number, text);
      if (info.has_value()) term.document_frequency += info->document_frequency;
    }
    if (own_ != nullptr) own_->frequencies[{field, term.text}] = term.document_frequency;
    if (all_ != nullptr) term.document_frequency = all_->FrequencyOf(field, text);
    return term;
  }

  double Idf(uint64_t document_frequency) const {
    return InverseDocumentFrequency(index_.documents(), document_frequency);
  }

  // All that a written word or a phrase consists of. A character that has neighbours is in the
  // pairs of an index, and alone only where it has none: it is the beginning of both. One of
  // several parts, as the month in a date, stands alone in the texts that are meant.
  absl::StatusOr<PlanNode> Terms(const std::vector<Token>& tokens, size_t field, uint32_t slop,
                                 double boost) {
    if (tokens.size() == 1 && IsLoneCharacter(tokens[0].term)) {
      return Prefix(std::string(tokens[0].term), field, boost);
    }
    return ExactTerms(tokens, field, slop, boost);
  }

  // One term, or a phrase of several.
  absl::StatusOr<PlanNode> ExactTerms(const std::vector<Token>& tokens, size_t field, uint32_t slop,
                                      double boost) {
    RETURN_IF_ERROR(CountTerms(tokens.size()));
    if (slop > 0 && tokens.size() > limits_.max_sloppy_terms) {
      return InvalidArgumentError("a phrase with ~ of {} words, of at most {}", tokens.size(),
                                  limits_.max_sloppy_terms);
    }
    PlanNode node{.kind = tokens.size() == 1 ? PlanKind::kTerm : PlanKind::kPhrase};
    node.field = field;
    node.slop = slop;
    for (const Token& token : tokens) {
      PlanTerm term = FindTerm(token.term, field);
      // Elsewhere there may be some.
      if (term.document_frequency == 0 && own_ == nullptr) {
        return PlanNode{.kind = PlanKind::kNever};
      }
      term.offset = token.position - tokens.front().position;
      node.weight += boost * Idf(term.document_frequency);
      node.terms.push_back(std::move(term));
    }
    return node;
  }

  // Every document of it counts the same.
  absl::StatusOr<PlanNode> Prefix(const std::string& folded, size_t field, double boost) {
    RETURN_IF_ERROR(CountTerms(1));
    PlanNode node{.kind = PlanKind::kPrefix, .field = field, .text = folded};
    node.weight = boost;
    return node;
  }

  absl::StatusOr<PlanNode> Fuzzy(const std::string& folded, const QueryNode& query, size_t field,
                                 double boost) {
    // Before the table is made, which grows with the square of the word.
    const size_t characters = CharactersIn(folded);
    if (characters > limits_.max_fuzzy_characters) {
      return InvalidArgumentError("'{}': a word of {} characters with ~, of at most {}",
                                  CleanLine(query.text, 40), characters,
                                  limits_.max_fuzzy_characters);
    }
    ASSIGN_OR_RETURN(const std::vector<FuzzyTerm> chosen,
                     NearestTerms({folded, query.distance, field}));
    // To have looked for it counts too.
    RETURN_IF_ERROR(CountTerms(std::max<size_t>(1, chosen.size())));
    if (chosen.empty()) return PlanNode{.kind = PlanKind::kNever};
    uint64_t most = 0;
    for (const FuzzyTerm& term : chosen) most = std::max(most, term.document_frequency);
    std::vector<PlanNode> clauses;
    for (const FuzzyTerm& term : chosen) {
      PlanNode node{.kind = PlanKind::kTerm, .field = field};
      node.terms.push_back(FindTerm(term.text, field));
      // A rare misspelling is not worth more than the word.
      const double likeness =
          1.0 - static_cast<double>(term.distance) /
                    static_cast<double>(std::max<size_t>(characters, term.distance + 1));
      node.weight = boost * Idf(most) * likeness;
      clauses.push_back(std::move(node));
    }
    return Simplified(std::move(clauses), false);
  }

  // A word that the query has more than once is looked for once.
  absl::StatusOr<std::vector<FuzzyTerm>> NearestTerms(const FuzzyWord& word) {
    const auto known = nearest_.find(word);
    if (known != nearest_.end()) return known->second;
    std::vector<FuzzyTerm> found;
    if (all_ == nullptr) {
      ASSIGN_OR_RETURN(found, FindNear(index_, word, &may_look_at_));
    } else if (const auto told = all_->near.find(word); told != all_->near.end()) {
      found = told->second;
    }
    if (own_ != nullptr) {
      own_->near.emplace(word, KeepNear(std::move(found), limits_.max_fuzzy_terms));
      found.clear();  // which of them is not known before all are
    }
    return nearest_.emplace(word, ChooseNear(std::move(found), limits_.max_fuzzy_terms))
        .first->second;
  }

  static double SumOfWeights(const PlanNode& node) {
    double sum = node.weight;
    for (const PlanNode& clause : node.clauses) {
      if (clause.occur != Occur::kMustNot) sum += SumOfWeights(clause);
    }
    return sum;
  }

  static void PutOnGrid(const ScoreScale& scale, PlanNode* node) {
    node->grid_weight = scale.ToGrid(node->weight);
    for (PlanNode& clause : node->clauses) {
      // What only excludes must not leave the grid.
      if (clause.occur != Occur::kMustNot) PutOnGrid(scale, &clause);
    }
  }

  const SearchIndex& index_;
  const PlanLimits& limits_;
  const SearchIndex::AnalyzerPtr analyzer_;
  size_t terms_ = 0;
  uint64_t may_look_at_;              // terms of the index
  const QueryStatistics* const all_;  // null: what the index has is all
  QueryStatistics* const own_;        // what is looked for is noted; the plan is of no use then
  std::map<FuzzyWord, std::vector<FuzzyTerm>> nearest_;
};

void Append(const PlanNode& node, const SearchIndex& index, const std::string& indent,
            std::string* text) {
  const auto line = [&](std::string_view what) { *text += fmt::format("{}{}\n", indent, what); };
  const std::string field = index.fields().empty() ? "" : index.fields()[node.field];
  switch (node.kind) {
    case PlanKind::kNothing:
      return line("nothing to search for");
    case PlanKind::kNever:
      return line("no document");
    case PlanKind::kAll:
      return line("all documents");
    case PlanKind::kTerm:
      return line(fmt::format("term {}:{} in {}, weight {:.4f}", field, node.terms[0].text,
                              CountOf(node.terms[0].document_frequency, "document"), node.weight));
    case PlanKind::kPrefix:
      return line(fmt::format("prefix {}:{}*, weight {:.4f}", field, node.text, node.weight));
    case PlanKind::kLanguage:
      return line("language " + node.text);
    case PlanKind::kDate:
      return line(fmt::format("days {} to {}",
                              node.first_day ? std::to_string(*node.first_day) : "any",
                              node.last_day ? std::to_string(*node.last_day) : "any"));
    case PlanKind::kPhrase: {
      std::string words;
      for (const PlanTerm& term : node.terms) words += (words.empty() ? "" : " ") + term.text;
      return line(
          fmt::format("phrase {}:\"{}\"~{}, weight {:.4f}", field, words, node.slop, node.weight));
    }
    case PlanKind::kList:
      break;
  }
  line("list");
  for (const PlanNode& clause : node.clauses) {
    const char* const sign = clause.occur == Occur::kMust      ? "+ "
                             : clause.occur == Occur::kMustNot ? "- "
                                                               : "  ";
    std::string inner;
    Append(clause, index, indent + "    ", &inner);
    inner.replace(indent.size() + 2, 2, sign);
    *text += inner;
  }
}

}  // namespace

absl::StatusOr<Plan> MakePlan(const QueryNode& query, const SearchIndex& index,
                              const PlanLimits& limits, const QueryStatistics* all) {
  return Planner(index, limits, all, nullptr).Make(query);
}

absl::StatusOr<QueryStatistics> CollectStatistics(const QueryNode& query, const SearchIndex& index,
                                                  const PlanLimits& limits) {
  QueryStatistics own;
  RETURN_IF_ERROR(Planner(index, limits, nullptr, &own).Make(query).status());
  return own;
}

bool ScoresNothing(const PlanNode& node) {
  if (node.kind == PlanKind::kList) {
    return std::all_of(node.clauses.begin(), node.clauses.end(), [](const PlanNode& clause) {
      return clause.occur == Occur::kMustNot || ScoresNothing(clause);
    });
  }
  return node.kind == PlanKind::kAll || node.kind == PlanKind::kLanguage ||
         node.kind == PlanKind::kDate;
}

std::string ToString(const Plan& plan, const SearchIndex& index) {
  std::string text;
  Append(plan.root, index, "", &text);
  return text;
}

}  // namespace quern::search
