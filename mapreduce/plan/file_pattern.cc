#include "mapreduce/plan/file_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/clean_text.h"
#include "mapreduce/formats/output_format.h"

namespace quern::mr {
namespace {

constexpr size_t kMaxPatternBytes = 200;
constexpr unsigned kMaxDigits = 20;

// One {...} of a pattern.
struct Number {
  char which = 0;  // i, n
  unsigned digits = 0;
};

// `text` without its braces: "i", "n", "i:05".
std::optional<Number> ParseNumber(std::string_view text) {
  if (text.empty() || (text[0] != 'i' && text[0] != 'n')) return std::nullopt;
  Number number{text[0], 0};
  if (text.size() == 1) return number;
  if (text[1] != ':' || text.size() < 3 || text.size() > 5) return std::nullopt;
  for (const char c : text.substr(2)) {
    if (c < '0' || c > '9') return std::nullopt;
    number.digits = number.digits * 10 + static_cast<unsigned>(c - '0');
  }
  if (number.digits > kMaxDigits) return std::nullopt;
  return number;
}

// Calls `text` for what stands between the numbers and `number` for each of them; false when the
// pattern is none.
template <typename Text, typename Visit>
bool Walk(std::string_view pattern, Text text, Visit visit) {
  while (!pattern.empty()) {
    const size_t open = std::min(pattern.find('{'), pattern.size());
    if (pattern.substr(0, open).find('}') != std::string_view::npos) return false;
    text(pattern.substr(0, open));
    pattern.remove_prefix(open);
    if (pattern.empty()) return true;
    const size_t close = pattern.find('}');
    if (close == std::string_view::npos) return false;
    const auto number = ParseNumber(pattern.substr(1, close - 1));
    if (!number.has_value()) return false;
    visit(*number);
    pattern.remove_prefix(close + 1);
  }
  return true;
}

}  // namespace

absl::Status CheckFilePattern(std::string_view pattern, bool one_file) {
  bool has_i = one_file;
  const bool right = Walk(
      pattern, [](std::string_view) {}, [&](const Number& n) { has_i |= n.which == 'i'; });
  const std::string shown = CleanLine(pattern, kMaxPatternBytes);
  if (!right) {
    return InvalidArgumentError(
        "files: '{}': in braces there may be i, the number of the file, and n, how many there are. "
        "Try: part-{{i:05}}-of-{{n:05}}",
        shown);
  }
  if (!has_i) {
    return InvalidArgumentError("files: '{}': all files would have one name. Try: {{i:05}} in it",
                                shown);
  }
  if (pattern.size() > kMaxPatternBytes || pattern.find('/') != std::string_view::npos ||
      pattern.find('\0') != std::string_view::npos) {
    return InvalidArgumentError("files: '{}' is no name of a file", shown);
  }
  if (pattern[0] == '_' || pattern[0] == '.') {
    return InvalidArgumentError("files: '{}': names that begin with _ or . are not read as input",
                                shown);
  }
  return absl::OkStatus();
}

std::string_view EndOfPattern(std::string_view pattern) {
  const size_t close = pattern.rfind('}');
  return close == std::string_view::npos ? pattern : pattern.substr(close + 1);
}

std::string FileNameOf(std::string_view pattern, uint64_t i, uint64_t n) {
  std::string name;
  Walk(
      pattern, [&](std::string_view text) { name += text; },
      [&](const Number& number) {
        name += fmt::format("{:0{}}", number.which == 'i' ? i : n, number.digits);
      });
  return name;
}

std::string_view CodecOfName(std::string_view name) {
  const struct {
    std::string_view end;
    std::string_view codec;
  } kEnds[] = {
      {".gz", "gzip"}, {".zst", "zstd"}, {".bz2", "bzip2"}, {".xz", "xz"}, {".lz4", "lz4"}};
  for (const auto& [end, codec] : kEnds) {
    if (name.ends_with(end)) return codec;
  }
  return "";
}

void FillCodec(pb::JobSpec::Output* output) {
  if (!output->codec().empty()) return;
  const auto format = FindOutputFormat(output->format());
  if (!format.ok()) return;
  const std::string codec(CodecOfName(output->files()));
  // Of a format that compresses its own blocks the end of a name says nothing.
  const bool whole = !codec.empty() && !(*format)->Extension({.codec = codec}).empty();
  output->set_codec(whole ? codec : std::string((*format)->default_codec()));
}

absl::Status CheckCodecOfPattern(const pb::JobSpec::Output& output) {
  ASSIGN_OR_RETURN(const OutputFormat* const format, FindOutputFormat(output.format()));
  const std::string_view named = CodecOfName(output.files());
  const std::string_view extension = format->Extension({.codec = output.codec()});
  if (!extension.empty() && !output.files().ends_with(extension)) {
    return InvalidArgumentError(
        "files: '{}': codec = \"{}\" makes files that end with {}. Try: {}{}", output.files(),
        output.codec(), extension, output.files(), extension);
  }
  if (extension.empty() && !named.empty()) {
    return InvalidArgumentError(
        "files: '{}': says {}, but the format {} with codec = \"{}\" makes no such files",
        output.files(), named, output.format(), output.codec());
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
