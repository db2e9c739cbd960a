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

CaseClass ClassifyCase(uint32_t code) {
  switch (Classify(code)) {
    case CharClass::kSpace:
      return CaseClass::kSpace;
    case CharClass::kNumber:
      return CaseClass::kNumber;
    default:
      break;
  }
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
      return CaseClass::kUpper;
    case UTF8PROC_CATEGORY_LL:
      return CaseClass::kLower;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CaseClass::kEither;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return CaseClass::kMark;
    default:
      return CaseClass::kOther;
  }
}

template <typename Class>
std::vector<Class> MakeTable(Class (*classify)(uint32_t)) {
  std::vector<Class> table(0x110000);
  for (uint32_t code = 0; code < table.size(); ++code) table[code] = classify(code);
  return table;
}

}  // namespace

const CharClass* CharClassTable() {
  static const std::vector<CharClass> table = MakeTable(Classify);
  return table.data();
}

const CaseClass* CaseClassTable() {
  static const std::vector<CaseClass> table = MakeTable(ClassifyCase);
  return table.data();
}

}  // namespace quern::text
