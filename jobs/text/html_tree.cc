#include "jobs/text/html_tree.h"

#include <algorithm>
#include <initializer_list>

#include "jobs/text/ascii.h"
#include "jobs/text/html_entities.h"
#include "jobs/text/utf8.h"

namespace quern::text {

using namespace html_traits;

namespace {

bool IsHeading(HtmlTag tag) { return tag >= HtmlTag::kH1 && tag <= HtmlTag::kH6; }
// Equal names, in either case, have equal ones.
uint8_t NameHash(std::string_view name) {
  uint32_t hash = 0;
  for (const char c : name) hash = hash * 31 + static_cast<unsigned char>(LowerLetter(c));
  return static_cast<uint8_t>(hash ^ hash >> 8);
}

bool IsForeign(HtmlTag tag) { return tag == HtmlTag::kSvg || tag == HtmlTag::kMath; }

// Of an open element that is looked at: itself, and each tag that it is held against.
constexpr uint64_t kLevelSteps = 2;

}  // namespace

class HtmlTree::Builder {
 public:
  Builder(HtmlTree* tree, const HtmlLimits& limits, WorkBudget* work)
      : tree_(*tree), limits_(limits), work_(*work) {}

  void Build(std::string_view html) {
    HtmlTokenizer tokenizer(html);
    HtmlToken token;
    tree_.nodes_.push_back({HtmlTag::kDocument, 0, 0, 0, 0, {}});
    open_.push_back(0);
    for (tokenizer.Next(&token); token.kind != HtmlToken::Kind::kEnd; tokenizer.Next(&token)) {
      if (tree_.nodes_.size() >= limits_.nodes) {
        tree_.truncated_ = true;
        break;
      }
      if (work_.is_spent()) break;
      switch (token.kind) {
        case HtmlToken::Kind::kText:
          AddText(token.text, true);
          break;
        case HtmlToken::Kind::kStartTag:
          StartTag(token, &tokenizer);
          break;
        case HtmlToken::Kind::kEndTag:
          EndTag(token.name);
          break;
        case HtmlToken::Kind::kEnd:
          break;
      }
    }
    PopTo(0);
    tree_.nodes_[0].end = tree_.size();
  }

 private:
  HtmlTag TagAt(size_t level) const { return tree_.nodes_[open_[level]].tag; }

  void AddText(std::string_view text, bool unescape) {
    if (text.empty()) return;
    const uint32_t end = tree_.size() + 1;
    if (unescape && text.find('&') != std::string_view::npos) {
      std::string& copy = tree_.unescaped_.emplace_back();
      AppendUnescapedHtml(text, false, &copy);
      text = copy;
    }
    tree_.nodes_.push_back({HtmlTag::kText, open_.back(), end, 0, 0, text});
  }

  void StartTag(const HtmlToken& token, HtmlTokenizer* tokenizer) {
    const HtmlTag tag = FindHtmlTag(token.name);
    if (foreign_ > 0) return StartForeign(token, tag);
    if (tag == HtmlTag::kHtml && last_element_ > 0) return;
    if ((tag == HtmlTag::kHead || tag == HtmlTag::kBody) && seen_[static_cast<size_t>(tag)]) return;
    seen_[static_cast<size_t>(tag)] = true;
    if (open_count_[static_cast<size_t>(HtmlTag::kHead)] > 0 && !HasTrait(tag, kInHead)) {
      Close({HtmlTag::kHead}, 0);
    }
    CloseWhatEndsBefore(tag);
    AddElement(token, tag);
    if (HasTrait(tag, kRawText)) {
      AddText(tokenizer->ReadRawText(token.name),
              tag == HtmlTag::kTitle || tag == HtmlTag::kTextarea);
      EndLastElement();
    } else if (HasTrait(tag, kVoid) || (IsForeign(tag) && token.self_closing)) {
      EndLastElement();
    } else {
      Push();
    }
  }

  // Inside <svg> or <math>: any element may close itself, and a block of HTML ends all of it.
  void StartForeign(const HtmlToken& token, HtmlTag tag) {
    if (HasTrait(tag, kBlock) && tag != HtmlTag::kTitle) {
      while (foreign_ > 0) Pop();
      CloseWhatEndsBefore(tag);
      AddElement(token, tag);
      HasTrait(tag, kVoid) ? EndLastElement() : Push();
      return;
    }
    AddElement(token, tag == HtmlTag::kTitle || IsForeign(tag) ? tag : HtmlTag::kUnknown);
    token.self_closing ? EndLastElement() : Push();
  }

