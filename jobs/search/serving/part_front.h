// Answers queries from machines that each serve some segments of one index, as one machine with all
// of them does: the same documents, in the same order, with the same scores.
//
// A query goes to each machine twice. First each tells how frequent the words are in its segments;
// with the sums, each then finds its best documents. Who does not answer is left out, and the
// answer says which segments were not searched. Who hangs is not asked by each query that follows
// (part_breakers.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/http_client.h"
#include "common/mutex.h"
#include "common/status.h"
#include "jobs/search/serving/part_breakers.h"
#include "jobs/search/serving/part_choice.h"
#include "jobs/search/serving/query_answerer.h"
#include "quern/search/v1/parts.pb.h"

namespace quern::search {

inline constexpr char kPartPath[] = "/part";

// One machine that serves a part. Thread-safe.
class PartConnection {
 public:
  virtual ~PartConnection() = default;
  virtual const std::string& name() const = 0;
  // A PartRequest, answered by a PartAnswer. DeadlineExceeded or Unavailable when there is none.
  virtual absl::StatusOr<std::string> Ask(const std::string& request, absl::Duration timeout) = 0;
};

// By POST to kPartPath.
class HttpPartConnection final : public PartConnection {
 public:
  explicit HttpPartConnection(std::unique_ptr<HttpClient> client) : client_(std::move(client)) {}

  const std::string& name() const override { return client_->url(); }
  absl::StatusOr<std::string> Ask(const std::string& request, absl::Duration timeout) override {
    return client_->Post({.path = kPartPath, .body = request}, timeout);
  }

 private:
  const std::unique_ptr<HttpClient> client_;
};

struct PartFrontOptions {
  absl::Duration deadline = absl::Seconds(2);  // of a query; half of it is for the first question
  RunAll run_all = RunOneByOne;                // asks several machines at once
  Clock* clock = Clock::Real();
};

class PartFront final : public QueryAnswerer {
 public:
  PartFront(std::vector<std::unique_ptr<PartConnection>> parts, PartFrontOptions options)
      : parts_(std::move(parts)), options_(std::move(options)), breakers_(parts_.size()) {}

  // Unavailable when no machine answers.
  absl::StatusOr<Answer> Ask(std::string_view query, size_t k, bool explain) override;
  // Asks the machines.
  IndexSize Size() override;

 private:
  // One that refuses the query is an answer as well (RefusalOf).
  using PartAnswers = std::vector<absl::StatusOr<v1::PartAnswer>>;
  // Who is asked what the statistics are, and what they are together.
  struct FirstRound {
    PartAnswers answers;  // of all machines
    PartChoice choice;
    std::vector<PartProblem> problems;
  };

  // In the order of `which`.
  PartAnswers AskAll(const std::vector<size_t>& which, const v1::PartRequest& request,
                     absl::Time deadline);
  absl::StatusOr<v1::PartAnswer> AskOne(size_t which, const std::string& request,
                                        absl::Time deadline);
  // Ask of the machine, whose breaker learns what becomes of it.
  absl::StatusOr<std::string> AskWatched(size_t which, const std::string& request,
                                         absl::Time deadline);
  // InvalidArgument when a machine that is chosen says so of the query.
  absl::StatusOr<FirstRound> AskForStatistics(std::string_view query, absl::Time deadline);

  const std::vector<std::unique_ptr<PartConnection>> parts_;
  const PartFrontOptions options_;
  Mutex mutex_;
  PartBreakers breakers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::search
