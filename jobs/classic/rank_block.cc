#include "jobs/classic/rank_block.h"

#include <algorithm>
#include <utility>

namespace quern::classic {
namespace {

constexpr size_t kHeadBytes = 1 + sizeof(uint32_t);

std::string Begin(RankRecord kind) { return std::string(1, static_cast<char>(kind)); }

// Behind the byte that says what it is.
NumberReader Open(std::string_view record, RankRecord kind) {
  if (KindOf(record) != kind) throw std::invalid_argument("a record of a graph of another kind");
  return NumberReader(record.substr(1));
}

void SortLinks(std::vector<BlockLink>* links) {
  std::sort(links->begin(), links->end());
  links->erase(std::unique(links->begin(), links->end()), links->end());
}

// The links to one block, which is [begin, end): targets, how many links each has, sources.
void AppendGroup(std::span<const BlockLink> links, std::string* out) {
  std::string targets;
  std::string counts;
  std::string sources;
  for (size_t i = 0; i < links.size();) {
    size_t end = i;
    for (; end < links.size() && links[end].target == links[i].target; ++end) {
      AppendNumber(links[end].source, &sources);
    }
    AppendNumber(links[i].target, &targets);
    AppendNumber(static_cast<uint16_t>(end - i - 1), &counts);
    i = end;
  }
  AppendNumber(links[0].block, out);
  AppendNumber(static_cast<uint32_t>(targets.size() / sizeof(uint16_t)), out);
  AppendNumber(static_cast<uint32_t>(links.size()), out);
  *out += targets + counts + sources;
}

}  // namespace

std::string BlockKey(uint64_t block) {
  std::string key;
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(block >> shift);
  return key;
}

uint64_t BlockOfKey(std::string_view key) {
  if (key.size() != sizeof(uint64_t)) throw std::invalid_argument("no key of a block");
  uint64_t block = 0;
  for (const char c : key) block = block << 8 | static_cast<uint8_t>(c);
  return block;
}

RankRecord KindOf(std::string_view record) {
  if (record.empty()) throw std::invalid_argument("an empty record of a graph");
  return static_cast<RankRecord>(record[0]);
}

void AppendLink(const BlockLink& link, std::string* out) {
  if (out->empty()) *out = Begin(RankRecord::kLinks);
  AppendNumber(link.source, out);
  AppendNumber(link.block, out);
  AppendNumber(link.target, out);
}

void ReadLinks(std::string_view record, std::vector<BlockLink>* links) {
  NumberReader in = Open(record, RankRecord::kLinks);
  while (!in.AtEnd()) {
    BlockLink& link = links->emplace_back();
    link.source = in.Number<uint16_t>();
    link.block = in.Number<uint64_t>();
    link.target = in.Number<uint16_t>();
  }
}

void LinkGatherer::Add(std::string_view record) {
  ReadLinks(record, &links_);
  if (links_.size() < sort_at_) return;
  SortLinks(&links_);
  sort_at_ = std::max(kLeastHeld, 2 * links_.size());
}

std::vector<BlockLink> LinkGatherer::Take() {
  sort_at_ = kLeastHeld;
  return std::exchange(links_, {});
}

std::string MakeBlock(uint32_t nodes, std::vector<BlockLink>* links) {
  SortLinks(links);
  std::vector<uint32_t> degrees(nodes);
  for (const BlockLink& link : *links) ++degrees.at(link.source);
  std::string block = Begin(RankRecord::kBlock);
  AppendNumber(nodes, &block);
  for (uint32_t i = 0; i < nodes; ++i) AppendNumber(kNoRank, &block);
  for (const uint32_t degree : degrees) AppendNumber(degree, &block);
  for (auto begin = links->begin(); begin != links->end();) {
    const auto end = std::find_if(
        begin, links->end(), [&](const BlockLink& link) { return link.block != begin->block; });
    AppendGroup({begin, end}, &block);
    begin = end;
  }
  return block;
}

BlockView::BlockView(std::string_view record) {
  NumberReader in = Open(record, RankRecord::kBlock);
  nodes_ = in.Number<uint32_t>();
  if (nodes_ > kMaxBlockNodes) throw std::invalid_argument("a block with too many nodes");
  ranks_ = in.Array<int64_t>(nodes_);
  degrees_ = in.Array<uint32_t>(nodes_);
  links_ = record.substr(kHeadBytes + ranks_.size() + degrees_.size());
}

void BlockView::EmitShares(int64_t first_rank,
                           const std::function<void(uint64_t, std::string_view)>& emit) const {
  std::vector<int64_t> shares(kMaxBlockNodes);  // a source that is not there gives nothing
  for (size_t i = 0; i < nodes_; ++i) {
    shares[i] = ShareOf(rank(i) == kNoRank ? first_rank : rank(i), degree(i));
  }
  std::string message;
  for (NumberReader in(links_); !in.AtEnd();) {
    const auto block = in.Number<uint64_t>();
    const auto targets = in.Number<uint32_t>();
    const auto links = in.Number<uint32_t>();
    const std::string_view target = in.Array<uint16_t>(targets);
    const std::string_view counts = in.Array<uint16_t>(targets);
    const std::string_view sources = in.Array<uint16_t>(links);
    message = Begin(RankRecord::kShares);
    AppendNumber(targets, &message);
    message += target;
    size_t at = message.size();
    message.resize(at + targets * sizeof(int64_t));
    size_t link = 0;
    for (size_t i = 0; i < targets; ++i, at += sizeof(int64_t)) {
      const size_t end = link + NumberAt<uint16_t>(counts, i) + size_t{1};
      if (end > links) throw std::invalid_argument("a block with too few links");
      int64_t sum = 0;
      for (; link < end; ++link) sum += shares[NumberAt<uint16_t>(sources, link)];
      std::memcpy(&message[at], &sum, sizeof(sum));
    }
    emit(block, message);
  }
}

void SetRank(size_t node, int64_t rank, std::string* block) {
  std::memcpy(block->data() + kHeadBytes + node * sizeof(rank), &rank, sizeof(rank));
}

void AddShares(std::string_view record, std::span<int64_t> sums) {
  NumberReader in = Open(record, RankRecord::kShares);
  const auto count = in.Number<uint32_t>();
  const std::string_view targets = in.Array<uint16_t>(count);
  const std::string_view shares = in.Array<int64_t>(count);
  for (size_t i = 0; i < count; ++i) {
    const size_t target = NumberAt<uint16_t>(targets, i);
    if (target >= sums.size()) throw std::invalid_argument("shares of a node that is not there");
    sums[target] += NumberAt<int64_t>(shares, i);
  }
}

}  // namespace quern::classic
