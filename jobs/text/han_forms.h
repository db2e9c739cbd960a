// Chinese characters that have a traditional and a simplified form, in one form.
#pragma once

#include <string>

namespace quern::text {

// Makes each traditional character of `text`, which is valid UTF-8, the simplified one, of as many
// bytes. Character by character, so that it tells no meanings apart: several may become one (後 and
// 后, 發 and 髮). Used on both sides of a comparison it never parts what was equal.
void SimplifyHan(std::string* text);

}  // namespace quern::text
