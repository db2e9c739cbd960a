#include "master/logic/seal_planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

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

// The longest prefix that anybody still has, when nobody is left who could know more. Whether
// something is missing then is certain only by the word of the writer.
SealDecision SealAtLongest(std::span<const FenceAnswer> answers, uint64_t floor,
                           bool writer_has_spoken) {
  const FenceAnswer* longest = nullptr;
  for (const FenceAnswer& answer : answers) {
    if (answer.kind != Kind::kAnswered) continue;
    if (longest == nullptr || answer.length > longest->length) longest = &answer;
  }
  if (longest == nullptr) {
    // An empty replica of a small file may be forgotten by a power cut. The writer, to whom nothing
    // was acknowledged, sends all of it to the next chunk.
    if (!writer_has_spoken || floor > 0) return Wait("every replica is lost");
    SealDecision empty;
    empty.decided = true;
    return empty;
  }
  SealDecision decision = SealAt(*longest);
  decision.lost_tail = !writer_has_spoken || longest->length < floor;
  decision.reason =
      fmt::format("sealed at the longest prefix left; {} bytes had been acknowledged", floor);
  return decision;
}

using Voters = std::vector<const FenceAnswer*>;

uint64_t ShortestOf(const Voters& voters) {
  return (*std::ranges::min_element(voters, {}, &FenceAnswer::length))->length;
}

// What a voter has up to `length`, as far as it has told.
std::optional<uint32_t> CrcAt(const FenceAnswer& voter, uint64_t length) {
  if (voter.length == length) return voter.crc;
  if (length == 0) return 0;
  const auto told = voter.prefix_crcs.find(length);
  return told != voter.prefix_crcs.end() ? told->second : std::nullopt;
}

// Was this voter asked for its prefix, or need not be?
bool HasSpoken(const FenceAnswer& voter, uint64_t length) {
  return voter.length == length || length == 0 || voter.prefix_crcs.contains(length);
}

// The CRC that most agree on at this length; at a tie the one that comes first in the chain, since
// the primary gave the order.
uint32_t AgreedCrc(const Voters& voters, uint64_t length) {
  std::map<uint32_t, int> votes;
  for (const FenceAnswer* voter : voters) {
    if (const auto crc = CrcAt(*voter, length)) ++votes[*crc];
  }
  std::optional<uint32_t> best;
  for (const FenceAnswer* voter : voters) {
    const auto crc = CrcAt(*voter, length);
    if (crc.has_value() && (!best.has_value() || votes[*crc] > votes[*best])) best = crc;
  }
  return *best;  // the shortest one has told
}

// All of these may vote. A shortest one that is outvoted has no part in it, and the rest decides.
SealDecision PlanAmong(Voters voters, std::vector<ServerId> corrupt) {
  while (true) {
    const uint64_t length = ShortestOf(voters);
    for (const FenceAnswer* voter : voters) {
      if (HasSpoken(*voter, length)) continue;
      SealDecision ask = Wait(fmt::format("what they have up to {} is not known", length));
      ask.ask_prefix = length;
      return ask;
    }
    const uint32_t crc = AgreedCrc(voters, length);
    const FenceAnswer* exact = nullptr;
    Voters agreeing;
    for (const FenceAnswer* voter : voters) {
      if (CrcAt(*voter, length).value_or(crc) != crc) {
        corrupt.push_back(voter->server);
        continue;
      }
      agreeing.push_back(voter);
      if (voter->length == length && exact == nullptr) exact = voter;
    }
    if (exact != nullptr) {
      SealDecision decision = SealAt(*exact);
      decision.corrupt = std::move(corrupt);
      return decision;
    }
    voters = std::move(agreeing);
  }
}

}  // namespace

SealDecision PlanSeal(std::span<const FenceAnswer> answers, std::optional<uint64_t> acked_offset) {
  uint64_t floor = acked_offset.value_or(0);
  for (const FenceAnswer& answer : answers) {
    if (answer.kind == Kind::kAnswered) floor = std::max(floor, answer.committed);
  }
  Voters voters;
  std::vector<ServerId> corrupt;
  for (const FenceAnswer& answer : answers) {
    if (answer.kind != Kind::kAnswered || answer.suspect) continue;
    if (answer.length < floor) {
      corrupt.push_back(answer.server);
    } else {
      voters.push_back(&answer);
    }
  }
  if (!voters.empty()) return PlanAmong(std::move(voters), std::move(corrupt));
  if (const std::string silent = SilentServers(answers); !silent.empty()) {
    return Wait(fmt::format("no replica can vouch for the {} bytes acknowledged; waiting for {}",
                            floor, silent));
  }
  return SealAtLongest(answers, floor, acked_offset.has_value());
}

}  // namespace quern::master
