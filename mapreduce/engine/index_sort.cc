#include "mapreduce/engine/index_sort.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "mapreduce/engine/emit_buffer.h"
#include "mapreduce/engine/key_prefix.h"

namespace quern::mr {

namespace {

constexpr int kDigitBits = 11;
constexpr size_t kDigits = 6;  // of the prefix
constexpr size_t kBuckets = 1 << kDigitBits;
// Below this, clearing the histograms costs more than comparing.
constexpr size_t kSmall = 1000;

using Histogram = std::array<uint32_t, kBuckets>;

std::string_view KeyOf(const IndexEntry& entry, const char* arena) {
  uint32_t size = 0;
  std::memcpy(&size, arena + entry.offset, sizeof(size));
  return {arena + entry.offset + EmitBuffer::kRecordHeaderBytes, size};
}

// Turns counts into the position of each bucket's first entry. False when all are in one bucket.
template <typename Counts>
bool CountsToPositions(Counts* counts, size_t total) {
  uint32_t position = 0;
  for (uint32_t& count : *counts) {
    if (count == total) return false;
    position += std::exchange(count, position);
  }
  return true;
}

template <typename Counts, typename Digit>
void Scatter(std::span<const IndexEntry> from, IndexEntry* to, Counts* positions, Digit digit) {
  for (const IndexEntry& entry : from) to[(*positions)[digit(entry)]++] = entry;
}

uint32_t PrefixDigit(uint64_t prefix, size_t digit) {
  return static_cast<uint32_t>(prefix >> (digit * kDigitBits)) & (kBuckets - 1);
}

std::vector<Histogram> CountDigits(std::span<const IndexEntry> entries) {
  std::vector<Histogram> counts(kDigits, Histogram{});
  for (const IndexEntry& entry : entries) {
    for (size_t digit = 0; digit < kDigits; ++digit) {
      ++counts[digit][PrefixDigit(entry.prefix, digit)];
    }
  }
  return counts;
}

// By prefix, keeping the order of equal ones. The result lies in one of the two.
std::span<IndexEntry> RadixSort(std::span<IndexEntry> entries, std::span<IndexEntry> scratch) {
  std::vector<Histogram> counts = CountDigits(entries);
  for (size_t digit = 0; digit < kDigits; ++digit) {
    if (!CountsToPositions(&counts[digit], entries.size())) continue;
    Scatter(entries, scratch.data(), &counts[digit],
            [digit](const IndexEntry& entry) { return PrefixDigit(entry.prefix, digit); });
    std::swap(entries, scratch);
  }
  return entries;
}

// Keeps the order of entries of one partition.
std::span<IndexEntry> SortByPartition(std::span<IndexEntry> entries,
                                      std::span<IndexEntry> scratch) {
  uint32_t partitions = 0;
  for (const IndexEntry& entry : entries)
    partitions = std::max<uint32_t>(partitions, entry.partition);
  std::vector<uint32_t> sizes(partitions + 1);
  for (const IndexEntry& entry : entries) ++sizes[entry.partition];
  if (CountsToPositions(&sizes, entries.size())) {
    Scatter(entries, scratch.data(), &sizes,
            [](const IndexEntry& entry) { return entry.partition; });
    std::swap(entries, scratch);
  }
  return entries;
}

// Sorts what the prefixes leave undecided. All keys of a call share their first `depth` bytes,
// which the prefixes that were looked at have behind them.
class RestOfKeys {
 public:
  explicit RestOfKeys(const char* arena) : arena_(arena) {}

  // Every run of equal prefixes in `entries`; `scratch` is as long.
  void SortRuns(std::span<IndexEntry> entries, std::span<IndexEntry> scratch, size_t depth) {
    for (size_t begin = 0; begin < entries.size();) {
      size_t end = begin + 1;
      while (end < entries.size() && SamePrefix(entries[begin], entries[end])) ++end;
      const size_t size = end - begin;
      if (size > 1) SortRun(entries.subspan(begin, size), scratch.subspan(begin, size), depth);
      begin = end;
    }
  }

 private:
  static bool SamePrefix(const IndexEntry& a, const IndexEntry& b) {
    return a.prefix == b.prefix && a.partition == b.partition;
  }
  std::string_view KeyOf(const IndexEntry& entry) const { return quern::mr::KeyOf(entry, arena_); }
  // The keys of a run lie all over the arena: their cache misses overlap.
  void PrefetchAhead(std::span<const IndexEntry> run, size_t at, size_t depth) const {
    constexpr size_t kAhead = 16;
    if (at + kAhead >= run.size()) return;
    const char* const record = arena_ + run[at + kAhead].offset;
    __builtin_prefetch(record);
    __builtin_prefetch(record + EmitBuffer::kRecordHeaderBytes + depth);
  }

