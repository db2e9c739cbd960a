// The field "pii" of a document: where in its text stands what names persons, or a mask of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/personal_data.h"
#include "jobs/text/text_parts.h"

namespace quern::corpus {

inline constexpr std::string_view kPiiField = "pii";

// [["email", 10, 17], ["ip", 40, 9]]: kind, first byte and number of bytes in the text.
std::string PiiJson(const std::vector<text::PersonalSpan>& spans);

struct PiiCounts {
  size_t emails = 0;
  size_t ips = 0;
};
PiiCounts CountPii(const std::vector<text::PersonalSpan>& spans);

// Nothing when `json` is not what PiiJson writes: a field of somebody else.
std::optional<std::vector<text::PersonalSpan>> ReadPii(std::string_view json);

// Where the spans of a text are in what is left of it; those that are not there whole are left out.
// Both are in order.
std::vector<text::PersonalSpan> RemainingSpans(const std::vector<text::PersonalSpan>& spans,
                                               const std::vector<text::RemainingPiece>& pieces);

}  // namespace quern::corpus
