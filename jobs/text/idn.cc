#include "jobs/text/idn.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "jobs/text/ascii.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

std::string SmallLetters(std::string_view text) {
  std::string small;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    AppendUtf8(
        static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(character.code))),
        &small);
    at += character.size;
  }
  return small;
}

// NFKC, without the marks that show nothing. Nothing for what is no UTF-8.
std::optional<std::string> Composed(std::string_view text) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE |
                                                           UTF8PROC_COMPAT | UTF8PROC_IGNORE);
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &composed, kOptions);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(composed, &std::free);
  if (size < 0) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(composed), static_cast<size_t>(size));
}

// Punycode: how far to the next letter, in digits whose weights follow how far the last ones were.
class DeltaWriter {
 public:
  explicit DeltaWriter(std::string* out) : out_(out) {}

  // `before`: letters that are there, this one not counted.
  void Add(uint64_t delta, uint64_t before) {
    uint64_t rest = delta;
    for (uint64_t k = kBase;; k += kBase) {
      const uint64_t least = k <= bias_ ? kLeast : std::min(k - bias_, kMost);
      if (rest < least) break;
      AddDigit(least + (rest - least) % (kBase - least));
      rest = (rest - least) / (kBase - least);
    }
    AddDigit(rest);
    Adapt(delta, before + 1);
  }

 private:
  static constexpr uint64_t kBase = 36;
  static constexpr uint64_t kLeast = 1;
  static constexpr uint64_t kMost = 26;
  static constexpr uint64_t kSkew = 38;
  static constexpr uint64_t kFirstDamp = 700;

  void AddDigit(uint64_t digit) {
    out_->push_back(static_cast<char>(digit < 26 ? 'a' + digit : '0' + (digit - 26)));
  }

  void Adapt(uint64_t delta, uint64_t letters) {
    delta /= first_ ? kFirstDamp : 2;
    first_ = false;
    delta += delta / letters;
    uint64_t k = 0;
    for (; delta > (kBase - kLeast) * kMost / 2; k += kBase) delta /= kBase - kLeast;
    bias_ = k + (kBase - kLeast + 1) * delta / (delta + kSkew);
  }

  std::string* const out_;
  uint64_t bias_ = 72;
  bool first_ = true;
};

// One label that is not all ASCII.
std::string Punycode(std::string_view label) {
  std::vector<uint32_t> codes;
  for (size_t at = 0; at < label.size();) {
    const Character character = CharacterAt(label, at);
    codes.push_back(character.code);
    at += character.size;
  }
  std::string out = "xn--";
  uint64_t written = 0;
  for (const uint32_t code : codes) {
    if (code >= 0x80) continue;
    out += static_cast<char>(code);
    ++written;
  }
  if (written > 0) out += '-';
  DeltaWriter deltas(&out);
  uint64_t delta = 0;
  for (uint32_t last = 0x80; written < codes.size(); ++last) {
    uint32_t next = UINT32_MAX;
    for (const uint32_t code : codes) {
      if (code >= last) next = std::min(next, code);
    }
    delta += (next - last) * (written + 1);
    last = next;
    for (const uint32_t code : codes) {
      delta += code < last;
      if (code != last) continue;
      deltas.Add(delta, written++);
      delta = 0;
    }
    ++delta;
  }
  return out;
}

// U+3002 stands for a dot (RFC 3490).
std::string WithPlainDots(std::string_view host) {
  constexpr std::string_view kDot = "。";
  std::string plain;
  for (size_t at = 0; at < host.size();) {
    const bool dot = host.substr(at).starts_with(kDot);
    plain += dot ? '.' : host[at];
    at += dot ? kDot.size() : 1;
  }
  return plain;
}

}  // namespace

std::optional<std::string> AsciiHost(std::string_view host) {
  if (IsAscii(host)) return LowerLetters(host);
  const std::optional<std::string> composed = Composed(host);
  if (!composed.has_value()) return std::nullopt;
  // Composing gives capitals too, of signs such as ℡, and a small letter may compose again.
  const std::optional<std::string> small = Composed(SmallLetters(*composed));
  if (!small.has_value()) return std::nullopt;
  const std::string name = WithPlainDots(*small);
  std::string ascii;
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('.', at), name.size());
    const std::string_view label = std::string_view(name).substr(at, end - at);
    if (at > 0) ascii += '.';
    ascii += IsAscii(label) ? std::string(label) : Punycode(label);
    at = end + 1;
  }
  return ascii;
}

}  // namespace quern::text
