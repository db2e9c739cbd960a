// Which of the machines that serve parts of an index are asked a query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "jobs/search/serving/answer.h"
#include "quern/search/v1/parts.pb.h"

namespace quern::search {

struct PartState {
  std::string server;
  std::optional<v1::IndexPart> part;  // nothing: it does not answer
};

// No segment is asked twice, and all that are asked are of one state of the index: the one of which
// most segments are there, of those the newest. Values in, a decision out.
class PartChoice {
 public:
  explicit PartChoice(const std::vector<PartState>& states);

  // Numbers of the machines; empty when none answers.
  const std::vector<size_t>& chosen() const { return chosen_; }
  // Machines that answer and are not asked, and why; not those that have nothing new.
  const std::vector<PartProblem>& problems() const { return problems_; }
  // What all that are chosen say of the index.
  const v1::IndexPart& index() const { return index_; }

 private:
  void ChooseVersion(const std::vector<PartState>& states);

  v1::IndexPart index_;  // segments: those of the chosen
  std::vector<size_t> chosen_;
  std::vector<PartProblem> problems_;
};

// "segments 0, 3-5 of 8 were not searched"; empty when all were.
std::string MissingSegments(const std::set<uint32_t>& searched, uint32_t all_segments);

}  // namespace quern::search
