#include "jobs/search/query/searcher.h"

#include <algorithm>
#include <atomic>
#include <span>
#include <vector>

#include "jobs/search/query/list_matchers.h"
#include "jobs/search/query/max_score.h"
#include "jobs/search/query/query_parser.h"
#include "jobs/search/query/top_hits.h"

namespace quern::search {
namespace {

bool IsTerm(const PlanNode& node) { return node.kind == PlanKind::kTerm; }

// A term, or a list of terms, perhaps with filters and exclusions.
bool IsTermList(const PlanNode& node) {
  if (node.kind != PlanKind::kList) return IsTerm(node);
  return std::all_of(node.clauses.begin(), node.clauses.end(),
                     [](const PlanNode& clause) {
                       return clause.occur == Occur::kMustNot || IsTerm(clause) ||
                              (clause.occur == Occur::kMust && ScoresNothing(clause));
                     }) &&
         std::any_of(node.clauses.begin(), node.clauses.end(), [&](const PlanNode& clause) {
           return IsTerm(clause) &&
                  clause.occur == (node.needs_a_wish ? Occur::kShould : Occur::kMust);
         });
}

// A phrase, or one in several fields. What it looks at costs much, and its bounds say little as
// long as the best are not known.
bool IsPhraseList(const PlanNode& node) {
  if (node.kind == PlanKind::kPhrase) return true;
  return node.kind == PlanKind::kList && node.needs_a_wish &&
         std::all_of(node.clauses.begin(), node.clauses.end(), [](const PlanNode& clause) {
           return clause.occur == Occur::kShould && clause.kind == PlanKind::kPhrase;
         });
}

class SegmentSearch {
 public:
  SegmentSearch(const MatcherContext& context, TopHits* hits)
      : context_(context), indexed_(context.indexed()), hits_(hits) {}

  absl::Status Run(const PlanNode& root) {
    if (IsTermList(root)) return RunTermList(root);
    return IsPhraseList(root) ? RunBestFirst(root) : RunMatcher(root);
  }

 private:
  absl::Status RunTermList(const PlanNode& root) {
    std::vector<ScoredTerm> terms;
    Matchers filters;
    Matchers excluded;
    std::vector<uint64_t> excluded_bits;
    if (IsTerm(root)) AddTerm(root, &terms, false);
    for (const PlanNode& clause : root.clauses) {
      if (clause.occur != Occur::kMustNot && IsTerm(clause)) {
        const bool required = clause.occur == Occur::kMust;
        if (!AddTerm(clause, &terms, required) && required) return absl::OkStatus();
        continue;
      }
      const bool excludes = clause.occur == Occur::kMustNot;
      if (excludes && AddFrequentTerm(clause, context_, &excluded_bits)) continue;
      ASSIGN_OR_RETURN(auto matcher, MakeMatcher(clause, context_));
      (excludes ? excluded : filters).push_back(std::move(matcher));
    }
    if (terms.empty()) return absl::OkStatus();
    const Acceptor acceptor(&indexed_.segment(), std::move(filters), std::move(excluded),
                            std::move(excluded_bits));
    MaxScore(std::move(terms), acceptor, indexed_.ranks(), indexed_.segment().documents(), hits_)
        .Run();
    return absl::OkStatus();
  }

  // False when the segment does not have it.
  bool AddTerm(const PlanNode& node, std::vector<ScoredTerm>* terms, bool required) const {
    const std::optional<TermInfo>& info = node.terms[0].segments[context_.segment];
    if (!info.has_value()) return false;
    terms->push_back({indexed_.segment().Postings(*info),
                      {.weight = node.grid_weight,
                       .norms = indexed_.norms(node.field),
                       .average_length = context_.index->average_length(node.field)},
                      required});
    return true;
  }

  absl::Status RunMatcher(const PlanNode& root) {
    ASSIGN_OR_RETURN(const auto matcher, MakeMatcher(root, context_));
    uint32_t bounded_to = 0;  // documents before it may score up to `bound`
    Score bound = 0;
    uint32_t doc = matcher->doc();
    while (doc != kNoMoreDocuments) {
      if (doc >= bounded_to) {
        uint32_t last = 0;
        bound = matcher->BoundFrom(doc, &last);
        bounded_to = last == kNoMoreDocuments ? kNoMoreDocuments : last + 1;
      }
      if (bound < hits_->least()) {
        if (bounded_to == kNoMoreDocuments) break;
        doc = matcher->Advance(bounded_to);
        continue;
      }
      Look(matcher.get(), doc, hits_);
      doc = matcher->Advance(doc + 1);
    }
    return absl::OkStatus();
  }

  // The first windows are so many and one in so many; then each time so many times more.
  static constexpr size_t kFewWindows = 4;
  static constexpr size_t kPartOfWindows = 32;
  static constexpr size_t kMoreWindows = 4;

  struct Window {
    uint32_t begin;
    uint32_t last;
    Score bound;
  };

