#include "jobs/text/page.h"

#include <algorithm>
#include <iterator>

#include "jobs/text/ascii.h"
#include "jobs/text/charset.h"
#include "jobs/text/html_blocks.h"
#include "jobs/text/html_tree.h"
#include "jobs/text/main_content.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr size_t kLookedAtForNul = 4096;
constexpr size_t kLookedAtForHtml = 16 << 10;  // comments before the page and all
constexpr size_t kLookedAtForCoding = 4096;
constexpr size_t kHeadBytes = 512;
constexpr std::string_view kUtf8Mark = "\xef\xbb\xbf";
constexpr std::string_view kFirstTags[] = {"<!doctype html", "<html", "<head", "<title", "<body"};

// Of compressed bytes every tenth is a control character that texts do not have.
bool LooksCoded(std::string_view head) {
  constexpr std::string_view kOfTexts = "\t\n\v\f\r\x1b";  // the last one in ISO-2022-JP
  const auto controls = std::count_if(head.begin(), head.end(), [&](char c) {
    return static_cast<unsigned char>(c) < ' ' && kOfTexts.find(c) == std::string_view::npos;
  });
  return static_cast<size_t>(controls) * 50 > head.size();
}

// Whether input formats undo all of these codings, "gzip, br": what is damaged is set aside.
bool AreUndone(std::string_view codings) {
  constexpr std::string_view kUndone[] = {"", "identity", "gzip", "x-gzip", "deflate"};
  while (true) {
    const size_t comma = std::min(codings.find(','), codings.size());
    std::string_view one = codings.substr(0, comma);
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
    const bool undone =
        std::any_of(std::begin(kUndone), std::end(kUndone),
                    [&](std::string_view name) { return EqualsIgnoringCase(one, name); });
    if (!undone) return false;
    if (comma == codings.size()) return true;
    codings.remove_prefix(comma + 1);
  }
}

// No more than pages have; zero bytes left out, as browsers do in texts.
std::string Decode(std::string_view bytes, Page* page) {
  constexpr size_t kMost = HtmlLimits().bytes;
  std::string text = ToUtf8(bytes, page->encoding);
  if (text.find('\0') != std::string::npos) std::erase(text, '\0');
  if (text.size() > kMost) {  // single bytes that became several
    page->truncated = true;
    text.resize(WholeCharacters(text, kMost).size());
    text.shrink_to_fit();
  }
  return text;
}

// Of what has been read by then nothing is given out: it depends on the order of the steps.
Page TooSlow(const Page& page, const WorkBudget& work) {
  Page given_up;
  given_up.problem = PageProblem::kTooSlow;
  given_up.encoding = page.encoding;
  given_up.truncated = page.truncated;
  given_up.steps = work.spent();
  return given_up;
}

bool IsPdf(std::string_view bytes) { return bytes.starts_with("%PDF-"); }

// What begins as pages do is one, even if a zero byte has got into it.
bool IsBinary(std::string_view bytes, std::string_view encoding) {
  if (IsPdf(bytes)) return true;
  const std::string_view head = bytes.substr(0, kLookedAtForNul);
  return HoldsNul(head, encoding) && !BeginsLikeHtml(bytes, encoding);
}

}  // namespace

std::string_view NameOf(PageProblem problem) {
  switch (problem) {
    case PageProblem::kNone:
      return "none";
    case PageProblem::kBinary:
      return "binary";
    case PageProblem::kNoText:
      return "no text";
    case PageProblem::kTooSlow:
      return "too slow";
  }
  return "";
}

bool BeginsLikeHtml(std::string_view bytes) {
  bytes = bytes.substr(0, kLookedAtForHtml);
  while (true) {
    bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n\f"), bytes.size()));
    if (bytes.starts_with(kUtf8Mark)) {  // templates bring one each
      bytes.remove_prefix(kUtf8Mark.size());
      continue;
    }
    if (!bytes.starts_with("<!--")) break;
    const size_t end = bytes.find("-->");
    if (end == std::string_view::npos) return false;
    bytes.remove_prefix(end + 3);
  }
  const std::string head = LowerLetters(bytes.substr(0, kHeadBytes));
  if (head.starts_with("<?xml")) return head.find("<html") != std::string::npos;
  return std::any_of(std::begin(kFirstTags), std::end(kFirstTags), [&](std::string_view tag) {
    return head.starts_with(tag) && head.size() > tag.size() &&
           std::string_view(" \t\r\n\f/>").find(head[tag.size()]) != std::string_view::npos;
  });
}

bool BeginsLikeHtml(std::string_view bytes, std::string_view encoding) {
  const size_t letter_bytes = encoding.starts_with("UTF-16") ? 2 : 1;
  return BeginsLikeHtml(ToUtf8(bytes.substr(0, letter_bytes * kLookedAtForHtml), encoding));
}

bool IsStillCoded(std::string_view coding, std::string_view body) {
  if (AreUndone(coding)) return false;
  const std::string_view head = body.substr(0, kLookedAtForCoding);
  return !BeginsLikeHtml(body) && !IsUtf8(head) && LooksCoded(head);
}

Page ReadPage(std::string_view bytes, const PageOptions& options) {
  Page page;
  const HtmlLimits& limits = options.limits;
  WorkBudget work(limits.steps);
  page.truncated = bytes.size() > limits.bytes;
  bytes = Beginning(bytes, limits.bytes);
  page.encoding = EncodingOfPage(bytes, options.content_type);
  if (IsBinary(bytes, page.encoding)) {
    page.problem = PageProblem::kBinary;
    return page;
  }
  const std::string html = Decode(bytes, &page);
  const HtmlTree tree(html, limits, &work);
  page.truncated = page.truncated || tree.truncated();
  if (work.is_spent()) return TooSlow(page, work);
  page.facts = ReadPageFacts(tree, &work);
  if (work.is_spent()) return TooSlow(page, work);
  const std::vector<HtmlBlock> blocks = ReadHtmlBlocks(tree);
  page.text = options.main_content ? MainContent(tree, blocks, &work) : AllText(blocks);
  if (work.is_spent()) return TooSlow(page, work);
  page.steps = work.spent();
  if (page.text.empty()) page.problem = PageProblem::kNoText;
  return page;
}

Page ReadTextFile(std::string_view bytes) {
  Page page;
  constexpr size_t kMost = HtmlLimits().bytes;
  page.truncated = bytes.size() > kMost;
  bytes = Beginning(bytes, kMost);
  page.encoding = EncodingOfPage(bytes, "");
  if (IsPdf(bytes) || HoldsNul(bytes.substr(0, kLookedAtForNul), page.encoding)) {
    page.problem = PageProblem::kBinary;
    return page;
  }
  page.text = Decode(bytes, &page);
  const bool blank = page.text.find_first_not_of(" \t\r\n") == std::string::npos;
  if (blank) page.problem = PageProblem::kNoText;
  return page;
}

}  // namespace quern::text
