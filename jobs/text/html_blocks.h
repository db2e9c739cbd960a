// The paragraphs of a page: what stands between two line breaks that HTML makes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/text/html_tree.h"

namespace quern::text {

struct HtmlBlock {
  uint32_t node;               // the innermost element that holds all of it and begins a line
  std::string text;            // blanks collapsed, unless it is preformatted
  uint32_t letters = 0;        // bytes that are no blanks
  uint32_t link_letters = 0;   // those of them inside <a>
  uint32_t commas = 0;         // and other marks within sentences
  uint32_t sentence_ends = 0;  // marks that end sentences
};

// Texts in elements that show none (scripts, styles, forms' contents, media) are left out; so are
// the elements that are hidden by their own attributes.
std::vector<HtmlBlock> ReadHtmlBlocks(const HtmlTree& tree);

// Whether an element and all below it is never read as text.
bool IsUnreadElement(HtmlTag tag);
bool IsHiddenElement(const HtmlTree& tree, uint32_t node);

}  // namespace quern::text
