#include "jobs/classic/edge_forest.h"

#include <xxhash.h>

#include <algorithm>

namespace quern::classic {

namespace {
constexpr size_t kFirstSlots = 1'024;
}  // namespace

bool EdgeForest::Join(std::string_view a, std::string_view b) {
  const bool room = nodes_.size() + 2 <= max_nodes_ &&
                    names_.size() + a.size() + b.size() <= max_nodes_ * kNameBytes;
  if (!room) return false;
  const uint32_t id = IdOf(a);
  const uint32_t other_id = IdOf(b);
  if (id == other_id) return true;
  nodes_[id].alone = nodes_[other_id].alone = false;
  const uint32_t root = RootOf(id);
  const uint32_t other = RootOf(other_id);
  if (root == other) return true;
  const bool less = NameOf(root) < NameOf(other);
  nodes_[less ? other : root].parent = less ? root : other;
  return true;
}

uint32_t EdgeForest::IdOf(std::string_view name) {
  if (slots_.size() < 2 * (nodes_.size() + 1)) Grow();
  const auto hash = static_cast<uint32_t>(XXH3_64bits(name.data(), name.size()));
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask) {
    const uint32_t id = slots_[at] - 1;
    if (nodes_[id].hash == hash && NameOf(id) == name) return id;
  }
  const auto id = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({static_cast<uint32_t>(names_.size()), hash, id, true});
  names_ += name;
  slots_[at] = id + 1;
  return id;
}

void EdgeForest::Grow() {
  slots_.assign(std::max(kFirstSlots, 2 * slots_.size()), 0);
  const size_t mask = slots_.size() - 1;
  for (uint32_t id = 0; id < nodes_.size(); ++id) {
    size_t at = nodes_[id].hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = id + 1;
  }
}

void EdgeForest::Clear() {
  names_.clear();
  nodes_.clear();
  std::fill(slots_.begin(), slots_.end(), 0);
}

}  // namespace quern::classic
