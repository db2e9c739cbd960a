#include "jobs/corpus/pii.h"

#include <charconv>

#include "jobs/text/json.h"

namespace quern::corpus {

namespace {

constexpr std::string_view kEmailKind = "email";
constexpr std::string_view kIpKind = "ip";

bool IsCount(std::string_view json) {
  size_t number = 0;
  const char* const end = json.data() + json.size();
  const auto [last, error] = std::from_chars(json.data(), end, number);
  return error == std::errc() && last == end;
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

std::optional<PiiCounts> CountPii(std::string_view json) {
  const auto spans = text::ReadJsonArray(json);
  if (!spans.has_value()) return std::nullopt;
  PiiCounts counts;
  for (const std::string_view span : *spans) {
    const auto parts = text::ReadJsonArray(span);
    if (!parts.has_value() || parts->size() != 3 || !IsCount((*parts)[1]) || !IsCount((*parts)[2]))
      return std::nullopt;
    const auto kind = text::ReadJsonString((*parts)[0]);
    if (kind != kEmailKind && kind != kIpKind) return std::nullopt;
    ++(kind == kEmailKind ? counts.emails : counts.ips);
  }
  return counts;
}

}  // namespace quern::corpus
