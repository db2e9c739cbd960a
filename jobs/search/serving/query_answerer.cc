#include "jobs/search/serving/query_answerer.h"

#include "jobs/search/serving/part_choice.h"
#include "jobs/search/serving/part_messages.h"

namespace quern::search {

RunAll LocalAnswerer::OnPool() const {
  return [this](size_t n, const std::function<void(size_t)>& work) { pool_->RunAll(n, work); };
}

absl::StatusOr<Answer> LocalAnswerer::Ask(std::string_view query, size_t k, bool explain) {
  const auto index = index_->current();
  auto answer =
      AnswerQuery(*index, query, {.k = k, .explain = explain, .all = nullptr, .run_all = OnPool()});
  if (!answer.ok() || index->part().is_whole()) return answer;
  // Whoever asks it by itself is told that there is more.
  const IndexPart& part = index->part();
  answer->parts =
      AnswerParts{.partial = true,
                  .problems = {{"", MissingSegments({part.segments.begin(), part.segments.end()},
                                                    part.all_segments)}},
                  .generation = index->manifest().generation};
  return answer;
}

IndexSize LocalAnswerer::Size() {
  const auto index = index_->current();
  return {.documents = index->documents(),
          .segments = index->segments().size(),
          .all_segments = index->part().all_segments,
          .generation = index->manifest().generation};
}

std::string LocalAnswerer::AskPart(std::string_view request) {
  const auto index = index_->current();
  return AnswerPartRequest(*index, request, OnPool());
}

}  // namespace quern::search
