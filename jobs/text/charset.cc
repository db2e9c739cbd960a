#include "jobs/text/charset.h"

#include <iconv.h>
#include <uchardet.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <unordered_map>

#include "jobs/text/ascii.h"
#include "jobs/text/encoding_labels.h"
#include "jobs/text/html_entities.h"
#include "jobs/text/html_tokenizer.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr size_t kDeclaredWithin = 16 << 10;
constexpr size_t kSniffedBytes = 64 << 10;
constexpr size_t kLookedAtForZeros = 4096;
constexpr std::string_view kUtf8 = "UTF-8";
constexpr std::string_view kWindows1252 = "windows-1252";
constexpr std::string_view kCharsetBlanks = " \t\n\f\r";
// So many signs are no accident, and more than the few bytes that a page may have from elsewhere.
constexpr size_t kEnoughSigns = 8;

std::string_view TrimBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(kCharsetBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kCharsetBlanks) - first + 1);
}

const std::unordered_map<std::string_view, const EncodingLabels*>& EncodingOfLabel() {
  static const auto known = [] {
    std::unordered_map<std::string_view, const EncodingLabels*> map;
    for (const EncodingLabels& encoding : kEncodings) {
      for (size_t at = 0; at < encoding.labels.size();) {
        const size_t end = std::min(encoding.labels.find(' ', at), encoding.labels.size());
        map[encoding.labels.substr(at, end - at)] = &encoding;
        at = end + 1;
      }
    }
    return map;
  }();
  return known;
}

std::string_view EncodingOfMark(std::string_view bytes) {
  if (bytes.starts_with("\xef\xbb\xbf")) return kUtf8;
  if (bytes.starts_with("\xfe\xff")) return "UTF-16BE";
  if (bytes.starts_with(std::string_view("\xff\xfe\0\0", 4))) return {};  // of UTF-32
  if (bytes.starts_with("\xff\xfe")) return "UTF-16LE";
  return {};
}

// UTF-16 without a mark, by the zero bytes at every other place: of Latin letters, of which also
// pages in other scripts have half at their beginning, one byte of the two is zero. Samples of
// sound and numbers have such bytes too, but control characters among them.
std::string_view Utf16OfZeros(std::string_view bytes) {
  bytes = bytes.substr(0, std::min(bytes.size(), kLookedAtForZeros) / 2 * 2);
  constexpr std::string_view kControlsOfTexts = "\t\n\v\f\r";
  const auto is_text = [&](size_t first) {  // the other bytes are the high ones
    size_t latin = 0;
    for (size_t at = 0; at < bytes.size(); at += 2) {
      const char low = bytes[at + first];
      const char high = bytes[at + 1 - first];
      if (high != '\0') continue;
      const auto code = static_cast<unsigned char>(low);
      const bool control = code < ' ' || (code >= 0x7f && code < 0xa0);
      if (control && kControlsOfTexts.find(low) == std::string_view::npos) return false;
      ++latin;
    }
    return latin >= kEnoughSigns && latin >= bytes.size() / 4;
  };
  if (is_text(0)) return "UTF-16LE";
  if (is_text(1)) return "UTF-16BE";
  return {};
}

// The first byte from `at` that begins a word with bytes beyond ASCII, or one of the last few:
// most pages are ASCII nearly all, and each is looked through.
size_t PassOverAscii(std::string_view bytes, size_t at) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  for (uint64_t word = 0; at + sizeof(word) <= bytes.size(); at += sizeof(word)) {
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    if ((word & kHighBits) != 0) break;
  }
  return at;
}

// Pages may begin with scripts and styles of any length, which say nothing.
std::string_view SniffEncoding(std::string_view bytes) {
  const size_t ascii = PassOverAscii(bytes, 0);
  if (ascii > kSniffedBytes / 2) bytes.remove_prefix(ascii);
  const uchardet_t detector = uchardet_new();
  std::string_view encoding;
  if (uchardet_handle_data(detector, bytes.data(), std::min(bytes.size(), kSniffedBytes)) == 0) {
    uchardet_data_end(detector);
    encoding = FindEncoding(uchardet_get_charset(detector));
  }
  uchardet_delete(detector);
  return encoding;
}

// What the bytes say about UTF-8, whatever is declared.
struct Utf8Signs {
  size_t characters = 0;  // beyond ASCII
  size_t bad_bytes = 0;
};

