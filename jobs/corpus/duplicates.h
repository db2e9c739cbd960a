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

#include "jobs/text/json.h"

namespace quern::corpus {

// A document in such a graph: "0000002a" + "its id". Of two copies the one that is less, as bytes,
// is kept: the one with the lower rank, or of equal ranks with the lesser id.
std::string MakeNode(uint32_t rank, std::string_view id);
std::string_view IdOfNode(std::string_view node);

// A rank for a finite number: the lower the less the number is, and never the last one of all. Only
// the first seven digits tell numbers apart, and those beyond +-3.4e38 are equal.
uint32_t RankOfNumber(double number);

struct Edge {
  std::string duplicate;
  std::string of;  // less than `duplicate`

  bool operator==(const Edge&) const = default;
};

// Nothing when the two are the same node. The greater one becomes the duplicate.
std::optional<Edge> MakeEdge(std::string_view a, std::string_view b);

std::string EdgeLine(const Edge& edge);
// What the nodes of an edge are called in its line.
bool IsEdgeField(std::string_view name);
// Nothing when the line is none. The greater node becomes the duplicate, whatever the line says.
std::optional<Edge> ReadEdgeLine(std::string_view line);
// The same of a line that has been read already.
std::optional<Edge> ReadEdge(const std::vector<text::JsonField>& fields);

// Makes a star of nodes that belong together and come in ascending order: the first one is the
// least, so none is ever kept. Nodes that come several times count once.
class StarMaker {
 public:
  enum class Step {
    kJoin,   // any set of copies: every node is joined to the least
    kLarge,  // around a node: its greater neighbours are joined to the least of all
    kSmall,  // around a node: it and its lesser neighbours are joined to the least
  };
  using Emit = std::function<void(const Edge&)>;

  explicit StarMaker(Step step) : step_(step) {}

  // Begins around a node; of kJoin around none.
  void Start(std::string_view centre);
  void Add(std::string_view node, const Emit& emit);

  // Edges that were not there before, of all stars so far: 0 in a graph that is finished.
  size_t changed() const { return changed_; }

 private:
  const Step step_;
  std::string centre_;
  std::optional<std::string> least_;     // nothing: no node came yet
  std::optional<std::string> previous_;  // the node that came last
  size_t changed_ = 0;
};

}  // namespace quern::corpus
