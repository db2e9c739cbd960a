// From the bytes of a web page to its text and what it says of itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jobs/text/html_tree.h"
#include "jobs/text/page_facts.h"

namespace quern::text {

enum class PageProblem {
  kNone,
  kBinary,   // an image, a PDF, an archive: no text at all
  kNoText,   // nothing in it looks like sentences
  kTooSlow,  // to read it would take more steps than HtmlLimits allow
};

// "binary", "no text", "too slow".
std::string_view NameOf(PageProblem problem);

struct Page {
  PageProblem problem = PageProblem::kNone;
  std::string text;  // one paragraph a line
  PageFacts facts;
  std::string_view encoding;  // what it was written in
  bool truncated = false;     // too large: the end of it was not looked at
  uint64_t steps = 0;         // spent of a WorkBudget
};

struct PageOptions {
  std::string_view content_type;  // what the header of its transport says
  bool main_content = true;       // otherwise all text
  HtmlLimits limits = {};
};

// Whether a file is a page, by what it begins with, behind comments, in UTF-8 or anything like it.
bool BeginsLikeHtml(std::string_view bytes);
// The same of bytes in any encoding, under its name in jobs/text/charset.h.
bool BeginsLikeHtml(std::string_view bytes, std::string_view encoding);

// Whether the body of a response is still in a coding that its head names, one that input formats
// do not undo (br, zstd), alone or below others. Crawlers that decode a body leave the name there,
// and servers name what is none (UTF-8).
bool IsStillCoded(std::string_view coding, std::string_view body);

// Time and memory are bounded by those of HtmlLimits, whatever the bytes are; that the steps are
// spent is a problem of the page, the same on every machine.
Page ReadPage(std::string_view bytes, const PageOptions& options);
// A file of text: all of it, in UTF-8. It has no facts; that it is blank or binary is a problem
// like those of a page.
Page ReadTextFile(std::string_view bytes);

}  // namespace quern::text