  void AddElement(const HtmlToken& token, HtmlTag tag) {
    std::vector<HtmlAttribute>& all = tree_.attributes_;
    const size_t room = limits_.attributes - std::min(limits_.attributes, all.size());
    const size_t count = std::min(room, token.attributes.size());
    last_element_ = tree_.size();
    tree_.nodes_.push_back({tag, open_.back(), last_element_ + 1, static_cast<uint32_t>(all.size()),
                            static_cast<uint32_t>(count), token.name});
    all.insert(all.end(), token.attributes.begin(),
               token.attributes.begin() + static_cast<std::ptrdiff_t>(count));
  }

  // The texts that follow the last element up to now are its own.
  void EndLastElement() {
    for (uint32_t i = last_element_ + 1; i < tree_.size(); ++i) {
      tree_.nodes_[i].parent = last_element_;
    }
    tree_.nodes_[last_element_].end = tree_.size();
  }

  void Push() {
    if (open_.size() >= limits_.depth) return;
    const HtmlTag tag = tree_.nodes_[last_element_].tag;
    open_.push_back(last_element_);
    ++open_count_[static_cast<size_t>(tag)];
    if (tag == HtmlTag::kUnknown) ++open_unknown_[NameHash(tree_.nodes_[last_element_].text)];
    foreign_ += IsForeign(tag);
  }

  void Pop() {
    HtmlNode& node = tree_.nodes_[open_.back()];
    node.end = tree_.size();
    --open_count_[static_cast<size_t>(node.tag)];
    if (node.tag == HtmlTag::kUnknown) --open_unknown_[NameHash(node.text)];
    foreign_ -= IsForeign(node.tag);
    open_.pop_back();
  }

  // Leaves `level` as the innermost that is open.
  void PopTo(size_t level) {
    while (open_.size() > level + 1) Pop();
  }

  // Ends the innermost open element with one of these tags, and all inside it, unless something
  // with one of the traits `barrier`, or a table, is in between.
  bool Close(std::initializer_list<HtmlTag> tags, uint8_t barrier) {
    uint32_t any = 0;
    for (const HtmlTag tag : tags) any += open_count_[static_cast<size_t>(tag)];
    if (any == 0) return false;
    for (size_t level = open_.size() - 1; level > 0; --level) {
      work_.Spend(kLevelSteps + tags.size());
      const HtmlTag tag = TagAt(level);
      if (std::find(tags.begin(), tags.end(), tag) != tags.end()) return PopTo(level - 1), true;
      if (tag == HtmlTag::kTable || HasTrait(tag, barrier)) return false;
    }
    return false;
  }

  // An item of a list ends before the next one of the same list.
  void CloseItem(std::initializer_list<HtmlTag> items) {
    for (size_t level = open_.size() - 1; level > 0; --level) {
      work_.Spend(kLevelSteps + items.size());
      const HtmlTag tag = TagAt(level);
      if (std::find(items.begin(), items.end(), tag) != items.end()) return PopTo(level - 1);
      const bool passes = tag == HtmlTag::kDiv || tag == HtmlTag::kP || tag == HtmlTag::kAddress;
      if (!passes && HasTrait(tag, kBlock | kScope)) return;
    }
  }

  void CloseWhatEndsBefore(HtmlTag tag) {
    if (HasTrait(tag, kClosesParagraph)) Close({HtmlTag::kP}, kScope);
    if (IsHeading(tag) && IsHeading(TagAt(open_.size() - 1))) Pop();
    switch (tag) {
      case HtmlTag::kLi:
        return CloseItem({HtmlTag::kLi});
      case HtmlTag::kDd:
      case HtmlTag::kDt:
        return CloseItem({HtmlTag::kDd, HtmlTag::kDt});
      case HtmlTag::kOptgroup:
        Close({HtmlTag::kOption}, 0);
        Close({HtmlTag::kOptgroup}, 0);
        return;
      case HtmlTag::kOption:
        Close({HtmlTag::kOption}, 0);
        return;
      case HtmlTag::kTbody:
      case HtmlTag::kThead:
      case HtmlTag::kTfoot:
        Close({HtmlTag::kCaption, HtmlTag::kColgroup, HtmlTag::kTr}, 0);
        Close({HtmlTag::kTbody, HtmlTag::kThead, HtmlTag::kTfoot}, 0);
        return;
      case HtmlTag::kTr:
        Close({HtmlTag::kTr, HtmlTag::kCaption, HtmlTag::kColgroup}, 0);
        return;
      case HtmlTag::kTd:
      case HtmlTag::kTh:
        Close({HtmlTag::kTd, HtmlTag::kTh, HtmlTag::kCaption}, 0);
        return;
      case HtmlTag::kA:
        Close({HtmlTag::kA}, kBlock | kScope);
        return;
      case HtmlTag::kButton:
        Close({HtmlTag::kButton}, kScope);
        return;
      case HtmlTag::kRp:
      case HtmlTag::kRt:
        Close({HtmlTag::kRp, HtmlTag::kRt}, kBlock | kScope);
        return;
      default:
        return;
    }
  }

