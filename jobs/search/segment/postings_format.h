// How the postings of a term lie in the file. Of a term of several documents:
//
//   one block      documents, frequencies
//   several        impacts of the list
//                  for each block: last document, where it begins behind these headers, where its
//                    positions begin (4 bytes each, little-endian)
//                  for each block: impacts, documents, frequencies
//   and behind all that for each block: first positions, gaps
//
//   documents        a group (number_group.h): what lies between each and the one before
//   frequencies      a group: less one
//   impacts          how many (1 byte), then for each from the lowest: frequency and length, as
//   what
//                    they are above the one before (varints)
//   first positions  a group: the first of each document
//   gaps             groups of 128: the others of all documents, what lies between each and the one
//                    before in its document
#pragma once

#include <cstddef>
#include <cstdint>

namespace quern::search {

inline constexpr size_t kPostingsBlock = 128;
inline constexpr size_t kBlockHeaderBytes = 12;
inline constexpr size_t kBlockImpacts = 4;
inline constexpr size_t kListImpacts = 8;
// Of the postings of one term, and of its positions.
inline constexpr uint64_t kMaxTermBytes32 = UINT32_MAX;

}  // namespace quern::search
