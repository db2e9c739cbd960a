#include "jobs/corpus/repeats.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>

namespace quern::corpus {

namespace {

using text::PartKind;

constexpr std::string_view kTextHashField = "text_hash";
constexpr size_t kHashDigits = 16;

std::string HexOfHash(uint64_t hash) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string digits(kHashDigits, '0');
  for (size_t i = 0; i < kHashDigits; ++i) digits[i] = kHex[hash >> (60 - 4 * i) & 15];
  return digits;
}

template <typename Number>
std::optional<Number> WholeNumber(std::string_view text, int base) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc() || last != end) return std::nullopt;
  return number;
}

// False when the line names no part, or two.
bool ReadPart(const std::vector<text::JsonField>& fields, Repeat* repeat) {
  const text::JsonField* const line = text::FindField(fields, NameOf(PartKind::kLine));
  const text::JsonField* const paragraph = text::FindField(fields, NameOf(PartKind::kParagraph));
  if ((line == nullptr) == (paragraph == nullptr)) return false;
  repeat->kind = line != nullptr ? PartKind::kLine : PartKind::kParagraph;
  const std::string_view digits = line != nullptr ? line->value : paragraph->value;
  repeat->number = WholeNumber<uint32_t>(digits, 10).value_or(0);
  return repeat->number > 0;
}

}  // namespace

std::string_view NameOf(PartKind kind) { return kind == PartKind::kLine ? "line" : "paragraph"; }

uint64_t HashOfText(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

std::string RepeatLine(const Repeat& repeat) {
  text::JsonObjectWriter line;
  line.AddString("id", repeat.id);
  line.AddString(kTextHashField, HexOfHash(repeat.text_hash));
  line.AddRaw(NameOf(repeat.kind), std::to_string(repeat.number));
  if (!repeat.of.empty()) line.AddString("of", repeat.of);
  return line.Take();
}

std::optional<Repeat> ReadRepeat(const std::vector<text::JsonField>& fields) {
  Repeat repeat;
  repeat.id = text::StringField(fields, "id");
  repeat.of = text::StringField(fields, "of");
  const std::string digits = text::StringField(fields, kTextHashField);
  const auto hash = WholeNumber<uint64_t>(digits, 16);
  if (repeat.id.empty() || digits.size() != kHashDigits || !hash.has_value()) return std::nullopt;
  repeat.text_hash = *hash;
  if (!ReadPart(fields, &repeat)) return std::nullopt;
  return repeat;
}

bool IsRepeatField(std::string_view name) {
  return name == "id" || name == kTextHashField || name == "of";
}

}  // namespace quern::corpus
