// What a page says of itself.
#pragma once

#include <string>
#include <vector>

#include "jobs/text/html_tree.h"
#include "jobs/text/work_budget.h"

namespace quern::text {

struct PageLink {
  std::string target;  // as the page has it, without blanks around it
  std::string anchor;  // its text, blanks collapsed
};

struct PageFacts {
  std::string title;     // at most 1,000 bytes
  std::string date;      // when it was published: YYYY-MM-DD, a day of the calendar, and what the
                         // page has behind it; at most 100 bytes
  std::string language;  // of <html lang>; empty when that is longer than 35 bytes, and so is none
  std::string base;      // of <base href>: what links are relative to
  std::vector<PageLink> links;
};

// Of title and date several places are asked, the surest first: what the page tells other programs
// (meta elements, schema.org), then what it shows. A title loses the name of the site when the page
// shows it without. Where `work` is spent they are not all there.
PageFacts ReadPageFacts(const HtmlTree& tree, WorkBudget* work);

}  // namespace quern::text
