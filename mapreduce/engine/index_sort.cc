#include "mapreduce/engine/index_sort.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "mapreduce/api/emit_buffer.h"

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

// By partition and prefix, keeping the order of equal ones.
std::span<IndexEntry> RadixSort(std::span<IndexEntry> entries, std::span<IndexEntry> scratch) {
  std::vector<Histogram> counts = CountDigits(entries);
  for (size_t digit = 0; digit < kDigits; ++digit) {
    if (!CountsToPositions(&counts[digit], entries.size())) continue;
    Scatter(entries, scratch.data(), &counts[digit],
            [digit](const IndexEntry& entry) { return PrefixDigit(entry.prefix, digit); });
    std::swap(entries, scratch);
  }
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

// Orders entries of one partition and prefix by the rest of their keys.
void SortEqualPrefixes(std::span<IndexEntry> group, const char* arena) {
  const uint32_t size = group.front().key_size;
  const bool equal_keys = size <= 8 && std::all_of(group.begin(), group.end(), [=](const auto& e) {
                            return e.key_size == size;
                          });
  if (equal_keys) return;  // as they were emitted
  const auto less = [arena](const IndexEntry& a, const IndexEntry& b) {
    const int order = KeyOf(a, arena).compare(KeyOf(b, arena));
    return order != 0 ? order < 0 : a.offset < b.offset;
  };
  if (!std::is_sorted(group.begin(), group.end(), less)) {
    std::sort(group.begin(), group.end(), less);
  }
}

bool SamePrefix(const IndexEntry& a, const IndexEntry& b) {
  return a.prefix == b.prefix && a.partition == b.partition;
}

}  // namespace

std::span<IndexEntry> SortIndex(std::span<IndexEntry> entries, std::span<IndexEntry> scratch,
                                const char* arena) {
  scratch = scratch.first(entries.size());
  if (entries.size() < kSmall) {
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return a.partition != b.partition ? a.partition < b.partition : a.prefix < b.prefix;
    });
  } else {
    entries = RadixSort(entries, scratch);
  }
  for (size_t begin = 0; begin < entries.size();) {
    size_t end = begin + 1;
    while (end < entries.size() && SamePrefix(entries[begin], entries[end])) ++end;
    if (end - begin > 1) SortEqualPrefixes(entries.subspan(begin, end - begin), arena);
    begin = end;
  }
  return entries;
}

}  // namespace quern::mr
