// How a chunkserver and the master sum up the same inventory: 1024 buckets of replicas, each with
// the XOR of one hash per replica. Equal digests mean equal inventories without listing them; a
// change costs two XORs. Both sides must compute exactly this, so it is here.
#pragma once

#include <array>
#include <cstdint>

#include "common/ids.h"

namespace quern {

inline constexpr uint32_t kInventoryBuckets = 1024;

using InventoryDigests = std::array<uint64_t, kInventoryBuckets>;

// The finalizer of SplitMix64: a bijection in which every bit of `x` changes half of the result.
constexpr uint64_t MixBits(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

constexpr uint32_t InventoryBucket(ChunkId chunk) {
  return static_cast<uint32_t>(MixBits(chunk.value()) % kInventoryBuckets);
}

// What one replica adds to its bucket. `state` is the number of dfs.v1.ReplicaState. The length and
// CRC32C of an OPEN replica (state 1) change with every append and do not count.
constexpr uint64_t InventoryHash(ChunkId chunk, uint32_t state, uint64_t length, uint32_t crc) {
  if (state == 1) length = crc = 0;
  uint64_t hash = MixBits(chunk.value());
  hash = MixBits(hash ^ state);
  hash = MixBits(hash ^ length);
  return MixBits(hash ^ crc);
}

}  // namespace quern
