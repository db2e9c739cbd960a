// Which lines or paragraphs of which documents are repeats of others: what repeated-lines says to
// drop-lines, one part of one document a line of JSON:
//
//   {"id": "b", "text_hash": "a0760b6a4ee0b2f4", "line": 3, "of": "a"}
//   {"id": "b", "text_hash": "a0760b6a4ee0b2f4", "paragraph": 2, "of": "a"}
//
// The hash is that of the whole text, so that the number of a line never means another text:
// neither one of the same id, nor what has become of the document meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/json.h"
#include "jobs/text/text_parts.h"

namespace quern::corpus {

struct Repeat {
  std::string id;
  uint64_t text_hash = 0;
  text::PartKind kind = text::PartKind::kLine;
  uint32_t number = 0;  // from 1 (jobs/text/text_parts.h)
  std::string of;       // the document in which the part stays; empty: in none

  bool operator==(const Repeat&) const = default;
};

// "line" or "paragraph".
std::string_view NameOf(text::PartKind kind);

// The same today and next year.
uint64_t HashOfText(std::string_view text);

std::string RepeatLine(const Repeat& repeat);
// Nothing when the line with these fields is none.
std::optional<Repeat> ReadRepeat(const std::vector<text::JsonField>& fields);
// Whether such a line has a string in a field of this name.
bool IsRepeatField(std::string_view name);

}  // namespace quern::corpus
