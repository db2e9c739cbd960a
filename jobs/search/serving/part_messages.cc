#include "jobs/search/serving/part_messages.h"

#include <utility>

namespace quern::search {
namespace {

void AddSnippet(const Snippet& snippet,
                google::protobuf::RepeatedPtrField<pb::SnippetPiece>* message) {
  for (const SnippetPiece& piece : snippet) {
    pb::SnippetPiece* const added = message->Add();
    added->set_text(piece.text);
    added->set_match(piece.match);
  }
}

Snippet SnippetOf(const google::protobuf::RepeatedPtrField<pb::SnippetPiece>& message) {
  Snippet snippet;
  for (const pb::SnippetPiece& piece : message) snippet.push_back({piece.text(), piece.match()});
  return snippet;
}

void FillHit(const AnswerHit& hit, const IndexPart& part, pb::Hit* message) {
  message->set_id(hit.hit.id);
  message->set_score(hit.hit.score);
  message->set_segment(part.segments[hit.hit.segment]);
  message->set_title(hit.document.title);
  message->set_url(hit.document.url);
  message->set_language(hit.document.language);
  message->set_date(hit.document.date);
  AddSnippet(hit.title, message->mutable_marked_title());
  AddSnippet(hit.snippet, message->mutable_snippet());
  for (const std::string& line : hit.explanation) message->add_explanation(line);
}

void FillPart(const SearchIndex& index, pb::IndexPart* message) {
  const IndexPart& part = index.part();
  message->set_generation(index.manifest().generation);
  message->set_manifest_hash(part.manifest_hash);
  message->set_documents(index.documents());
  message->set_all_segments(part.all_segments);
  for (const uint32_t segment : part.segments) message->add_segments(segment);
}

absl::Status FillAnswer(const SearchIndex& index, const pb::PartRequest& request,
                        const RunAll& run_all, pb::PartAnswer* message) {
  if (!request.has_statistics()) {
    ASSIGN_OR_RETURN(const QueryStatistics own, StatisticsFor(index, request.query()));
    ToMessage(own, message->mutable_statistics());
    return absl::OkStatus();
  }
  const QueryStatistics all = FromMessage(request.statistics());
  ASSIGN_OR_RETURN(
      const Answer answer,
      AnswerQuery(
          index, request.query(),
          {.k = request.k(), .explain = request.explain(), .all = &all, .run_all = run_all}));
  for (const AnswerHit& hit : answer.hits) FillHit(hit, index.part(), message->add_hits());
  message->set_asks_nothing(answer.asks_nothing);
  message->set_plan(answer.plan);
  return absl::OkStatus();
}

}  // namespace

void ToMessage(const QueryStatistics& statistics, pb::QueryStatistics* message) {
  for (const auto& [term, frequency] : statistics.frequencies) {
    pb::QueryStatistics::Term* const added = message->add_terms();
    added->set_field(static_cast<uint32_t>(term.first));
    added->set_text(term.second);
    added->set_document_frequency(frequency);
  }
  for (const auto& [word, terms] : statistics.near) {
    pb::QueryStatistics::Near* const added = message->add_near();
    added->set_word(word.text);
    added->set_distance(word.distance);
    added->set_field(static_cast<uint32_t>(word.field));
    for (const FuzzyTerm& term : terms) {
      pb::QueryStatistics::NearTerm* const near = added->add_terms();
      near->set_text(term.text);
      near->set_distance(term.distance);
      near->set_document_frequency(term.document_frequency);
    }
  }
}

QueryStatistics FromMessage(const pb::QueryStatistics& message) {
  QueryStatistics statistics;
  for (const pb::QueryStatistics::Term& term : message.terms()) {
    statistics.frequencies[{term.field(), term.text()}] = term.document_frequency();
  }
  for (const pb::QueryStatistics::Near& near : message.near()) {
    std::vector<FuzzyTerm>& terms = statistics.near[{near.word(), near.distance(), near.field()}];
    for (const pb::QueryStatistics::NearTerm& term : near.terms()) {
      terms.push_back({term.text(), term.distance(), term.document_frequency()});
    }
  }
  return statistics;
}

AnswerHit FromMessage(const pb::Hit& message) {
  AnswerHit hit;
  hit.hit.id = message.id();
  hit.hit.score = message.score();
  hit.hit.segment = message.segment();
  hit.document.id = message.id();
  hit.document.title = message.title();
  hit.document.url = message.url();
  hit.document.language = message.language();
  hit.document.date = message.date();
  hit.title = SnippetOf(message.marked_title());
  hit.snippet = SnippetOf(message.snippet());
  hit.explanation.assign(message.explanation().begin(), message.explanation().end());
  return hit;
}

std::string AnswerPartRequest(const SearchIndex& index, std::string_view request,
                              const RunAll& run_all) {
  pb::PartAnswer answer;
  FillPart(index, answer.mutable_part());
  pb::PartRequest parsed;
  absl::Status status =
      parsed.ParseFromArray(request.data(), static_cast<int>(request.size()))
          ? FillAnswer(index, parsed, run_all, &answer)
          : FailedPreconditionError("this is no request of a front of the same release");
  answer.set_code(static_cast<uint32_t>(status.code()));
  answer.set_message(std::string(Message(status)));
  return answer.SerializeAsString();
}

}  // namespace quern::search
