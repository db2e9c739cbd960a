#include "jobs/text/html_tokenizer.h"

#include <algorithm>

#include "jobs/text/ascii.h"

namespace quern::text {

namespace {

constexpr std::string_view kHtmlBlanks = " \t\n\f\r";

bool IsAsciiLetter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

}  // namespace

void HtmlTokenizer::Next(HtmlToken* token) {
  while (at_ < html_.size()) {
    const size_t start = at_;
    if (html_[at_] == '<') {
      if (ReadMarkup(token)) return;
      if (at_ > start) continue;  // a comment
      ++at_;                      // a '<' that begins nothing
    }
    at_ = std::min(html_.find('<', at_), html_.size());
    token->kind = HtmlToken::Kind::kText;
    token->text = html_.substr(start, at_ - start);
    return;
  }
  token->kind = HtmlToken::Kind::kEnd;
}

// At a '<'. False when no tag was read: something was passed over, or it begins nothing.
bool HtmlTokenizer::ReadMarkup(HtmlToken* token) {
  const std::string_view rest = html_.substr(at_ + 1, 3);
  if (rest.empty()) return false;
  if (IsAsciiLetter(rest[0])) {
    token->kind = HtmlToken::Kind::kStartTag;
    ReadTag(token, at_ + 1);
    return true;
  }
  if (rest[0] == '/' && rest.size() > 1 && IsAsciiLetter(rest[1])) {
    token->kind = HtmlToken::Kind::kEndTag;
    ReadTag(token, at_ + 2);
    return true;
  }
  if (rest == "!--") {
    SkipComment();
  } else if (rest[0] == '!' || rest[0] == '?' || (rest[0] == '/' && rest.size() > 1)) {
    SkipPast('>');
  }
  return false;
}

void HtmlTokenizer::ReadTag(HtmlToken* token, size_t name_at) {
  at_ = name_at;
  token->name = TakeUntil(" \t\n\f\r/>");
  token->self_closing = false;
  token->attributes.clear();
  if (!ReadAttributes(token)) token->kind = HtmlToken::Kind::kEnd;
}

// False when the page ends within the tag, which is then none.
bool HtmlTokenizer::ReadAttributes(HtmlToken* token) {
  while (true) {
    SkipBlanks();
    if (at_ == html_.size()) return false;
    const char c = html_[at_];
    if (c == '>') {
      ++at_;
      return true;
    }
    if (c == '/') {
      ++at_;
      token->self_closing = at_ < html_.size() && html_[at_] == '>';
      continue;
    }
    const size_t start = at_++;  // a name may begin with '='
    at_ = std::min(html_.find_first_of(" \t\n\f\r/>=", at_), html_.size());
    const std::string_view name = html_.substr(start, at_ - start);
    SkipBlanks();
    std::string_view value;
    if (at_ < html_.size() && html_[at_] == '=') {
      ++at_;
      value = ReadAttributeValue();
    }
    if (token->attributes.size() < 100) token->attributes.push_back({name, value});
  }
}

std::string_view HtmlTokenizer::ReadAttributeValue() {
  SkipBlanks();
  if (at_ == html_.size()) return {};
  const char quote = html_[at_];
  if (quote != '"' && quote != '\'') return TakeUntil(" \t\n\f\r>");
  const size_t start = ++at_;
  SkipPast(quote);
  const bool closed = html_[at_ - 1] == quote && at_ > start;
  return html_.substr(start, at_ - start - closed);
}

std::string_view HtmlTokenizer::ReadRawText(std::string_view name) {
  const size_t start = at_;
  for (size_t at = at_;;) {
    at = html_.find("</", at);
    if (at == std::string_view::npos) break;
    const std::string_view after = html_.substr(at + 2, name.size() + 1);
    const bool ends = after.size() <= name.size() ||
                      std::string_view(" \t\n\f\r/>").find(after.back()) != std::string_view::npos;
    if (ends && EqualsIgnoringCase(after.substr(0, name.size()), name)) {
      at_ = at;
      SkipPast('>');
      return html_.substr(start, at - start);
    }
    at += 2;
  }
  at_ = html_.size();
  return html_.substr(start);
}

void HtmlTokenizer::SkipBlanks() {
  while (at_ < html_.size() && kHtmlBlanks.find(html_[at_]) != std::string_view::npos) ++at_;
}

// At "<!--". <!--> and <!---> are whole comments.
void HtmlTokenizer::SkipComment() {
  at_ += 4;
  const std::string_view rest = html_.substr(at_, 2);
  if (rest.starts_with('>') || rest == "->") return SkipPast('>');
  while (true) {
    at_ = html_.find("--", at_);
    if (at_ == std::string_view::npos) {
      at_ = html_.size();
      return;
    }
    const std::string_view end = html_.substr(at_ + 2, 2);
    if (end.starts_with('>') || end == "!>") return SkipPast('>');
    ++at_;
  }
}

void HtmlTokenizer::SkipPast(char c) {
  const size_t found = html_.find(c, at_);
  at_ = found == std::string_view::npos ? html_.size() : found + 1;
}

std::string_view HtmlTokenizer::TakeUntil(std::string_view ends) {
  const size_t start = at_;
  at_ = std::min(html_.find_first_of(ends, at_), html_.size());
  return html_.substr(start, at_ - start);
}

}  // namespace quern::text
