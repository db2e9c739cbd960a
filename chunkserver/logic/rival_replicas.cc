#include "chunkserver/logic/rival_replicas.h"

#include <tuple>

namespace quern::chunkserver {
namespace {

using enum ReplicaState;

bool IsLost(const Rival& rival) { return rival.disk_failed || rival.state == kRemoved; }

bool CanBeSealed(const Rival& rival) {
  return !rival.sealed && !rival.damaged &&
         (rival.state == kOpen || rival.state == kFenced || rival.state == kQuarantined);
}

// Of two that nothing else is known of. Of two alike the one whose disk answers is worth more.
using Worth = std::tuple<int, uint64_t, bool>;
Worth WorthOf(const Rival& rival) {
  if (IsLost(rival)) return {0, 0, false};
  int rank = rival.damaged ? 1 : 2;
  if (rival.state == kOpen || rival.state == kFenced) rank = 3;
  if (rival.state == kFinalized) rank = 4;
  return {rank, rival.holds.length, rival.disk_answers};
}

// Of what a master has not judged, or does not know of.
uint64_t JudgedAt(const Rival& rival) { return rival.state == kFinalized ? rival.judged : 0; }

const Refusal* RefusalOf(const Rival& rival) {
  return rival.state == kStale && rival.refused.has_value() ? &*rival.refused : nullptr;
}

// A master has refused the other one for what this one is.
bool IsMeantBy(const Rival& one, const Refusal* refused) {
  return refused != nullptr && one.state == kFinalized && one.holds == refused->wanted;
}

// No chunk is sealed twice: two histories have given out its id, and both may have their only copy
// here.
std::partial_ordering CompareSealed(const Rival& one, const Rival& other) {
  if (IsMeantBy(one, RefusalOf(other))) return std::partial_ordering::greater;
  if (IsMeantBy(other, RefusalOf(one))) return std::partial_ordering::less;
  const uint64_t judged[] = {JudgedAt(one), JudgedAt(other)};
  if (judged[0] == judged[1]) return std::partial_ordering::unordered;
  return judged[0] <=> judged[1];
}

// What was sealed may be the last good copy although it is not served at present, and so may what
// can still be sealed. A FINALIZED one outlives what missed its seal, but not what was made for a
// chunk that was given out later, or by another history.
bool MayBothBeNeeded(const Rival& sealed, const Rival& unsealed) {
  if (sealed.state != kFinalized) return true;
  if (sealed.judged > 0) return false;
  return CanBeSealed(unsealed) &&
         (unsealed.made_now || unsealed.create_token != sealed.create_token);
}

// A master that refused `other` later than `one`, if that at all, may want this one.
bool MayBeWantedInstead(const Rival& one, const Rival& other) {
  const Refusal* const last = RefusalOf(other);
  if (last == nullptr) return false;
  const Refusal* const before = RefusalOf(one);
  if (before != nullptr && before->when >= last->when) return false;
  if (one.sealed) return one.holds == last->wanted;
  return one.state == kStale && (before == nullptr || before->wanted != last->wanted);
}

}  // namespace

std::partial_ordering CompareRivals(const Rival& one, const Rival& other) {
  if (!IsLost(one) && !IsLost(other)) {
    if (one.sealed && other.sealed && one.holds != other.holds) return CompareSealed(one, other);
    const bool both_needed =
        one.sealed == other.sealed
            ? !one.sealed && one.create_token != other.create_token
            : MayBothBeNeeded(one.sealed ? one : other, one.sealed ? other : one);
    if (both_needed) return std::partial_ordering::unordered;
  }
  return WorthOf(one) <=> WorthOf(other);
}

bool GoesFirst(const Rival& one, const Rival& other) {
  const bool can_be_sealed[] = {CanBeSealed(one), CanBeSealed(other)};
  if (can_be_sealed[0] && can_be_sealed[1]) {
    const auto order = [](const Rival& rival) {
      return std::tuple(rival.made_now, rival.state != kQuarantined);
    };
    return order(one) > order(other);
  }
  if (can_be_sealed[1]) return false;
  // A damaged one of the same chunk has all that was sealed, once it is found good again.
  if (can_be_sealed[0]) {
    return !other.damaged || one.made_now || one.create_token != other.create_token;
  }
  if (MayBeWantedInstead(one, other)) return true;
  if (one.state == kFinalized) return other.state == kStale || other.damaged;
  return one.state == kQuarantined && !one.damaged && other.state == kCorrupt;
}

}  // namespace quern::chunkserver
