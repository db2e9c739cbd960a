#include "jobs/search/serving/answer.h"

#include "common/cli/json_line.h"
#include "jobs/search/query/explain.h"
#include "jobs/search/segment/dates.h"

namespace quern::search {
namespace {

absl::StatusOr<AnswerHit> Describe(const SearchIndex& index, const MarkedTerms& marked,
                                   Analyzer* analyzer, SearchHit hit) {
  AnswerHit answer;
  answer.hit = std::move(hit);
  const Segment& segment = index.segments()[answer.hit.segment]->segment();
  if (segment.meta().has_stored) {
    ASSIGN_OR_RETURN(answer.document, segment.Stored(answer.hit.doc));
    answer.title = MarkAll(answer.document.title, marked, analyzer);
    answer.snippet = MakeSnippet(answer.document.text, marked, analyzer);
    answer.document.text = std::string();
  } else {
    answer.document.id = answer.hit.id;
    answer.document.url = segment.url(answer.hit.doc);
    answer.document.language = segment.language(answer.hit.doc);
    if (const auto day = segment.date(answer.hit.doc)) answer.document.date = FormatDate(*day);
  }
  return answer;
}

JsonLine ToJson(const AnswerHit& hit) {
  JsonLine line;
  line.Add("id", hit.hit.id).Add("score", hit.hit.score);
  const auto add = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) line.Add(key, value);
  };
  add("title", hit.document.title);
  add("url", hit.document.url);
  add("lang", hit.document.language);
  add("date", hit.document.date);
  if (!hit.snippet.empty()) {
    std::vector<JsonLine> pieces;
    for (const SnippetPiece& piece : hit.snippet) {
      pieces.emplace_back().Add("text", piece.text);
      if (piece.match) pieces.back().Add("match", true);
    }
    line.Add("snippet", pieces);
  }
  if (!hit.explanation.empty()) {
    std::vector<JsonLine> parts;
    for (const std::string& part : hit.explanation) parts.emplace_back().Add("part", part);
    line.Add("explanation", parts);
  }
  return line;
}

void AddParts(const AnswerParts& parts, JsonLine* line) {
  line->Add("partial", parts.partial).Add("generation", parts.generation);
  if (parts.problems.empty()) return;
  std::vector<JsonLine> problems;
  for (const PartProblem& problem : parts.problems) {
    JsonLine& one = problems.emplace_back();
    if (!problem.server.empty()) one.Add("server", problem.server);
    one.Add("problem", problem.what);
  }
  line->Add("problems", problems);
}

}  // namespace

absl::StatusOr<Answer> AnswerQuery(const SearchIndex& index, std::string_view query,
                                   const AnswerOptions& options) {
  ASSIGN_OR_RETURN(const Plan plan, PlanFor(index, query, options.all));
  ASSIGN_OR_RETURN(std::vector<SearchHit> hits, Search(index, plan, options.k, options.run_all));
  const MarkedTerms marked = TermsToMark(plan);
  const SearchIndex::AnalyzerPtr analyzer = index.BorrowAnalyzer();
  Answer answer;
  answer.k = options.k;
  answer.asks_nothing = plan.root.kind == PlanNode::Kind::kNothing;
  std::vector<std::vector<std::string>> explained(hits.size());
  if (options.explain) {
    answer.plan = ToString(plan, index);
    ASSIGN_OR_RETURN(explained, Explain(index, plan, hits));
  }
  for (size_t i = 0; i < hits.size(); ++i) {
    ASSIGN_OR_RETURN(AnswerHit described,
                     Describe(index, marked, analyzer.get(), std::move(hits[i])));
    described.explanation = std::move(explained[i]);
    answer.hits.push_back(std::move(described));
  }
  return answer;
}

std::string AnswerJson(std::string_view query, const Answer& answer) {
  JsonLine line;
  line.Add("query", query);
  if (!answer.plan.empty()) line.Add("plan", answer.plan);
  if (answer.parts.has_value()) AddParts(*answer.parts, &line);
  std::vector<JsonLine> hits;
  for (const AnswerHit& hit : answer.hits) hits.push_back(ToJson(hit));
  return line.Add("hits", hits).ToString() + "\n";
}

std::vector<std::string> HitLines(const Answer& answer) {
  std::vector<std::string> lines;
  for (const AnswerHit& hit : answer.hits) lines.push_back(ToJson(hit).ToString());
  return lines;
}

}  // namespace quern::search
