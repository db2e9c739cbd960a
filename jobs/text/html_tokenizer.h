// HTML to tags and text (WHATWG HTML, 13.2.5), one pass over the bytes whatever they are. Comments,
// doctypes and processing instructions are left out; nothing is copied or unescaped.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace quern::text {

struct HtmlAttribute {
  std::string_view name;   // as written
  std::string_view value;  // as written, without its quotes
};

struct HtmlToken {
  enum class Kind { kText, kStartTag, kEndTag, kEnd };

  Kind kind = Kind::kEnd;
  std::string_view text;  // of kText: as written
  std::string_view name;  // of tags: as written
  bool self_closing = false;
  std::vector<HtmlAttribute> attributes;  // of start tags
};

class HtmlTokenizer {
 public:
  // `html` is UTF-8 and must outlive the tokens.
  explicit HtmlTokenizer(std::string_view html) : html_(html) {}

  void Next(HtmlToken* token);

  // Everything up to the end tag `name`, which is passed over: the contents of <script>, <title>
  // and the like, in which tags are text.
  std::string_view ReadRawText(std::string_view name);

 private:
  bool ReadMarkup(HtmlToken* token);
  void ReadTag(HtmlToken* token, size_t name_at);
  bool ReadAttributes(HtmlToken* token);
  std::string_view ReadAttributeValue();
  void SkipBlanks();
  void SkipComment();
  void SkipPast(char c);
  std::string_view TakeUntil(std::string_view ends);

  const std::string_view html_;
  size_t at_ = 0;
};

}  // namespace quern::text
