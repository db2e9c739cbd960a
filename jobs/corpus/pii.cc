#include "jobs/corpus/pii.h"

#include <charconv>

#include "jobs/text/json.h"

namespace quern::corpus {

namespace {

constexpr std::string_view kEmailKind = "email";
constexpr std::string_view kIpKind = "ip";

std::optional<size_t> ReadCount(std::string_view json) {
  size_t number = 0;
  const char* const end = json.data() + json.size();
  const auto [last, error] = std::from_chars(json.data(), end, number);
  if (error != std::errc() || last != end) return std::nullopt;
  return number;
}

std::optional<text::PersonalSpan> ReadSpan(std::string_view json) {
  const auto parts = text::ReadJsonArray(json);
  if (!parts.has_value() || parts->size() != 3) return std::nullopt;
  const auto kind = text::ReadJsonString((*parts)[0]);
  const auto offset = ReadCount((*parts)[1]);
  const auto bytes = ReadCount((*parts)[2]);
  if (!offset.has_value() || !bytes.has_value()) return std::nullopt;
  if (kind != kEmailKind && kind != kIpKind) return std::nullopt;
  const bool email = kind == kEmailKind;
  return text::PersonalSpan{email ? text::PersonalKind::kEmail : text::PersonalKind::kAddress,
                            *offset, *bytes};
}

bool Holds(const text::RemainingPiece& piece, const text::PersonalSpan& span) {
  return span.offset >= piece.from && span.offset - piece.from <= piece.bytes &&
         span.bytes <= piece.bytes - (span.offset - piece.from);
}

}  // namespace

std::string PiiJson(const std::vector<text::PersonalSpan>& spans) {
  std::string json = "[";
  for (const text::PersonalSpan& span : spans) {
    const bool email = span.kind == text::PersonalKind::kEmail;
    json.append(json.size() > 1 ? ", [\"" : "[\"").append(email ? kEmailKind : kIpKind);
    json += "\", " + std::to_string(span.offset) + ", " + std::to_string(span.bytes) + "]";
  }
  return json + "]";
}

PiiCounts CountPii(const std::vector<text::PersonalSpan>& spans) {
  PiiCounts counts;
  for (const text::PersonalSpan& span : spans) {
    ++(span.kind == text::PersonalKind::kEmail ? counts.emails : counts.ips);
  }
  return counts;
}

std::optional<std::vector<text::PersonalSpan>> ReadPii(std::string_view json) {
  const auto elements = text::ReadJsonArray(json);
  if (!elements.has_value()) return std::nullopt;
  std::vector<text::PersonalSpan> spans;
  for (const std::string_view element : *elements) {
    const auto span = ReadSpan(element);
    if (!span.has_value()) return std::nullopt;
    spans.push_back(*span);
  }
  return spans;
}

std::vector<text::PersonalSpan> RemainingSpans(const std::vector<text::PersonalSpan>& spans,
                                               const std::vector<text::RemainingPiece>& pieces) {
  std::vector<text::PersonalSpan> remaining;
  auto piece = pieces.begin();
  for (const text::PersonalSpan& span : spans) {
    while (piece != pieces.end() && piece->from + piece->bytes <= span.offset) ++piece;
    if (piece == pieces.end()) break;
    if (!Holds(*piece, span)) continue;
    remaining.push_back({span.kind, piece->to + (span.offset - piece->from), span.bytes});
  }
  return remaining;
}

}  // namespace quern::corpus