Utf8Signs SignsOfUtf8(std::string_view bytes) {
  Utf8Signs signs;
  for (size_t at = 0; at < bytes.size();) {
    at = PassOverAscii(bytes, at);
    if (at == bytes.size()) break;
    const Character character = CharacterAt(bytes, at);
    signs.bad_bytes += character.code == kBadByte;
    signs.characters += character.size > 1;
    at += character.size;
  }
  return signs;
}

// Whether the bytes are plainly not in the encoding that is declared. Servers declare one for all
// pages, and templates for texts that come from elsewhere.
bool AreInAnother(std::string_view bytes, const Utf8Signs& signs, std::string_view declared) {
  if (declared == kUtf8) {
    return signs.bad_bytes >= kEnoughSigns && signs.bad_bytes > signs.characters;
  }
  if (signs.bad_bytes > 0) return false;
  if (declared.starts_with("UTF-16")) return bytes.find('\0') == std::string_view::npos;
  return signs.characters >= kEnoughSigns;
}

// It has seven bits, and so is UTF-8 as well.
bool IsIso2022Jp(std::string_view bytes, const Utf8Signs& signs) {
  constexpr std::string_view kTwoByteSets[] = {"\x1b$B", "\x1b$@"};
  return signs.characters == 0 && signs.bad_bytes == 0 &&
         std::any_of(std::begin(kTwoByteSets), std::end(kTwoByteSets), [&](std::string_view set) {
           return bytes.find(set) != std::string_view::npos;
         });
}

std::string CleanUtf8(std::string_view bytes) {
  if (IsUtf8(bytes)) return std::string(bytes);
  std::string text;
  for (size_t at = 0; at < bytes.size();) {
    const Character character = CharacterAt(bytes, at);
    AppendUtf8(character.code == kBadByte ? kReplacementCharacter : character.code, &text);
    at += character.size;
  }
  return text;
}

std::string FromSingleBytes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) AppendUtf8(FromWindows1252(static_cast<unsigned char>(c)), &text);
  return text;
}

// Of encodings whose accents follow their letters a letter waits for what may follow it: here it
// comes, since nothing does.
void TakeHeldLetter(iconv_t converter, std::string* text) {
  char buffer[16];
  char* out = buffer;
  size_t room = sizeof(buffer);
  iconv(converter, nullptr, nullptr, &out, &room);
  text->append(buffer, sizeof(buffer) - room);
}

std::string FromIconv(std::string_view bytes, const char* iconv_name) {
  const iconv_t converter = iconv_open("UTF-8", iconv_name);
  if (converter == reinterpret_cast<iconv_t>(-1)) return FromSingleBytes(bytes);
  std::string text;
  // Of UTF-16 a bad unit is passed over whole: one byte further all that follows is misread.
  const std::string_view name = iconv_name;
  const size_t unit_bytes = name.starts_with("UTF-16") ? 2 : 1;
  const bool may_hold_letter = name == "CP1255" || name == "CP1258";
  char* in = const_cast<char*>(bytes.data());
  size_t left = bytes.size();
  char buffer[16 << 10];
  while (left > 0) {
    char* out = buffer;
    size_t room = sizeof(buffer);
    const size_t result = iconv(converter, &in, &left, &out, &room);
    const int error = errno;
    text.append(buffer, sizeof(buffer) - room);
    if (result != static_cast<size_t>(-1) || error == E2BIG) continue;
    if (may_hold_letter) TakeHeldLetter(converter, &text);  // it stands before the bad byte
    AppendUtf8(kReplacementCharacter, &text);
    if (error == EINVAL) break;  // a character that is cut off at the end
    const size_t passed = std::min(unit_bytes, left);
    in += passed;
    left -= passed;
  }
  TakeHeldLetter(converter, &text);
  iconv_close(converter);
  return text;
}

}  // namespace

std::string_view FindEncoding(std::string_view label) {
  const auto found = EncodingOfLabel().find(LowerLetters(TrimBlanks(label)));
  return found == EncodingOfLabel().end() ? std::string_view() : found->second->name;
}

