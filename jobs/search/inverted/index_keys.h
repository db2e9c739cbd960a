// The keys of an index of words (docs/formats/inverted-index.md): which record of the table holds
// what, and which part of the table has it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quern::inverted {

// What a document is called within lists: the map task that has read it, and how many it had read
// before.
struct DocumentNumber {
  uint32_t task = 0;
  uint32_t document = 0;
  friend auto operator<=>(const DocumentNumber&, const DocumentNumber&) = default;
};

// What no number of a document within its task comes to, so that one behind it can be said.
inline constexpr uint32_t kMostDocuments = UINT32_MAX;

// Of a list's record, numbered from 0: the term itself for the first.
void MakeListKey(std::string_view term, uint32_t number, std::string* key);
// Whether a key is that of a list. Terms are UTF-8 and have no zero byte.
bool IsListKey(std::string_view key);
// The term of a list's key.
std::string_view TermOf(std::string_view key);

// Documents of one block of names, which begins at a multiple of that.
inline constexpr uint32_t kNamesPerBlock = 64;
// Of the block with the name of this document.
std::string NamesKey(DocumentNumber number);
bool IsNamesKey(std::string_view key);

// The last key of every part, below which its summary is.
inline constexpr std::string_view kSummaryKey = "\xff\xff";

// The part, from 0, that has this key, unless it is the summary's: as Quern divides keys by hash.
uint32_t PartOf(std::string_view key, uint32_t parts);

// What a part says of itself.
struct Summary {
  static constexpr uint32_t kVersion = 1;

  uint32_t version = kVersion;
  uint32_t analysis = 0;  // AnalysisSettings::version
  uint32_t part = 0;
  uint32_t parts = 0;
};
std::string MakeSummary(const Summary& summary);
// Nothing when the bytes are no summary. Of a later version only the version is set.
std::optional<Summary> ReadSummary(std::string_view value);

}  // namespace quern::inverted
