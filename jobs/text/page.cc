#include "jobs/text/page.h"

#include "jobs/text/charset.h"
#include "jobs/text/html_blocks.h"
#include "jobs/text/html_tree.h"
#include "jobs/text/main_content.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr size_t kLookedAtForNul = 4096;

bool IsBinary(std::string_view bytes, std::string_view encoding) {
  return bytes.starts_with("%PDF-") || HoldsNul(bytes.substr(0, kLookedAtForNul), encoding);
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
  }
  return "";
}

Page ReadPage(std::string_view bytes, const PageOptions& options) {
  Page page;
  const HtmlLimits limits;
  page.truncated = bytes.size() > limits.bytes;
  bytes = Beginning(bytes, limits.bytes);
  page.encoding = EncodingOfPage(bytes, options.content_type);
  if (IsBinary(bytes, page.encoding)) {
    page.problem = PageProblem::kBinary;
    return page;
  }
  std::string html = ToUtf8(bytes, page.encoding);
  if (html.size() > limits.bytes) {  // single bytes that became several
    page.truncated = true;
    html.resize(WholeCharacters(html, limits.bytes).size());
    html.shrink_to_fit();
  }
  const HtmlTree tree(html, limits);
  page.truncated = page.truncated || tree.truncated();
  page.facts = ReadPageFacts(tree);
  const std::vector<HtmlBlock> blocks = ReadHtmlBlocks(tree);
  page.text = options.main_content ? MainContent(tree, blocks) : AllText(blocks);
  if (page.text.empty()) page.problem = PageProblem::kNoText;
  return page;
}

}  // namespace quern::text
