#include "jobs/text/html_blocks.h"

#include <algorithm>

#include "jobs/text/ascii.h"

namespace quern::text {

namespace {

bool IsHtmlBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool ContainsWord(std::string_view style, std::string_view property, std::string_view value) {
  for (size_t at = style.find(property); at != std::string_view::npos;
       at = style.find(property, at + 1)) {
    size_t end = at + property.size();
    while (end < style.size() && (style[end] == ' ' || style[end] == ':')) ++end;
    if (style.substr(end, value.size()) == value) return true;
  }
  return false;
}

// Adds pieces of text to the last block, and begins a new one wherever a line breaks.
class BlockReader {
 public:
  explicit BlockReader(const HtmlTree& tree) : tree_(tree) {}

  std::vector<HtmlBlock> Read() {
    open_.push_back({0, tree_.size(), 0, false, false});
    for (uint32_t i = 1; i < tree_.size();) {
      while (i >= open_.back().end) Leave();
      const HtmlNode& node = tree_.node(i);
      if (node.tag == HtmlTag::kText) {
        AddText(node.text);
        ++i;
      } else if (IsUnreadElement(node.tag) || IsHiddenElement(tree_, i)) {
        i = node.end;
      } else {
        Enter(i, node);
        ++i;
      }
    }
    FinishBlock();
    return std::move(blocks_);
  }

 private:
  struct Open {
    uint32_t node;
    uint32_t end;
    uint32_t block;  // the innermost element that begins a line
    bool link;
    bool preformatted;
  };

  void Enter(uint32_t i, const HtmlNode& node) {
    const bool block = HasTrait(node.tag, html_traits::kBlock);
    if (block || node.tag == HtmlTag::kBr) FinishBlock();
    const Open& outer = open_.back();
    open_.push_back({i, node.end, block ? i : outer.block, outer.link || node.tag == HtmlTag::kA,
                     outer.preformatted || node.tag == HtmlTag::kPre});
  }

  void Leave() {
    if (open_.back().block == open_.back().node) FinishBlock();
    open_.pop_back();
  }

  void FinishBlock() {
    while (!block_.text.empty() && IsHtmlBlank(block_.text.back())) block_.text.pop_back();
    if (block_.letters > 0) blocks_.push_back(std::move(block_));
    block_ = HtmlBlock{};
  }

  void AddText(std::string_view text) {
    const Open& here = open_.back();
    if (block_.letters == 0) block_.node = here.block;
    std::string& out = block_.text;
    uint32_t letters = 0;
    for (size_t at = 0; at < text.size();) {
      if (IsBlankAt(text, at)) {
        const size_t size = text[at] == '\xc2' ? 2 : 1;
        if (here.preformatted) {
          out += text.substr(at, size);
        } else if (!out.empty() && out.back() != ' ') {
          out += ' ';
        }
        at += size;
        continue;
      }
      size_t end = at;
      while (end < text.size() && !IsBlankAt(text, end)) ++end;
      const std::string_view word = text.substr(at, end - at);
      CountMarks(word);
      letters += static_cast<uint32_t>(word.size());
      out += word;
      at = end;
    }
    block_.letters += letters;
    if (here.link) block_.link_letters += letters;
  }

  // A no-break space is one too.
  static bool IsBlankAt(std::string_view text, size_t at) {
    return IsHtmlBlank(text[at]) || (text[at] == '\xc2' && text.substr(at, 2) == "\u00a0");
  }

  void CountMarks(std::string_view word) {
    for (const char c : word) block_.commas += c == ',' || c == ';';
    while (!word.empty() && (word.back() == '"' || word.back() == '\'' || word.back() == ')')) {
      word.remove_suffix(1);
    }
    for (const std::string_view quote : {"”", "’", "»", "」"}) {
      if (word.ends_with(quote)) word.remove_suffix(quote.size());
    }
    if (word.empty()) return;
    const char last = word.back();
    block_.sentence_ends += last == '.' || last == '!' || last == '?' || last == ':';
    if (static_cast<unsigned char>(last) < 0x80) return;
    // Marks of scripts that put no blank after them.
    for (const std::string_view mark : {"。", "！", "？", "।", "؟", "۔", "…"}) {
      for (size_t at = word.find(mark); at != std::string_view::npos;
           at = word.find(mark, at + 1)) {
        ++block_.sentence_ends;
      }
    }
    for (const std::string_view mark : {"，", "、", "；", "،"}) {
      for (size_t at = word.find(mark); at != std::string_view::npos;
           at = word.find(mark, at + 1)) {
        ++block_.commas;
      }
    }
  }

  const HtmlTree& tree_;
  std::vector<Open> open_;
  HtmlBlock block_{};
  std::vector<HtmlBlock> blocks_;
};

}  // namespace

bool IsUnreadElement(HtmlTag tag) {
  switch (tag) {
    case HtmlTag::kHead:
    case HtmlTag::kTitle:
    case HtmlTag::kScript:
    case HtmlTag::kStyle:
    case HtmlTag::kNoscript:
    case HtmlTag::kTemplate:
    case HtmlTag::kIframe:
    case HtmlTag::kObject:
    case HtmlTag::kSvg:
    case HtmlTag::kCanvas:
    case HtmlTag::kAudio:
    case HtmlTag::kVideo:
    case HtmlTag::kMap:
    case HtmlTag::kSelect:
    case HtmlTag::kDatalist:
    case HtmlTag::kTextarea:
    case HtmlTag::kButton:
    case HtmlTag::kNoembed:
    case HtmlTag::kNoframes:
    case HtmlTag::kDialog:
      return true;
    default:
      return false;
  }
}

bool IsHiddenElement(const HtmlTree& tree, uint32_t node) {
  if (tree.node(node).attribute_count == 0) return false;
  if (tree.RawAttribute(node, "hidden").data() != nullptr) return true;
  if (EqualsIgnoringCase(tree.RawAttribute(node, "aria-hidden"), "true")) return true;
  const std::string style = LowerLetters(tree.RawAttribute(node, "style"));
  return !style.empty() &&
         (ContainsWord(style, "display", "none") || ContainsWord(style, "visibility", "hidden"));
}

std::vector<HtmlBlock> ReadHtmlBlocks(const HtmlTree& tree) { return BlockReader(tree).Read(); }

}  // namespace quern::text
