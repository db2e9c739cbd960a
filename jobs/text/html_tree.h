// A tree of an HTML page, as browsers would build it for the pages that people write, in time and
// memory that the page's size bounds.
//
// Missing end tags are supplied, wrong ones are passed over, what may not nest is closed. Unlike
// WHATWG HTML 13.2.6 it moves nothing about: misplaced text in tables stays there, and formatting
// that overlaps ends with the block it is in. Elements that are nested too deeply become siblings.
//
// Nodes are in the order of the document: the tree below node i is the nodes [i, node(i).end).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/html_tags.h"
#include "jobs/text/html_tokenizer.h"
#include "jobs/text/work_budget.h"

namespace quern::text {

// Of a page; what follows is not looked at. Together they keep a page's tree, texts and copies
// within 64 MiB, and what is done with it within about a second of one core.
struct HtmlLimits {
  size_t bytes = 8 << 20;
  size_t nodes = 200'000;
  size_t attributes = 300'000;
  size_t depth = 512;            // elements that are nested deeper become siblings
  uint64_t steps = 500'000'000;  // of a WorkBudget: a page that takes more is given up
};

struct HtmlNode {
  HtmlTag tag;
  uint32_t parent;  // of the root: itself
  uint32_t end;     // one past the last node below this one
  uint32_t first_attribute = 0;
  uint32_t attribute_count = 0;
  std::string_view text;  // of a text: its characters; of an element: its name as written
};

class HtmlTree {
 public:
  // `html` is UTF-8 and must outlive the tree. Its steps are not counted.
  explicit HtmlTree(std::string_view html, const HtmlLimits& limits = {});
  // The same, which ends where `work` is spent: it is not to be used then.
  HtmlTree(std::string_view html, const HtmlLimits& limits, WorkBudget* work);

  const std::vector<HtmlNode>& nodes() const { return nodes_; }
  const HtmlNode& node(uint32_t i) const { return nodes_[i]; }
  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }
  // A limit was met: there was more.
  bool truncated() const { return truncated_; }

  // The value of an attribute, unescaped; nothing when the element has none of this name.
  std::optional<std::string> Attribute(uint32_t node, std::string_view name) const;
  // The same, as written: enough to look for words in it.
  std::string_view RawAttribute(uint32_t node, std::string_view name) const;
  // All text below a node, one piece after another; cut at about so many bytes.
  std::string TextOf(uint32_t node, size_t most_bytes = SIZE_MAX) const;

 private:
  class Builder;

  void Read(std::string_view html, const HtmlLimits& limits, WorkBudget* work);

  std::vector<HtmlNode> nodes_;
  std::vector<HtmlAttribute> attributes_;
  std::deque<std::string> unescaped_;  // texts that are not in the page as they are
  bool truncated_ = false;
};

}  // namespace quern::text
