// Which documents are copies of which: a graph whose edges say "this one is a duplicate of that
// one", and the steps that turn it into stars, one for each set of copies, with the copy that is
// kept in the middle (Kiveris et al. 2014, "Connected Components in MapReduce and Beyond").
//
// An edge travels as a JSON line, {"duplicate": "b", "of": "a"}, with the ranks of the two when
// there are any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quern::corpus {

// A document in such a graph: "0000002a" + "its id". Of two copies the one that is less, as bytes,
// is kept: the one with the lower rank, or of equal ranks with the lesser id.
std::string MakeNode(uint32_t rank, std::string_view id);
std::string_view IdOfNode(std::string_view node);

struct Edge {
  std::string duplicate;
  std::string of;  // less than `duplicate`

  bool operator==(const Edge&) const = default;
};

std::string EdgeLine(const Edge& edge);
// Nothing when the line is none. The greater node becomes the duplicate, whatever the line says.
std::optional<Edge> ReadEdgeLine(std::string_view line);

// Makes a star of nodes that belong together, in bounded memory: beyond the limit it makes several,
// whose middles are joined by an edge. What is connected stays so.
class StarMaker {
 public:
  enum class Step {
    kJoin,   // any set of copies: every node is joined to the least
    kLarge,  // around a node: its greater neighbours are joined to the least of all
    kSmall,  // around a node: it and its lesser neighbours are joined to the least
  };
  using Emit = std::function<void(const Edge&)>;

  StarMaker(Step step, size_t most_nodes) : step_(step), most_nodes_(most_nodes) {}

  // Begins around a node; of kJoin around none.
  void Start(std::string_view centre);
  void Add(std::string_view node, const Emit& emit);
  void Finish(const Emit& emit);

  // Edges made since the beginning that were not there before: 0 in every star of a graph that is
  // finished.
  size_t changed() const { return changed_; }

 private:
  void Flush(const Emit& emit);

  const Step step_;
  const size_t most_nodes_;
  std::string centre_;
  std::vector<std::string> nodes_;
  std::string least_;  // of all flushed before; empty when there are none
  size_t changed_ = 0;
};

}  // namespace quern::corpus
