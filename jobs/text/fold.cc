#include "jobs/text/fold.h"

#include <utf8proc.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "jobs/text/ascii_blocks.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr auto kNfc = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
constexpr auto kFolded =
    static_cast<utf8proc_option_t>(kNfc | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);

utf8proc_propval_t ClassOf(utf8proc_int32_t code) {
  return utf8proc_get_property(code)->combining_class;
}

utf8proc_ssize_t Checked(utf8proc_ssize_t result) {
  if (result < 0) throw std::runtime_error(utf8proc_errmsg(result));
  return result;
}

// What utf8proc_map does, but for a text that is mostly marks: it puts marks into their order by
// swapping neighbours, which takes the square of their number.
class Folder {
 public:
  explicit Folder(utf8proc_option_t options) : options_(options) {}

  void Append(std::string_view text, std::string* out) {
    codes_.clear();
    for (size_t at = 0; at < text.size();) {
      const Character character = CharacterAt(text, at);
      at += character.size;
      Decompose(character.code == kBadByte ? kReplacementCharacter : character.code);
    }
    OrderMarks();
    const auto count = static_cast<utf8proc_ssize_t>(codes_.size());
    codes_.push_back(0);  // for the NUL behind the text, which takes the place of the codes
    const auto size =
        static_cast<size_t>(Checked(utf8proc_reencode(codes_.data(), count, options_)));
    out->append(reinterpret_cast<const char*>(codes_.data()), size);
  }

 private:
  void Decompose(uint32_t code) {
    constexpr size_t kUsual = 8;  // parts; ligatures of whole words have more
    for (size_t room = kUsual;;) {
      const size_t begin = codes_.size();
      codes_.resize(begin + room);
      const auto parts = static_cast<size_t>(Checked(
          utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), codes_.data() + begin,
                                  static_cast<utf8proc_ssize_t>(room), options_, &boundary_)));
      codes_.resize(begin + (parts <= room ? parts : 0));
      if (parts <= room) return;
      room = parts;
    }
  }

  // The canonical order: each run of marks by their classes, those of one class as they stand.
  void OrderMarks() {
    for (auto at = codes_.begin(); at != codes_.end(); ++at) {
      if (ClassOf(*at) == 0) continue;
      const auto end = std::find_if(at, codes_.end(), [](auto code) { return ClassOf(code) == 0; });
      const auto less = [](auto a, auto b) { return ClassOf(a) < ClassOf(b); };
      if (!std::is_sorted(at, end, less)) std::stable_sort(at, end, less);
      at = end - 1;
    }
  }

  const utf8proc_option_t options_;
  std::vector<utf8proc_int32_t> codes_;
  int boundary_ = 0;  // utf8proc wants it, for graphemes
};

bool IsAsciiByte(char c) { return (c & 0x80) == 0; }

// Behind the characters of UTF-8 that begin at `at` and are not ASCII.
size_t EndOfForeign(std::string_view text, size_t at) {
  while (at < text.size() && !IsAsciiByte(text[at])) {
    const Character character = CharacterAt(text, at);
    if (character.code == kBadByte) break;
    at += character.size;
  }
  return at;
}

}  // namespace

std::string FoldText(std::string_view text) {
  Folder folder(kFolded);
  std::string folded;
  folded.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t end = EndOfAscii(text, at);
    // The last one before another character may become part of it: e and an accent.
    const size_t alone = end < text.size() && end > at ? end - 1 : end;
    AppendLowerAscii(text.substr(at, alone - at), &folded);
    at = alone;
    if (at == text.size()) break;
    // No ASCII character becomes part of what stands before it.
    while (end < text.size() && !IsAsciiByte(text[end])) ++end;
    folder.Append(text.substr(at, end - at), &folded);
    at = end;
  }
  return folded;
}

std::string ToNfc(std::string_view text) {
  Folder folder(kNfc);
  std::string normal;
  normal.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t end = EndOfAscii(text, at);
    size_t begin_foreign = end;
    end = EndOfForeign(text, begin_foreign);
    if (end > begin_foreign && begin_foreign > at) --begin_foreign;  // e and an accent
    normal += text.substr(at, begin_foreign - at);
    if (end > begin_foreign)
      folder.Append(text.substr(begin_foreign, end - begin_foreign), &normal);
    if (end < text.size() && !IsAsciiByte(text[end])) normal.push_back(text[end++]);  // a bad byte
    at = end;
  }
  return normal;
}

}  // namespace quern::text