  static std::vector<Window> WindowsOf(Matcher* matcher) {
    std::vector<Window> windows;
    for (uint32_t begin = matcher->doc(); begin != kNoMoreDocuments;) {
      uint32_t last = 0;
      const Score bound = matcher->BoundFrom(begin, &last);
      windows.push_back({begin, last, bound});
      begin = last == kNoMoreDocuments ? last : last + 1;
    }
    return windows;
  }

  // The windows with the highest bounds first, until no other one can have a hit: a few, more, and
  // then the others, each time in their order.
  absl::Status RunBestFirst(const PlanNode& root) {
    ASSIGN_OR_RETURN(const auto bounds, MakeMatcher(root, context_));
    std::vector<Window> windows = WindowsOf(bounds.get());
    std::stable_sort(windows.begin(), windows.end(),
                     [](const Window& a, const Window& b) { return a.bound > b.bound; });
    TopHits best(hits_->k(), hits_->least(), /*documents_are_ranked=*/false);
    size_t size = kFewWindows + windows.size() / kPartOfWindows;
    for (size_t from = 0; from < windows.size(); from += size, size *= kMoreWindows) {
      if (windows[from].bound < best.least()) break;
      const std::span<Window> some =
          std::span(windows).subspan(from, std::min(size, windows.size() - from));
      std::sort(some.begin(), some.end(),
                [](const Window& a, const Window& b) { return a.begin < b.begin; });
      ASSIGN_OR_RETURN(const auto matcher, MakeMatcher(root, context_));
      for (const Window& window : some) LookAt(window, matcher.get(), &best);
    }
    std::vector<TopHits::Hit> hits = best.Take();
    std::sort(hits.begin(), hits.end(),
              [](const TopHits::Hit& a, const TopHits::Hit& b) { return a.rank < b.rank; });
    for (const TopHits::Hit& hit : hits) {
      if (hit.score >= hits_->least()) hits_->Add(hit.score, hit.rank, hit.doc);
    }
    return absl::OkStatus();
  }

  void LookAt(const Window& window, Matcher* matcher, TopHits* hits) {
    if (window.bound < hits->least()) return;
    uint32_t doc = matcher->Advance(window.begin);
    while (doc <= window.last && doc != kNoMoreDocuments) {
      Look(matcher, doc, hits);
      doc = matcher->Advance(doc + 1);
    }
  }

  void Look(Matcher* matcher, uint32_t doc, TopHits* hits) {
    if (matcher->BoundHere() < hits->least() || indexed_.segment().deleted(doc)) return;
    if (!matcher->ConfirmAbove(hits->least())) return;
    const Score score = matcher->ScoreHere();
    if (score >= hits->least()) hits->Add(score, RankOf(indexed_.ranks(), doc), doc);
  }

  const MatcherContext context_;
  const IndexedSegment& indexed_;
  TopHits* const hits_;
};

}  // namespace

void RunOneByOne(size_t n, const std::function<void(size_t)>& work) {
  for (size_t i = 0; i < n; ++i) work(i);
}

absl::StatusOr<std::vector<SearchHit>> Search(const SearchIndex& index, const Plan& plan, size_t k,
                                              const RunAll& run_all, const PrefixLimits& limits) {
  if (k > kMaxHits) return InvalidArgumentError("{} hits, of at most {}", k, kMaxHits);
  const size_t segments = index.segments().size();
  std::vector<std::vector<TopHits::Hit>> found(segments);
  std::vector<absl::Status> ends(segments);
  std::atomic<Score> floor{0};  // what k hits of one segment reach
  run_all(segments, [&](size_t i) {
    PrefixSets prefixes(index.segments()[i]->segment(), limits);
    const MatcherContext context{&index, i, &prefixes};
    TopHits hits(k, floor.load(), context.indexed().ranks().empty());
    ends[i] = SegmentSearch(context, &hits).Run(plan.root);
    found[i] = hits.Take();
    if (found[i].size() < k || k == 0) return;
    const Score worst = found[i].back().score;
    for (Score now = floor.load(); now < worst && !floor.compare_exchange_weak(now, worst);) {
    }
  });
  std::vector<SearchHit> merged;
  for (size_t i = 0; i < segments; ++i) {
    RETURN_IF_ERROR(Annotate(ends[i], index.manifest().segments[i].file));
    for (const TopHits::Hit& hit : found[i]) {
      merged.push_back({.score = plan.scale.FromGrid(hit.score),
                        .segment = i,
                        .doc = hit.doc,
                        .id = index.segments()[i]->segment().id(hit.doc)});
    }
  }
  std::stable_sort(merged.begin(), merged.end(), [](const SearchHit& a, const SearchHit& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  });
  if (merged.size() > k) merged.resize(k);
  return merged;
}

absl::StatusOr<Plan> PlanFor(const SearchIndex& index, std::string_view query,
                             const QueryStatistics* all) {
  ASSIGN_OR_RETURN(const QueryNode node, ParseQuery(query, {.fields = index.fields()}));
  return MakePlan(node, index, {}, all);
}

absl::StatusOr<QueryStatistics> StatisticsFor(const SearchIndex& index, std::string_view query) {
  ASSIGN_OR_RETURN(const QueryNode node, ParseQuery(query, {.fields = index.fields()}));
  return CollectStatistics(node, index);
}

}  // namespace quern::search
