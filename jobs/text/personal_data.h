// What names a person in a text: where it stands, and the text with masks in its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quern::text {

enum class PersonalKind : uint8_t { kEmail, kAddress };

struct PersonalSpan {
  PersonalKind kind;
  size_t offset;  // in bytes of the text
  size_t bytes;

  bool operator==(const PersonalSpan&) const = default;
};

// E-mail addresses and public IPv4 addresses, in their order; none lies in another. Addresses of
// private networks and numbers of sections and versions (section_numbers.h) are none.
std::vector<PersonalSpan> FindPersonalData(std::string_view text);

struct MaskedText {
  std::string text;
  std::vector<PersonalSpan> spans;  // the masks, in `text`
};

// With email@example.com for each e-mail address and 192.0.2.1 for each other address.
MaskedText MaskPersonalData(std::string_view text);

}  // namespace quern::text
