#include "jobs/search/query/explain.h"

#include "jobs/search/query/list_matchers.h"
#include "jobs/search/query/matcher.h"

namespace quern::search {
namespace {

struct Place {
  const SearchIndex& index;
  const ScoreScale& scale;
  size_t segment;
  uint32_t doc;
};

std::string Named(const PlanNode& node, const SearchIndex& index) {
  std::string text = node.kind == PlanKind::kPrefix ? node.text + "*" : "";
  for (const PlanTerm& term : node.terms) text += (text.empty() ? "" : " ") + term.text;
  if (node.kind == PlanKind::kPhrase) text = "\"" + text + "\"";
  return index.fields()[node.field] + ":" + text;
}

absl::Status AddPart(const PlanNode& node, const Place& place, std::vector<std::string>* lines) {
  ASSIGN_OR_RETURN(const auto matcher, MakeMatcher(node, {&place.index, place.segment}));
  if (!Matches(matcher.get(), place.doc)) return absl::OkStatus();
  std::string line = fmt::format("{:.6f} {}", place.scale.FromGrid(matcher->ScoreHere()),
                                 Named(node, place.index));
  const IndexedSegment& segment = *place.index.segments()[place.segment];
  if (node.kind == PlanKind::kTerm) {
    PostingsCursor cursor = segment.segment().Postings(*node.terms[0].segments[place.segment]);
    cursor.Advance(place.doc);
    line += fmt::format(
        " (frequency {}, length {} of {:.1f} on average, weight {:.4f}, in {} "
        "documents)",
        cursor.frequency(), segment.segment().length(*segment.FieldOf(node.field), place.doc),
        place.index.average_length(node.field), node.weight, node.terms[0].document_frequency);
  } else {
    line += fmt::format(" (weight {:.4f})", node.weight);
  }
  lines->push_back(std::move(line));
  return absl::OkStatus();
}

absl::Status AddParts(const PlanNode& node, const Place& place, std::vector<std::string>* lines) {
  if (node.weight > 0) return AddPart(node, place, lines);
  for (const PlanNode& clause : node.clauses) {
    if (clause.occur == Occur::kMustNot) continue;
    // Of what does not match, no part counts.
    ASSIGN_OR_RETURN(const auto matcher, MakeMatcher(clause, {&place.index, place.segment}));
    if (Matches(matcher.get(), place.doc)) RETURN_IF_ERROR(AddParts(clause, place, lines));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> Explain(const SearchIndex& index, const Plan& plan,
                                                 size_t segment, uint32_t doc) {
  std::vector<std::string> lines;
  RETURN_IF_ERROR(AddParts(plan.root, {index, plan.scale, segment, doc}, &lines));
  return lines;
}

}  // namespace quern::search