  void EndTag(std::string_view name) {
    const HtmlTag tag = FindHtmlTag(name);
    // What follows the end of the body still belongs to it.
    if (tag == HtmlTag::kBody || tag == HtmlTag::kHtml) return;
    if (tag == HtmlTag::kUnknown) return EndUnknown(name);
    if (IsHeading(tag)) {
      Close({HtmlTag::kH1, HtmlTag::kH2, HtmlTag::kH3, HtmlTag::kH4, HtmlTag::kH5, HtmlTag::kH6},
            kScope);
      return;
    }
    const bool reaches_far = tag == HtmlTag::kTd || tag == HtmlTag::kTh || tag == HtmlTag::kTr ||
                             tag == HtmlTag::kTbody || tag == HtmlTag::kThead ||
                             tag == HtmlTag::kTfoot || tag == HtmlTag::kTable ||
                             tag == HtmlTag::kCaption || tag == HtmlTag::kSelect || IsForeign(tag);
    Close({tag}, reaches_far ? 0 : HasTrait(tag, kBlock | kScope) ? kScope : kBlock | kScope);
  }

  void EndUnknown(std::string_view name) {
    if (open_unknown_[NameHash(name)] == 0) return;
    for (size_t level = open_.size() - 1; level > 0; --level) {
      work_.Spend(kLevelSteps + name.size());  // other names may begin with all of it but the end
      const HtmlNode& node = tree_.nodes_[open_[level]];
      if (node.tag == HtmlTag::kUnknown && EqualsIgnoringCase(node.text, name)) {
        return PopTo(level - 1);
      }
      if (HasTrait(node.tag, kScope)) return;
    }
  }

  HtmlTree& tree_;
  const HtmlLimits& limits_;
  WorkBudget& work_;
  std::vector<uint32_t> open_;       // the root and what is open inside it, outermost first
  uint32_t open_count_[256] = {};    // by tag
  uint32_t open_unknown_[256] = {};  // by NameHash: an end tag without a start is not looked for
  bool seen_[256] = {};
  uint32_t last_element_ = 0;
  int foreign_ = 0;  // <svg> and <math> that are open
};

HtmlTree::HtmlTree(std::string_view html, const HtmlLimits& limits) {
  WorkBudget unlimited;
  Read(html, limits, &unlimited);
}

HtmlTree::HtmlTree(std::string_view html, const HtmlLimits& limits, WorkBudget* work) {
  Read(html, limits, work);
}

void HtmlTree::Read(std::string_view html, const HtmlLimits& limits, WorkBudget* work) {
  truncated_ = html.size() > limits.bytes;
  Builder(this, limits, work).Build(WholeCharacters(html, limits.bytes));
}

std::string_view HtmlTree::RawAttribute(uint32_t node, std::string_view name) const {
  const HtmlNode& element = nodes_[node];
  for (uint32_t i = 0; i < element.attribute_count; ++i) {
    const HtmlAttribute& attribute = attributes_[element.first_attribute + i];
    if (EqualsIgnoringCase(attribute.name, name)) {
      return attribute.value.data() != nullptr ? attribute.value : std::string_view("");
    }
  }
  return {};
}

std::optional<std::string> HtmlTree::Attribute(uint32_t node, std::string_view name) const {
  const std::string_view raw = RawAttribute(node, name);
  if (raw.data() == nullptr) return std::nullopt;
  std::string value;
  AppendUnescapedHtml(raw, true, &value);
  return value;
}

std::string HtmlTree::TextOf(uint32_t node, size_t most_bytes) const {
  std::string text;
  for (uint32_t i = node; i < nodes_[node].end && text.size() < most_bytes; ++i) {
    if (nodes_[i].tag == HtmlTag::kText) text += WholeCharacters(nodes_[i].text, most_bytes);
  }
  return text;
}

}  // namespace quern::text
