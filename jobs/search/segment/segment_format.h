// The frame of a segment file:
//
//   header     "QSEG", version (4 bytes)
//   sections   one behind the other
//   table      of each section: kind, CRC32C (4 bytes each), where it begins, its size (8 each)
//   trailer    number of sections, CRC32C of header, table and that number, version, "GESQ"
//
// All numbers are little-endian. Every byte of the file belongs to something that a checksum or a
// comparison covers. A version that is higher has another meaning; readers refuse it.
// Version 2 has an analysis of version 1 or above, for which version 1 has no place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quern::search {

inline constexpr std::string_view kSegmentMagic = "QSEG";
inline constexpr std::string_view kSegmentEndMagic = "GESQ";
inline constexpr uint32_t kSegmentVersion = 2;
inline constexpr uint32_t kFirstSegmentVersion = 1;
inline constexpr size_t kSegmentHeaderBytes = 8;
inline constexpr size_t kSegmentTrailerBytes = 16;
inline constexpr size_t kSectionEntryBytes = 24;

enum class SectionKind : uint32_t {
  kDocuments = 1,      // document_store.h
  kTerms = 2,          // postings_format.h, term_dictionary.h
  kTermIndex = 3,      // term_dictionary.h
  kDocumentIndex = 4,  // document_store.h
  kLengths = 5,        // for each field, for each document; document_numbers.h
  kLanguages = 6,      // for each document 0 or the number of its language from 1
  kDates = 7,          // for each document days since 1970 (4 bytes), kNoDate when unknown
  kMeta = 8,           // segment_meta.cc
};
inline constexpr uint32_t kSectionKinds = 8;

inline constexpr int32_t kNoDate = INT32_MIN;

}  // namespace quern::search
