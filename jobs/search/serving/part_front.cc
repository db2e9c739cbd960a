#include "jobs/search/serving/part_front.h"

#include <algorithm>
#include <functional>
#include <set>

#include "jobs/search/serving/part_messages.h"

namespace quern::search {
namespace {

// As one machine has them: equal ones by id, and by the order of the segments.
void SortHits(size_t k, std::vector<AnswerHit>* hits) {
  std::stable_sort(hits->begin(), hits->end(), [](const AnswerHit& a, const AnswerHit& b) {
    if (a.hit.score != b.hit.score) return a.hit.score > b.hit.score;
    return a.hit.id != b.hit.id ? a.hit.id < b.hit.id : a.hit.segment < b.hit.segment;
  });
  if (hits->size() > k) hits->resize(k);
}

// Of the index and of this part: it has not changed between two questions.
bool IsSame(const v1::IndexPart& a, const v1::IndexPart& b) {
  return a.generation() == b.generation() && a.manifest_hash() == b.manifest_hash() &&
         std::equal(a.segments().begin(), a.segments().end(), b.segments().begin(),
                    b.segments().end());
}

absl::Status NobodyAnswers(const std::vector<PartProblem>& problems) {
  std::string why;
  for (const PartProblem& problem : problems) {
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", problem.server, problem.what);
  }
  return UnavailableError("no server of the index answers: {}", why);
}

// What a server of a part says, whatever the query is.
bool MakesSense(const v1::PartAnswer& answer) {
  if (!answer.has_part()) return false;
  const auto& segments = answer.part().segments();
  return std::adjacent_find(segments.begin(), segments.end(), std::greater_equal<>()) ==
             segments.end() &&
         (segments.empty() || *segments.rbegin() < answer.part().all_segments());
}

// InvalidArgument and what is wrong with the query, when it says so.
absl::Status RefusalOf(const v1::PartAnswer& answer) {
  return absl::Status(static_cast<absl::StatusCode>(answer.code()), answer.message());
}

}  // namespace

absl::StatusOr<std::string> PartFront::AskWatched(size_t which, const std::string& request,
                                                  absl::Time deadline) {
  const absl::Time asked = options_.clock->MonotonicNow();
  const absl::Duration left = deadline - asked;
  if (left <= absl::ZeroDuration()) {
    MutexLock lock(&mutex_);
    breakers_.NotAsked(which);
    return DeadlineExceededError("no answer in time");
  }
  absl::StatusOr<std::string> bytes = parts_[which]->Ask(request, left);
  const absl::Time now = options_.clock->MonotonicNow();
  MutexLock lock(&mutex_);
  if (absl::IsDeadlineExceeded(bytes.status())) {
    breakers_.NotAnswered(which, asked, now, Message(bytes.status()));
  } else {
    breakers_.Answered(which, now);
  }
  return bytes;
}

absl::StatusOr<v1::PartAnswer> PartFront::AskOne(size_t which, const std::string& request,
                                                 absl::Time deadline) {
  ASSIGN_OR_RETURN(const std::string bytes, AskWatched(which, request, deadline));
  v1::PartAnswer answer;
  if (!answer.ParseFromString(bytes) || !MakesSense(answer)) {
    return UnavailableError("what it answers is nothing of quern-search serve");
  }
  const absl::Status refused = RefusalOf(answer);
  if (refused.ok() || absl::IsInvalidArgument(refused)) return answer;
  return refused;
}

PartFront::PartAnswers PartFront::AskAll(const std::vector<size_t>& which,
                                         const v1::PartRequest& request, absl::Time deadline) {
  const std::string bytes = request.SerializeAsString();
  PartAnswers answers(which.size(), absl::UnknownError("not asked"));
  options_.run_all(which.size(), [&](size_t i) { answers[i] = AskOne(which[i], bytes, deadline); });
  return answers;
}

absl::StatusOr<PartFront::FirstRound> PartFront::AskForStatistics(std::string_view query,
                                                                  absl::Time deadline) {
  v1::PartRequest request;
  request.set_query(std::string(query));
  PartBreakers::Choice who;
  {
    MutexLock lock(&mutex_);
    who = breakers_.Choose(options_.clock->MonotonicNow());
  }
  PartAnswers asked = AskAll(who.asked, request, deadline);
  PartAnswers answers(parts_.size(), absl::UnavailableError("left out"));
  for (size_t i = 0; i < asked.size(); ++i) answers[who.asked[i]] = std::move(asked[i]);
  for (const PartBreakers::LeftOut& one : who.left_out) {
    answers[one.part] = absl::UnavailableError(one.why);
  }
  std::vector<PartState> states;
  std::vector<PartProblem> problems;
  for (size_t i = 0; i < answers.size(); ++i) {
    PartState& state = states.emplace_back(PartState{.server = parts_[i]->name(), .part = {}});
    if (answers[i].ok()) {
      state.part = answers[i]->part();
    } else {
      problems.push_back({parts_[i]->name(), std::string(Message(answers[i].status()))});
    }
  }
  PartChoice choice(states);
  // What one says that has another index says nothing of this one.
  for (const size_t i : choice.chosen()) RETURN_IF_ERROR(RefusalOf(*answers[i]));
  problems.insert(problems.end(), choice.problems().begin(), choice.problems().end());
  return FirstRound{std::move(answers), std::move(choice), std::move(problems)};
}

absl::StatusOr<Answer> PartFront::Ask(std::string_view query, size_t k, bool explain) {
  const absl::Time start = options_.clock->MonotonicNow();
  // Whoever hangs in the first round must leave time for what the others find.
  ASSIGN_OR_RETURN(FirstRound first, AskForStatistics(query, start + options_.deadline / 2));
  const std::vector<size_t>& chosen = first.choice.chosen();
  if (chosen.empty()) return NobodyAnswers(first.problems);
  std::vector<QueryStatistics> statistics;
  for (const size_t i : chosen) statistics.push_back(FromMessage(first.answers[i]->statistics()));
  v1::PartRequest request;
  request.set_query(std::string(query));
  request.set_k(static_cast<uint32_t>(k));
  request.set_explain(explain);
  ToMessage(AddUp(statistics), request.mutable_statistics());
  const PartAnswers answers = AskAll(chosen, request, start + options_.deadline);

  Answer answer;
  answer.k = k;
  std::set<uint32_t> searched;
  bool is_first = true;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const std::string& server = parts_[chosen[i]]->name();
    if (!answers[i].ok()) {
      first.problems.push_back({server, std::string(Message(answers[i].status()))});
      continue;
    }
    if (!IsSame(answers[i]->part(), first.answers[chosen[i]]->part())) {
      first.problems.push_back({server, "its index has changed while it was asked"});
      continue;
    }
    RETURN_IF_ERROR(RefusalOf(*answers[i]));
    searched.insert(answers[i]->part().segments().begin(), answers[i]->part().segments().end());
    for (const v1::Hit& hit : answers[i]->hits()) answer.hits.push_back(FromMessage(hit));
    if (std::exchange(is_first, false)) {
      answer.asks_nothing = answers[i]->asks_nothing();
      answer.plan = answers[i]->plan();
    }
  }
  if (is_first) return NobodyAnswers(first.problems);
  SortHits(k, &answer.hits);
  const std::string missing = MissingSegments(searched, first.choice.index().all_segments());
  if (!missing.empty()) first.problems.push_back({"", missing});
  answer.parts = AnswerParts{.partial = !missing.empty(),
                             .problems = std::move(first.problems),
                             .generation = first.choice.index().generation()};
  return answer;
}

IndexSize PartFront::Size() {
  const absl::StatusOr<FirstRound> round =
      AskForStatistics("", options_.clock->MonotonicNow() + options_.deadline / 2);
  if (!round.ok()) return {};
  const v1::IndexPart& index = round->choice.index();
  return {.documents = index.documents(),
          .segments = static_cast<size_t>(index.segments_size()),
          .all_segments = index.all_segments(),
          .generation = index.generation()};
}

}  // namespace quern::search
