// What a segment says of itself as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/analysis/analysis_settings.h"

namespace quern::search {

inline constexpr size_t kMaxFields = 32;
// What is longer is no language (RFC 5646, 4.4.1).
inline constexpr size_t kMaxLanguageBytes = 35;

struct FieldMeta {
  std::string name;           // "title", "body"
  uint64_t total_length = 0;  // terms of all documents
};

struct SegmentMeta {
  uint32_t documents = 0;
  std::vector<FieldMeta> fields;
  AnalysisSettings analysis;
  bool has_stored = false;
  // Of the documents: number 0 is unknown, number 1 the first of them.
  std::vector<std::string> languages;
  // Bytes a document: of each field's lengths, and of the numbers of languages.
  std::vector<uint32_t> length_widths;
  uint32_t language_width = 0;
};

// The section that holds it.
std::string FormatSegmentMeta(const SegmentMeta& meta);
// False when the bytes are none.
bool ParseSegmentMeta(std::string_view bytes, SegmentMeta* meta);

}  // namespace quern::search
