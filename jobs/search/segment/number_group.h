// Up to 128 numbers in few bytes: most of them in a common width, those that are wider than it with
// their upper bits apart (patched frame of reference; Zukowski et al., "Super-Scalar RAM-CPU Cache
// Compression", 2006).
//
//   up to 3 numbers   varints
//   more              width (5 bits, low) and number of exceptions (3 bits; 7: in the next byte)
//                     the low bits of all: 128 as bit_packing.h says, fewer one behind the other
//                     exceptions: index (1 byte), upper bits (varint)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "jobs/search/segment/varint.h"

namespace quern::search {

inline constexpr size_t kMaxGroup = 128;

// `count` <= kMaxGroup; how many they are is not written.
void AppendGroup(const uint32_t* values, size_t count, std::string* out);
// `values` has room for kMaxGroup. False when the bytes are no group.
bool ReadGroup(ByteReader* in, size_t count, uint32_t* values);
// Passes over it.
bool SkipGroup(ByteReader* in, size_t count);

}  // namespace quern::search
