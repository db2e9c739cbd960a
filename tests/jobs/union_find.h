// Connected components in memory, one edge after another: what the pipeline is held to.
#pragma once

#include <algorithm>
#include <map>
#include <string>

namespace quern::mr {

using Components = std::map<std::string, std::string>;  // node -> least member

// By the names themselves, in memory.
class UnionFind {
 public:
  void Join(const std::string& a, const std::string& b) {
    const std::string left = Find(a);
    const std::string right = Find(b);
    parent_[std::max(left, right)] = std::min(left, right);
  }
  Components All() {
    Components all;
    for (const auto& [node, parent] : Components(parent_)) all[node] = Find(node);
    return all;
  }

 private:
  std::string Find(const std::string& node) {
    std::string at = node;
    while (parent_.emplace(at, at).first->second != at) at = parent_[at];
    parent_[node] = at;
    return at;
  }
  Components parent_;
};

}  // namespace quern::mr
