#include "master/logic/seal_planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace quern::master {
namespace {

using Kind = FenceAnswer::Kind;

SealDecision Wait(std::string reason) {
  SealDecision decision;
  decision.reason = std::move(reason);
  return decision;
}

SealDecision SealAt(const FenceAnswer& answer) {
  SealDecision decision;
  decision.decided = true;
  decision.length = answer.length;
  decision.crc = answer.crc;
  decision.last_seq = answer.last_seq;
  return decision;
}

// Servers that may still answer.
std::string SilentServers(std::span<const FenceAnswer> answers) {
  std::string names;
  for (const FenceAnswer& answer : answers) {
    if (answer.kind != Kind::kSilent) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", answer.server);
  }
  return names;
}

// The longest prefix that anybody still has, when nobody is left who could know more.
SealDecision SealAtLongest(std::span<const FenceAnswer> answers, uint64_t floor) {
  const FenceAnswer* longest = nullptr;
  for (const FenceAnswer& answer : answers) {
    if (answer.kind != Kind::kAnswered) continue;
    if (longest == nullptr || answer.length > longest->length) longest = &answer;
  }
  if (longest == nullptr) return Wait("every replica is lost");
  SealDecision decision = SealAt(*longest);
  decision.lost_tail = true;
  decision.reason =
      fmt::format("sealed at the longest prefix left; {} bytes had been acknowledged", floor);
  return decision;
}

// The CRC that most of the answers at the shortest length agree on; at a tie the one that comes
// first in the chain, since the primary gave the order.
uint32_t AgreedCrc(const std::vector<const FenceAnswer*>& voters, uint64_t length) {
  std::map<uint32_t, int> votes;
  for (const FenceAnswer* voter : voters) {
    if (voter->length == length) ++votes[voter->crc];
  }
  const FenceAnswer* best = nullptr;
  for (const FenceAnswer* voter : voters) {
    if (voter->length != length) continue;
    if (best == nullptr || votes[voter->crc] > votes[best->crc]) best = voter;
  }
  return best->crc;
}

}  // namespace

SealDecision PlanSeal(std::span<const FenceAnswer> answers, uint64_t acked_offset) {
  uint64_t floor = acked_offset;
  for (const FenceAnswer& answer : answers) {
    if (answer.kind == Kind::kAnswered) floor = std::max(floor, answer.committed);
  }
  std::vector<const FenceAnswer*> voters;
  std::vector<ServerId> corrupt;
  for (const FenceAnswer& answer : answers) {
    if (answer.kind != Kind::kAnswered || answer.suspect) continue;
    if (answer.length < floor) {
      corrupt.push_back(answer.server);
    } else {
      voters.push_back(&answer);
    }
  }
  const std::string silent = SilentServers(answers);
  if (voters.empty()) {
    if (!silent.empty()) {
      return Wait(fmt::format("no replica can vouch for the {} bytes acknowledged; waiting for {}",
                              floor, silent));
    }
    return SealAtLongest(answers, floor);
  }
  const uint64_t length = (*std::min_element(voters.begin(), voters.end(), [](auto* a, auto* b) {
                            return a->length < b->length;
                          }))->length;
  const uint32_t crc = AgreedCrc(voters, length);
  SealDecision decision;
  for (const FenceAnswer* voter : voters) {
    if (voter->length != length) continue;
    if (voter->crc == crc && !decision.decided) decision = SealAt(*voter);
    if (voter->crc != crc) corrupt.push_back(voter->server);
  }
  decision.corrupt = std::move(corrupt);
  return decision;
}

}  // namespace quern::master
