#include "jobs/search/query/explain.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "jobs/search/query/list_matchers.h"
#include "jobs/search/query/matcher.h"

namespace quern::search {
namespace {

std::string Named(const PlanNode& node, const SearchIndex& index) {
  std::string text = node.kind == PlanKind::kPrefix ? node.text + "*" : "";
  for (const PlanTerm& term : node.terms) text += (text.empty() ? "" : " ") + term.text;
  if (node.kind == PlanKind::kPhrase) text = "\"" + text + "\"";
  return index.fields()[node.field] + ":" + text;
}

// A part of a plan in one segment. Only what is no list has a matcher: whether a list matches
// follows from its parts.
struct Part {
  const PlanNode* node;
  std::unique_ptr<Matcher> matcher{};
  std::vector<Part> clauses{};
  bool matches = false;  // the document at hand
};

// Of documents of one segment, in order: all of them share the matchers.
class SegmentExplainer {
 public:
  SegmentExplainer(const SearchIndex& index, const ScoreScale& scale, size_t segment)
      : index_(index),
        scale_(scale),
        number_(segment),
        segment_(*index.segments()[segment]),
        prefixes_(segment_.segment(), {}) {}

  absl::Status Start(const PlanNode& root) {
    ASSIGN_OR_RETURN(root_, MakePart(root));
    return absl::OkStatus();
  }
  // `doc` grows from call to call.
  std::vector<std::string> Explain(uint32_t doc) {
    std::vector<std::string> lines;
    if (Match(&root_, doc)) AddLines(root_, doc, &lines);
    return lines;
  }

 private:
  absl::StatusOr<Part> MakePart(const PlanNode& node) {
    Part part{&node};
    if (node.kind != PlanKind::kList) {
      ASSIGN_OR_RETURN(part.matcher, MakeMatcher(node, {&index_, number_, &prefixes_}));
    }
    for (const PlanNode& clause : node.clauses) {
      ASSIGN_OR_RETURN(Part one, MakePart(clause));
      part.clauses.push_back(std::move(one));
    }
    return part;
  }

  static bool Match(Part* part, uint32_t doc) {
    if (part->matcher != nullptr) return part->matches = Matches(part->matcher.get(), doc);
    bool all = true;
    bool wish = false;
    for (Part& clause : part->clauses) {
      const bool matches = Match(&clause, doc);
      const Occur occur = clause.node->occur;
      if (occur == Occur::kShould) {
        wish |= matches;
      } else {
        all &= matches == (occur == Occur::kMust);
      }
    }
    return part->matches = all && (wish || !part->node->needs_a_wish);
  }

  // Of what does not match, no part counts.
  void AddLines(const Part& part, uint32_t doc, std::vector<std::string>* lines) const {
    if (part.node->weight > 0) lines->push_back(Line(part, doc));
    for (const Part& clause : part.clauses) {
      if (clause.matches && clause.node->occur != Occur::kMustNot) AddLines(clause, doc, lines);
    }
  }

  std::string Line(const Part& part, uint32_t doc) const {
    const PlanNode& node = *part.node;
    std::string line =
        fmt::format("{:.6f} {}", scale_.FromGrid(part.matcher->ScoreHere()), Named(node, index_));
    if (node.kind != PlanKind::kTerm) return line + fmt::format(" (weight {:.4f})", node.weight);
    PostingsCursor cursor = segment_.segment().Postings(*node.terms[0].segments[number_]);
    cursor.Advance(doc);
    return line +
           fmt::format(
               " (frequency {}, length {} of {:.1f} on average, weight {:.4f}, in {} "
               "documents)",
               cursor.frequency(), segment_.segment().length(*segment_.FieldOf(node.field), doc),
               index_.average_length(node.field), node.weight, node.terms[0].document_frequency);
  }

  const SearchIndex& index_;
  const ScoreScale& scale_;
  const size_t number_;
  const IndexedSegment& segment_;
  PrefixSets prefixes_;
  Part root_{nullptr};
};

}  // namespace

absl::StatusOr<std::vector<std::vector<std::string>>> Explain(const SearchIndex& index,
                                                              const Plan& plan,
                                                              const std::vector<SearchHit>& hits) {
  std::vector<size_t> order(hits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(hits[a].segment, hits[a].doc) < std::pair(hits[b].segment, hits[b].doc);
  });
  std::vector<std::vector<std::string>> explained(hits.size());
  std::unique_ptr<SegmentExplainer> explainer;
  size_t of = 0;
  for (const size_t hit : order) {
    const size_t segment = hits[hit].segment;
    if (explainer == nullptr || segment != of) {
      explainer = std::make_unique<SegmentExplainer>(index, plan.scale, segment);
      RETURN_IF_ERROR(explainer->Start(plan.root));
      of = segment;
    }
    explained[hit] = explainer->Explain(hits[hit].doc);
  }
  return explained;
}

}  // namespace quern::search