  // Entries come in the order of the emits and agree in partition and prefix.
  void SortRun(std::span<IndexEntry> run, std::span<IndexEntry> scratch, size_t depth) {
    const uint32_t size = run.front().key_size;
    const bool equal_keys =
        size < 255 && size <= depth + 8 &&
        std::all_of(run.begin(), run.end(), [=](const auto& e) { return e.key_size == size; });
    if (equal_keys) return;
    constexpr size_t kFew = 16;
    if (run.size() <= kFew) return Compare(run, depth);
    const size_t ended = MoveEndedFirst(run, scratch, depth + 8);
    run = run.subspan(ended);
    if (run.size() > 1) SortLonger(run, scratch.subspan(ended), depth + 8);
  }

  void Compare(std::span<IndexEntry> run, size_t depth) const {
    std::sort(run.begin(), run.end(), [this, depth](const IndexEntry& a, const IndexEntry& b) {
      const int order = KeyOf(a)
                            .substr(std::min(depth, KeyOf(a).size()))
                            .compare(KeyOf(b).substr(std::min(depth, KeyOf(b).size())));
      return order != 0 ? order < 0 : a.offset < b.offset;
    });
  }

  // Keys that end within the prefix are the start of every longer one: they come first, shorter
  // ones before those that go on with zeros. Returns how many they are.
  size_t MoveEndedFirst(std::span<IndexEntry> run, std::span<IndexEntry> scratch,
                        size_t end) const {
    size_t ended = 0;
    size_t longer = 0;
    for (size_t i = 0; i < run.size(); ++i) {
      PrefetchAhead(run, i, end);
      if (KeyOf(run[i]).size() <= end) {
        run[ended++] = run[i];
      } else {
        scratch[longer++] = run[i];
      }
    }
    std::copy_n(scratch.begin(), longer, run.begin() + static_cast<std::ptrdiff_t>(ended));
    std::sort(run.begin(), run.begin() + static_cast<std::ptrdiff_t>(ended),
              [this](const IndexEntry& a, const IndexEntry& b) {
                const size_t left = KeyOf(a).size();
                const size_t right = KeyOf(b).size();
                return left != right ? left < right : a.offset < b.offset;
              });
    return ended;
  }

  // Keys longer than `depth`: by new prefixes, taken where the first of them differ.
  void SortLonger(std::span<IndexEntry> run, std::span<IndexEntry> scratch, size_t depth) {
    const std::string_view first = KeyOf(run.front());
    size_t common = first.size();
    bool equal = true;
    for (size_t i = 1; i < run.size() && (equal || common > depth); ++i) {
      PrefetchAhead(run, i, depth);
      const std::string_view key = KeyOf(run[i]);
      equal = equal && key.size() == first.size();
      common = CommonStart(first.substr(0, common), key, depth);
    }
    if (equal && common == first.size()) return;
    for (size_t i = 0; i < run.size(); ++i) {
      PrefetchAhead(run, i, common);
      run[i].prefix = KeyPrefix(KeyOf(run[i]).substr(common));
    }
    SortByPrefix(run, scratch);
    SortRuns(run, scratch, common);
  }

  void SortByPrefix(std::span<IndexEntry> run, std::span<IndexEntry> scratch) const {
    if (run.size() < kSmall) {
      std::sort(run.begin(), run.end(), [](const IndexEntry& a, const IndexEntry& b) {
        return a.prefix != b.prefix ? a.prefix < b.prefix : a.offset < b.offset;
      });
      return;
    }
    const std::span<IndexEntry> sorted = RadixSort(run, scratch);
    if (sorted.data() != run.data()) std::copy(sorted.begin(), sorted.end(), run.begin());
  }

  const char* const arena_;
};

}  // namespace

size_t CommonStart(std::string_view a, std::string_view b, size_t known) {
  const size_t most = std::min(a.size(), b.size());
  size_t at = known;
  for (; at + 8 <= most; at += 8) {
    uint64_t left;
    uint64_t right;
    std::memcpy(&left, a.data() + at, 8);
    std::memcpy(&right, b.data() + at, 8);
    if (left != right) return at + static_cast<size_t>(std::countr_zero(left ^ right)) / 8;
  }
  while (at < most && a[at] == b[at]) ++at;
  return at;
}

std::span<IndexEntry> SortIndex(std::span<IndexEntry> entries, std::span<IndexEntry> scratch,
                                const char* arena, size_t depth) {
  scratch = scratch.first(entries.size());
  if (entries.size() < kSmall) {
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return a.partition != b.partition ? a.partition < b.partition : a.prefix < b.prefix;
    });
  } else {
    std::span<IndexEntry> sorted = RadixSort(entries, scratch);
    sorted = SortByPartition(sorted, sorted.data() == entries.data() ? scratch : entries);
    if (sorted.data() == scratch.data()) scratch = entries;
    entries = sorted;
  }
  RestOfKeys(arena).SortRuns(entries, scratch, depth);
  return entries;
}

}  // namespace quern::mr