std::string_view CharsetOfContentType(std::string_view content_type) {
  constexpr std::string_view kName = "charset";
  for (size_t at = 0; at + kName.size() < content_type.size(); ++at) {
    if (!EqualsIgnoringCase(content_type.substr(at, kName.size()), kName)) continue;
    std::string_view rest = content_type.substr(at + kName.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(kCharsetBlanks), rest.size()));
    if (!rest.starts_with('=')) continue;
    rest = TrimBlanks(rest.substr(1));
    if (rest.empty()) return {};
    if (rest[0] != '"' && rest[0] != '\'') return rest.substr(0, rest.find_first_of(" \t\n\f\r;"));
    const size_t end = rest.find(rest[0], 1);
    return end == std::string_view::npos ? std::string_view() : rest.substr(1, end - 1);
  }
  return {};
}

std::string_view DeclaredEncoding(std::string_view html) {
  HtmlTokenizer tokenizer(html.substr(0, kDeclaredWithin));
  HtmlToken token;
  for (tokenizer.Next(&token); token.kind != HtmlToken::Kind::kEnd; tokenizer.Next(&token)) {
    if (token.kind != HtmlToken::Kind::kStartTag || !EqualsIgnoringCase(token.name, "meta"))
      continue;
    std::string_view charset;
    std::string_view content;
    bool is_content_type = false;
    for (const HtmlAttribute& attribute : token.attributes) {
      if (EqualsIgnoringCase(attribute.name, "charset")) charset = attribute.value;
      if (EqualsIgnoringCase(attribute.name, "content")) content = attribute.value;
      if (EqualsIgnoringCase(attribute.name, "http-equiv")) {
        is_content_type = EqualsIgnoringCase(attribute.value, "content-type");
      }
    }
    if (charset.empty() && is_content_type) charset = CharsetOfContentType(content);
    const std::string_view encoding = FindEncoding(charset);
    if (!encoding.empty()) return encoding.starts_with("UTF-16") ? kUtf8 : encoding;
  }
  return {};
}

std::string_view EncodingOfPage(std::string_view bytes, std::string_view content_type) {
  const std::string_view mark = EncodingOfMark(bytes);
  if (!mark.empty()) return mark;
  const std::string_view wide = Utf16OfZeros(bytes);
  if (!wide.empty()) return wide;
  const Utf8Signs signs = SignsOfUtf8(bytes);
  const auto is_good = [&](std::string_view declared) {
    return !declared.empty() && !AreInAnother(bytes, signs, declared);
  };
  const std::string_view of_header = FindEncoding(CharsetOfContentType(content_type));
  if (is_good(of_header)) return of_header;
  const std::string_view of_page = DeclaredEncoding(bytes);
  if (is_good(of_page)) return of_page;
  if (IsIso2022Jp(bytes, signs)) return "ISO-2022-JP";
  if (signs.bad_bytes == 0) return kUtf8;
  const std::string_view sniffed = SniffEncoding(bytes);
  return sniffed.empty() ? kWindows1252 : sniffed;
}

bool IsUtf8(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size();) {
    at = PassOverAscii(bytes, at);
    if (at == bytes.size()) return true;
    const Character character = CharacterAt(bytes, at);
    if (character.code == kBadByte) return false;
    at += character.size;
  }
  return true;
}

std::string_view Beginning(std::string_view bytes, size_t most_bytes) {
  if (bytes.size() <= most_bytes) return bytes;
  const std::string_view whole = WholeCharacters(bytes, most_bytes);
  return IsUtf8(whole) ? whole : bytes.substr(0, most_bytes);
}

std::string ToUtf8(std::string_view bytes, std::string_view encoding) {
  std::string_view mark = EncodingOfMark(bytes);
  if (!mark.empty() && mark == encoding) bytes.remove_prefix(mark == kUtf8 ? 3 : 2);
  if (encoding == kUtf8) return CleanUtf8(bytes);
  if (encoding == kWindows1252) return FromSingleBytes(bytes);
  const auto found = std::find_if(std::begin(kEncodings), std::end(kEncodings),
                                  [&](const EncodingLabels& e) { return e.name == encoding; });
  return found == std::end(kEncodings) ? CleanUtf8(bytes) : FromIconv(bytes, found->iconv_name);
}

bool HoldsNul(std::string_view bytes, std::string_view encoding) {
  if (!encoding.starts_with("UTF-16")) return bytes.find('\0') != std::string_view::npos;
  return ToUtf8(bytes, encoding).find('\0') != std::string::npos;
}

}  // namespace quern::text
