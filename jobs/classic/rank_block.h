// Blocks: the form in which the graph of pagerank travels from round to round.
//
// Nodes are numbered once: a node is a block and a place in it. A block holds up to kMaxBlockNodes
// nodes, their ranks, and all their links, arranged by the block that they lead to, so that what a
// block gives another one is one record, whatever the names and however many the links.
//
//   block     'B', nodes u32, rank i64 of each (kNoRank before the first round), degree u32 of
//             each; then for each block that they link to, in order: block u64, targets u32, links
//             u32, target u16 each, its links - 1 u16 each, source u16 of each link
//   shares    'S', targets u32, target u16 each, what it gets i64 each
//   names     'N', nodes u32, and of each node length u32 and bytes
//   links     'L', and of each link source u16, block u64, target u16
//
// Numbers are little-endian. What is read is checked: std::invalid_argument for what is no such
// record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace quern::classic {

// Where a block begins and ends depends on its nodes alone.
inline constexpr size_t kMaxBlockNodes = 65'536;
inline constexpr size_t kMaxBlockLinks = 2'000'000;  // one node may have more
inline constexpr size_t kMaxBlockNameBytes = size_t{4} << 20;

inline constexpr int64_t kNoRank = -1;

enum class RankRecord : char { kBlock = 'B', kShares = 'S', kNames = 'N', kLinks = 'L' };

// Of blocks that one task numbers: those of nodes with links, and those of nodes without.
struct BlockNumber {
  uint32_t task = 0;
  bool has_links = false;
  uint32_t number = 0;

  uint64_t Packed() const {
    return uint64_t{task} << 33 | uint64_t{has_links} << 32 | uint64_t{number};
  }
};
// As a key.
std::string BlockKey(uint64_t block);
uint64_t BlockOfKey(std::string_view key);
// Which of `partitions` tasks sees to a block: the tasks that have numbered get as many each.
inline uint32_t TaskOfBlock(uint64_t block, uint32_t partitions) {
  return static_cast<uint32_t>((block >> 33) % partitions);
}

template <typename T>
void AppendNumber(T number, std::string* out) {
  out->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// Takes numbers off the front of a record.
class NumberReader {
 public:
  explicit NumberReader(std::string_view bytes) : bytes_(bytes) {}

  bool AtEnd() const { return bytes_.empty(); }
  std::string_view Bytes(uint64_t count) {
    if (count > bytes_.size()) throw std::invalid_argument("a record of a graph ends too early");
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  template <typename T>
  T Number() {
    T number;
    std::memcpy(&number, Bytes(sizeof(number)).data(), sizeof(number));
    return number;
  }
  // So many numbers, of any alignment.
  template <typename T>
  std::string_view Array(uint64_t count) {
    return Bytes(count * sizeof(T));
  }

 private:
  std::string_view bytes_;
};
template <typename T>
T NumberAt(std::string_view array, size_t i) {
  T number;
  std::memcpy(&number, array.data() + i * sizeof(number), sizeof(number));
  return number;
}

RankRecord KindOf(std::string_view record);

// Of a link whose source lies in a block that is known.
struct BlockLink {
  uint64_t block = 0;  // of the target
  uint16_t target = 0;
  uint16_t source = 0;

  auto operator<=>(const BlockLink&) const = default;
};
void AppendLink(const BlockLink& link, std::string* out);
void ReadLinks(std::string_view record, std::vector<BlockLink>* links);

// Gathers the links of a block out of records, in which one may come any number of times.
class LinkGatherer {
 public:
  static constexpr size_t kLeastHeld = 500'000;

  void Add(std::string_view record);
  // No more than kLeastHeld, or than twice as many as there are different ones, and one record.
  size_t held() const { return links_.size(); }
  // All of them, some perhaps several times. The gatherer starts anew.
  std::vector<BlockLink> Take();

 private:
  std::vector<BlockLink> links_;
  size_t sort_at_ = kLeastHeld;
};

// A block without ranks. Sorts the links and leaves each once.
std::string MakeBlock(uint32_t nodes, std::vector<BlockLink>* links);

// What a node with this rank gives to each of its targets.
inline int64_t ShareOf(int64_t rank, uint32_t degree) { return degree == 0 ? 0 : rank / degree; }

// A block as it stands in a record, which it borrows.
class BlockView {
 public:
  explicit BlockView(std::string_view record);

  uint32_t nodes() const { return nodes_; }
  int64_t rank(size_t node) const { return NumberAt<int64_t>(ranks_, node); }
  uint32_t degree(size_t node) const { return NumberAt<uint32_t>(degrees_, node); }

  // For each block that this one links to: a record of shares, which lives as long as the call.
  // Nodes without a rank have `first_rank`.
  void EmitShares(int64_t first_rank,
                  const std::function<void(uint64_t block, std::string_view shares)>& emit) const;

 private:
  uint32_t nodes_ = 0;
  std::string_view ranks_;
  std::string_view degrees_;
  std::string_view links_;
};
// In a record that holds a block.
void SetRank(size_t node, int64_t rank, std::string* block);

// Adds what the nodes get to their sums; there may be more sums than the block has nodes.
void AddShares(std::string_view record, std::span<int64_t> sums);

}  // namespace quern::classic
