#define XXH_INLINE_ALL
#include "jobs/search/inverted/index_keys.h"

#include <xxhash.h>

#include "jobs/search/segment/varint.h"

namespace quern::inverted {
namespace {

// Bytes that are in no UTF-8 stand behind all terms.
constexpr std::string_view kNamesPrefix = "\xffn";
constexpr std::string_view kSummaryMagic = "QINV";

// The high byte first, so that the order of keys is that of numbers.
void AppendNumber(uint32_t number, std::string* key) {
  for (const int shift : {24, 16, 8, 0}) key->push_back(static_cast<char>(number >> shift));
}

}  // namespace

void MakeListKey(std::string_view term, uint32_t number, std::string* key) {
  key->assign(term);
  if (number == 0) return;
  key->push_back('\0');
  AppendNumber(number, key);
}

bool IsListKey(std::string_view key) { return !key.empty() && key[0] != '\xff'; }

std::string_view TermOf(std::string_view key) { return key.substr(0, key.find('\0')); }

std::string NamesKey(DocumentNumber number) {
  std::string key(kNamesPrefix);
  AppendNumber(number.task, &key);
  AppendNumber(number.document / kNamesPerBlock, &key);
  return key;
}

bool IsNamesKey(std::string_view key) { return key.starts_with(kNamesPrefix); }

uint32_t PartOf(std::string_view key, uint32_t parts) {
  if (IsListKey(key)) key = TermOf(key);
  return static_cast<uint32_t>((XXH3_64bits(key.data(), key.size()) >> 32) * parts >> 32);
}

std::string MakeSummary(const Summary& summary) {
  std::string value(kSummaryMagic);
  for (const uint32_t number : {summary.version, summary.analysis, summary.part, summary.parts}) {
    search::AppendVarint(number, &value);
  }
  return value;
}

std::optional<Summary> ReadSummary(std::string_view value) {
  if (!value.starts_with(kSummaryMagic)) return std::nullopt;
  search::ByteReader in(value.substr(kSummaryMagic.size()));
  Summary summary;
  summary.version = in.Varint32();
  if (in.ok() && summary.version > Summary::kVersion) return summary;
  summary.analysis = in.Varint32();
  summary.part = in.Varint32();
  summary.parts = in.Varint32();
  if (!in.ok() || !in.done() || summary.part >= summary.parts) return std::nullopt;
  return summary;
}

}  // namespace quern::inverted
