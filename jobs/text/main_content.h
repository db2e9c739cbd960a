// The main content of a page: its text without menus, teasers, comments and the rest of what stands
// on every page of a site.
//
// In the line of Readability (which element holds most of the good text), jusText (what a paragraph
// is worth, and what its neighbours say of short ones) and trafilatura (what names of classes say).
// Paragraphs are worth their plain text when they look like sentences, and cost something when they
// are mostly links. What elements say of themselves (nav, aside, class="comments") counts as long
// as it does not take away most of the page.
#pragma once

#include <string>
#include <vector>

#include "jobs/text/html_blocks.h"
#include "jobs/text/html_tree.h"
#include "jobs/text/work_budget.h"

namespace quern::text {

// One paragraph a line. Empty when the page has no text that looks like sentences, and when `work`
// is spent.
std::string MainContent(const HtmlTree& tree, const std::vector<HtmlBlock>& blocks,
                        WorkBudget* work);

// All paragraphs, one a line.
std::string AllText(const std::vector<HtmlBlock>& blocks);

}  // namespace quern::text
