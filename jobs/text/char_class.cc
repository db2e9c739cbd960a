#include "jobs/text/char_class.h"

#include <utf8proc.h>

#include <vector>

namespace quern::text {

namespace {

// The property White_Space (Unicode, PropList.txt); it is no general category.
bool IsWhiteSpace(uint32_t code) {
  return (code >= 9 && code <= 13) || code == 0x20 || code == 0x85 || code == 0xa0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 ||
         code == 0x202f || code == 0x205f || code == 0x3000;
}

CharClass Classify(uint32_t code) {
  if (IsWhiteSpace(code)) return CharClass::kSpace;
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code));
  if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) {
    return CharClass::kLetter;
  }
  if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) {
    return CharClass::kNumber;
  }
  return CharClass::kOther;
}

std::vector<CharClass> MakeTable() {
  std::vector<CharClass> table(0x110000);
  for (uint32_t code = 0; code < table.size(); ++code) table[code] = Classify(code);
  return table;
}

}  // namespace

const CharClass* CharClassTable() {
  static const std::vector<CharClass> table = MakeTable();
  return table.data();
}

}  // namespace quern::text
