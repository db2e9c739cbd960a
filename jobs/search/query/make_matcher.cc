// From a plan to what walks one segment.
#include <utility>

#include "jobs/search/query/filter_matchers.h"
#include "jobs/search/query/list_matchers.h"
#include "jobs/search/query/matcher.h"
#include "jobs/search/query/phrase_matcher.h"
#include "jobs/search/query/term_matcher.h"

namespace quern::search {
namespace {

using MatcherOr = absl::StatusOr<std::unique_ptr<Matcher>>;

// A term is frequent when one document in so many has it.
constexpr uint32_t kFrequentPart = 16;

std::unique_ptr<Matcher> Nothing() {
  return std::make_unique<FilterMatcher>(0, [](uint32_t) { return false; });
}

TermScoring ScoringOf(const PlanNode& node, const MatcherContext& context) {
  return {.weight = node.grid_weight,
          .norms = context.indexed().norms(node.field),
          .average_length = context.index->average_length(node.field)};
}

std::unique_ptr<Matcher> MakeTerm(const PlanNode& node, const MatcherContext& context) {
  const std::optional<TermInfo>& info = node.terms[0].segments[context.segment];
  if (!info.has_value()) return Nothing();
  return std::make_unique<TermMatcher>(context.indexed().segment().Postings(*info),
                                       ScoringOf(node, context));
}

std::unique_ptr<Matcher> MakePhrase(const PlanNode& node, const MatcherContext& context) {
  std::vector<PhraseMatcher::Term> terms;
  terms.reserve(node.terms.size());
  for (const PlanTerm& term : node.terms) {
    const std::optional<TermInfo>& info = term.segments[context.segment];
    if (!info.has_value()) return Nothing();
    uint32_t number = 0;
    while (node.terms[number].text != term.text) ++number;
    terms.push_back({.cursor = context.indexed().segment().Postings(*info),
                     .offset = term.offset,
                     .number = number});
  }
  return std::make_unique<PhraseMatcher>(std::move(terms), node.slop, ScoringOf(node, context));
}

MatcherOr MakePrefix(const PlanNode& node, const MatcherContext& context) {
  const std::optional<FieldNumber> field = context.indexed().FieldOf(node.field);
  if (!field.has_value()) return Nothing();
  ASSIGN_OR_RETURN(DocumentSetPtr set, context.prefixes->Of(*field, node.text));
  return std::make_unique<SetMatcher>(std::move(set), static_cast<Score>(node.grid_weight));
}

std::unique_ptr<Matcher> MakeFilter(const PlanNode& node, const MatcherContext& context) {
  const Segment* const segment = &context.indexed().segment();
  FilterMatcher::Test test;
  if (node.kind == PlanKind::kAll) {
    test = [](uint32_t) { return true; };
  } else if (node.kind == PlanKind::kLanguage) {
    test = [segment, wanted = node.text](uint32_t doc) {
      return LanguageMatches(wanted, segment->language(doc));
    };
  } else {
    const int32_t first = node.first_day.value_or(INT32_MIN);
    const int32_t last = node.last_day.value_or(INT32_MAX);
    test = [segment, first, last](uint32_t doc) {
      const std::optional<int32_t> day = segment->date(doc);
      return day.has_value() && *day >= first && *day <= last;
    };
  }
  return std::make_unique<FilterMatcher>(segment->documents(), std::move(test));
}

MatcherOr MakeList(const PlanNode& node, const MatcherContext& context) {
  Matchers required;
  Matchers optional;
  Matchers excluded;
  for (const PlanNode& clause : node.clauses) {
    ASSIGN_OR_RETURN(auto matcher, MakeMatcher(clause, context));
    if (matcher->doc() == kNoMoreDocuments) {
      if (clause.occur == Occur::kMust) return matcher;
      continue;
    }
    auto& list = clause.occur == Occur::kMust      ? required
                 : clause.occur == Occur::kMustNot ? excluded
                                                   : optional;
    list.push_back(std::move(matcher));
  }
  if (node.needs_a_wish) {
    if (optional.empty()) return Nothing();
    required.push_back(std::make_unique<AnyOf>(std::move(optional)));
    optional.clear();
  }
  if (required.empty()) {
    required.push_back(MakeFilter({.kind = PlanKind::kAll}, context));
  }
  std::unique_ptr<Matcher> matcher =
      required.size() == 1 && optional.empty()
          ? std::move(required[0])
          : std::make_unique<AllOf>(std::move(required), std::move(optional));
  if (excluded.empty()) return matcher;
  return std::make_unique<Except>(std::move(matcher), std::move(excluded));
}

}  // namespace

bool AddFrequentTerm(const PlanNode& node, const MatcherContext& context,
                     std::vector<uint64_t>* bits) {
  if (node.kind != PlanKind::kTerm) return false;
  const Segment& segment = context.indexed().segment();
  const std::optional<TermInfo>& info = node.terms[0].segments[context.segment];
  if (!info.has_value() || info->document_frequency < segment.documents() / kFrequentPart) {
    return false;
  }
  bits->resize((segment.documents() + 63) / 64);
  AddDocuments(segment.Postings(*info), bits);
  return true;
}

MatcherOr MakeMatcher(const PlanNode& node, const MatcherContext& context) {
  switch (node.kind) {
    case PlanKind::kNothing:
    case PlanKind::kNever:
      return Nothing();
    case PlanKind::kTerm:
      return MakeTerm(node, context);
    case PlanKind::kPhrase:
      return MakePhrase(node, context);
    case PlanKind::kPrefix:
      return MakePrefix(node, context);
    case PlanKind::kAll:
    case PlanKind::kLanguage:
    case PlanKind::kDate:
      return MakeFilter(node, context);
    case PlanKind::kList:
      return MakeList(node, context);
  }
  return InternalError("a plan of an unknown kind");
}

}  // namespace quern::search
