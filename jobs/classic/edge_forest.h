// Which nodes hang together by the edges so far: union-find over names (Tarjan 1975), with a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quern::classic {

// Each tree stands for the nodes that hang together, its root is the least of them, as bytes. A
// node takes 24 to 32 bytes and its name.
class EdgeForest {
 public:
  // For so many nodes at most, and names of kNameBytes for each of them.
  static constexpr size_t kNameBytes = 16;
  static constexpr size_t kMaxNodes = size_t{1} << 27;
  explicit EdgeForest(size_t max_nodes) : max_nodes_(max_nodes) {}

  // Both are nodes, which hang together. False, and neither is taken in, when there may be no room.
  bool Join(std::string_view a, std::string_view b);

  // In the order in which the nodes came: edge(node, least) for each that is not the least of its
  // tree, alone(node) for each that is a tree.
  template <typename OnEdge, typename OnAlone>
  void ForEach(const OnEdge& edge, const OnAlone& alone) {
    for (uint32_t id = 0; id < nodes_.size(); ++id) {
      const uint32_t root = RootOf(id);
      if (root != id) {
        edge(NameOf(id), NameOf(root));
      } else if (nodes_[id].alone) {
        alone(NameOf(id));
      }
    }
  }

  // The memory is kept.
  void Clear();

 private:
  struct Node {
    uint32_t name;  // where it begins; it ends where the next one does
    uint32_t hash;
    uint32_t parent;
    bool alone;  // no edge to another node so far
  };

  std::string_view NameOf(uint32_t id) const {
    const size_t begin = nodes_[id].name;
    const size_t end = id + 1 < nodes_.size() ? nodes_[id + 1].name : names_.size();
    return std::string_view(names_).substr(begin, end - begin);
  }
  uint32_t RootOf(uint32_t id) {
    while (nodes_[id].parent != id) {
      nodes_[id].parent = nodes_[nodes_[id].parent].parent;  // halves the way for the next one
      id = nodes_[id].parent;
    }
    return id;
  }
  uint32_t IdOf(std::string_view name);
  void Grow();

  const size_t max_nodes_;
  std::string names_;
  std::vector<Node> nodes_;
  std::vector<uint32_t> slots_;  // open addressing: ids + 1, 0 where none is; half are empty
};

}  // namespace quern::classic
