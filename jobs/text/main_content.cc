#include "jobs/text/main_content.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "jobs/text/ascii.h"

namespace quern::text {

namespace {

enum class Hint : uint8_t { kNone, kBoilerplate, kComments };

bool ContainsAny(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  });
}

// What the words of a class, an id or a role say.
Hint HintOfName(std::string_view name) {
  const std::string lower = LowerLetters(name);
  if (ContainsAny(lower, {"comment", "disqus", "replies", "respond"})) return Hint::kComments;
  if (ContainsAny(lower, {"sidebar",        "side-bar",      "related",
                          "recommend",      "recirc",        "social",
                          "share",          "sharing",       "promo",
                          "advert",         "sponsor",       "newsletter",
                          "subscri",        "signup",        "sign-up",
                          "breadcrumb",     "footer",        "masthead",
                          "navbar",         "navigation",    "-nav",
                          "nav-",           "_nav",          "nav_",
                          "menu",           "popup",         "modal",
                          "cookie",         "consent",       "gdpr",
                          "banner",         "widget",        "teaser",
                          "trending",       "most-read",     "mostread",
                          "popular",        "pagination",    "pager",
                          "outbrain",       "taboola",       "toolbar",
                          "login",          "more-stories",  "more-news",
                          "read-more",      "readmore",      "see-also",
                          "sr-only",        "screen-reader", "visually-hidden",
                          "visuallyhidden", "skip-link",     "author-bio",
                          "authorbio",      "about-author",  "post-meta",
                          "entry-meta",     "byline",        "copyright",
                          "disclaimer",     "tag-list",      "taglist",
                          "tags",           "hatnote",       "editsection",
                          "noprint",        "paywall",       "timestamp",
                          "dateline",       "complementary", "contentinfo",
                          "caption",        "credit",        "print-only",
                          "rating",         "upsell"})) {
    return Hint::kBoilerplate;
  }
  return Hint::kNone;
}

Hint HintOfTag(HtmlTag tag) {
  switch (tag) {
    case HtmlTag::kNav:
    case HtmlTag::kAside:
    case HtmlTag::kFooter:
    case HtmlTag::kMenu:
    case HtmlTag::kFigcaption:
    case HtmlTag::kCaption:
      return Hint::kBoilerplate;
    default:
      return Hint::kNone;
  }
}

// Names that sites give the text of an article alone.
bool NamesArticleBody(std::string_view name) {
  const std::string lower = LowerLetters(name);
  return ContainsAny(
      lower, {"articlebody", "article-body", "article_body", "article__body", "article-content",
              "article__content", "article-text", "entry-content", "post-content", "post-body",
              "post_content", "postbody", "story-body", "storybody", "story-content", "story-text",
              "body-copy", "td-post-content"});
}

bool IsTitle(HtmlTag tag) { return tag >= HtmlTag::kH1 && tag <= HtmlTag::kH6; }

// What is spent (jobs/text/work_budget.h): on each byte of a name, which is looked through for many
// words, once for hints and once for bodies of articles; on each element around a paragraph; on
// each element below another.
constexpr uint64_t kHintByteSteps = 130;
constexpr uint64_t kBodyByteSteps = 30;
constexpr uint64_t kOuterSteps = 4;
constexpr uint64_t kInnerSteps = 2;

double LinkShare(double links, double letters) { return letters > 0 ? links / letters : 0; }

// One paragraph a line. A text that grows as it is written takes three times its size.
template <typename Iterator, typename BlockAt>
std::string LinesOf(Iterator first, Iterator last, const BlockAt& block_at) {
  size_t bytes = 0;
  for (Iterator at = first; at < last; ++at) bytes += block_at(*at).text.size() + 1;
  std::string text;
  text.reserve(bytes);
  for (Iterator at = first; at < last; ++at) text.append(block_at(*at).text).push_back('\n');
  return text;
}

class ContentFinder {
 public:
  ContentFinder(const HtmlTree& tree, const std::vector<HtmlBlock>& blocks, WorkBudget* work)
      : tree_(tree), blocks_(blocks), work_(*work), nodes_(tree.size()), values_(blocks.size()) {}

  std::string Find() {
    for (size_t b = 0; b < blocks_.size(); ++b) values_[b] = ValueOf(blocks_[b]);
    AddUp();
    if (nodes_[0].good <= 0) return "";
    ReadNames();
    LeaveOutFeeds();
    Score();
    const uint32_t top = Descend();
    std::string text = TextBelow(top);
    return work_.is_spent() ? "" : text;
  }

 private:
  struct NodeSums {
    double good = 0;  // text that looks like sentences
    double letters = 0;
    double links = 0;
    double score = 0;
    bool left_out = false;
    bool is_named = false;  // calls itself the article's body
  };

  // What a paragraph says for the element that holds it.
  double ValueOf(const HtmlBlock& block) const {
    if (IsTitle(tree_.node(block.node).tag)) return block.link_letters > 0 ? -8 : 0;
    const double letters = block.letters;
    const double share = LinkShare(block.link_letters, letters);
    const double plain = letters - block.link_letters;
    if (share > 0.5) return -0.4 * letters - 8;
    const bool sentences = block.sentence_ends > 0 && plain >= 40;
    if (sentences || plain >= 80) return plain * (1 - share);
    return -2;
  }

  void AddUp() {
    for (size_t b = 0; b < blocks_.size(); ++b) {
      NodeSums& sums = nodes_[blocks_[b].node];
      sums.good += std::max(values_[b], 0.0);
      sums.letters += blocks_[b].letters;
      sums.links += blocks_[b].link_letters;
    }
    for (uint32_t i = tree_.size() - 1; i > 0; --i) {
      NodeSums& outer = nodes_[tree_.node(i).parent];
      outer.good += nodes_[i].good;
      outer.letters += nodes_[i].letters;
      outer.links += nodes_[i].links;
    }
  }

  void ReadNames() {
    std::unordered_map<std::string_view, Hint> known;
    const auto hint_of_name = [&](std::string_view name) {
      if (name.empty()) return Hint::kNone;
      const auto [at, is_new] = known.try_emplace(name, Hint::kNone);
      if (is_new && work_.Spend(kHintByteSteps * name.size())) at->second = HintOfName(name);
      return at->second;
    };
    std::unordered_map<std::string_view, bool> bodies;
    const auto is_body_name = [&](std::string_view name) {
      if (name.empty()) return false;
      const auto [at, is_new] = bodies.try_emplace(name, false);
      if (is_new && work_.Spend(kBodyByteSteps * name.size())) at->second = NamesArticleBody(name);
      return at->second;
    };
    const double all = nodes_[0].good;
    for (uint32_t i = 1; i < tree_.size(); ++i) {
      NodeSums& sums = nodes_[i];
      sums.left_out = nodes_[tree_.node(i).parent].left_out;
      if (sums.left_out || sums.letters == 0) continue;
      for (const char* attribute : {"itemprop", "class", "id"}) {
        sums.is_named = sums.is_named || is_body_name(tree_.RawAttribute(i, attribute));
      }
      Hint hint = HintOfTag(tree_.node(i).tag);
      for (const char* attribute : {"class", "id", "role"}) {
        if (hint == Hint::kNone) hint = hint_of_name(tree_.RawAttribute(i, attribute));
      }
      const double limit = hint == Hint::kComments ? 0.7 : hint == Hint::kBoilerplate ? 0.3 : 0;
      sums.left_out = sums.good < limit * all || (limit > 0 && sums.good == 0);
    }
  }

  // Several elements side by side that each begin with a link: teasers of other pages.
  void LeaveOutFeeds() {
    std::vector<char> begins_with_link(tree_.size());
    std::vector<uint32_t> block_count(tree_.size());
    for (size_t b = 0; b < blocks_.size() && !work_.is_spent(); ++b) {
      const bool link = 2 * blocks_[b].link_letters > blocks_[b].letters;
      for (uint32_t i = blocks_[b].node; i != 0; i = tree_.node(i).parent) {
        work_.Spend(kOuterSteps);
        if (block_count[i]++ == 0) begins_with_link[i] = link;
      }
    }
    std::vector<uint32_t> teasers(tree_.size());  // by parent
    const auto is_teaser = [&](uint32_t i) {
      const NodeSums& sums = nodes_[i];
      if (tree_.node(i).tag == HtmlTag::kTr) return false;  // a table of things that have links
      return begins_with_link[i] && block_count[i] > 1 && sums.links < sums.letters &&
             sums.good < 0.25 * nodes_[0].good && sums.letters < 1000 && sums.letters > 40;
    };
    for (uint32_t i = 1; i < tree_.size(); ++i) teasers[tree_.node(i).parent] += is_teaser(i);
    for (uint32_t i = 1; i < tree_.size(); ++i) {
      const uint32_t parent = tree_.node(i).parent;
      NodeSums& sums = nodes_[i];
      sums.left_out =
          sums.left_out || nodes_[parent].left_out || (is_teaser(i) && teasers[parent] >= 3);
    }
  }

  // What an element is worth: its paragraphs and what is inside; what is bad there counts for less,
  // since it can be left out.
  void Score() {
    for (size_t b = 0; b < blocks_.size(); ++b) {
      NodeSums& sums = nodes_[blocks_[b].node];
      if (!sums.left_out) sums.score += values_[b];
    }
    for (uint32_t i = tree_.size() - 1; i > 0; --i) {
      const double score = nodes_[i].score;
      nodes_[tree_.node(i).parent].score += score > 0 ? score : 0.3 * score;
    }
  }

  // From the root to the smallest element that still has nearly all.
  uint32_t Descend() const {
    uint32_t top = 0;
    while (work_.Spend(kInnerSteps * (tree_.node(top).end - top))) {
      const uint32_t named = NamedArticleBody(top);
      if (named != 0) {
        top = named;
        continue;
      }
      uint32_t best = 0;
      for (uint32_t i = top + 1; i < tree_.node(top).end; i = tree_.node(i).end) {
        if (best == 0 || nodes_[i].score > nodes_[best].score) best = i;
      }
      if (best == 0 || nodes_[best].score < kNearlyAll * nodes_[top].score) return top;
      top = best;
    }
    return top;
  }

  // The one element below that calls itself the article's body and holds much of the text; 0 when
  // there is none, or the text is spread over several.
  uint32_t NamedArticleBody(uint32_t top) const {
    uint32_t largest = 0;
    double sum = 0;
    for (uint32_t i = top + 1; i < tree_.node(top).end;) {
      if (nodes_[i].score <= 0 || !nodes_[i].is_named) {
        ++i;
        continue;
      }
      sum += nodes_[i].score;
      if (largest == 0 || nodes_[i].score > nodes_[largest].score) largest = i;
      i = tree_.node(i).end;
    }
    const bool is_it = largest != 0 && nodes_[largest].score >= kMuch * nodes_[top].score &&
                       nodes_[largest].score >= kNearlyAll * sum;
    return is_it ? largest : 0;
  }

  // Lists and boxes of links inside the content.
  bool IsLinkBox(uint32_t node) const {
    const NodeSums& sums = nodes_[node];
    return sums.letters > 0 && LinkShare(sums.links, sums.letters) > 0.6 && sums.good < 200;
  }

  std::string TextBelow(uint32_t top) const {
    std::vector<size_t> kept;
    for (size_t b = 0; b < blocks_.size(); ++b) {
      const uint32_t node = blocks_[b].node;
      if (node < top || node >= tree_.node(top).end || nodes_[node].left_out) continue;
      if (InLinkBox(node, top)) continue;
      kept.push_back(b);
    }
    // Short ones at the border are rarely part of it.
    const auto is_good = [&](size_t b) { return values_[b] > 0; };
    const auto first = std::find_if(kept.begin(), kept.end(), is_good);
    const auto last = std::find_if(kept.rbegin(), kept.rend(), is_good).base();
    return LinesOf(first, last, [this](size_t b) -> const HtmlBlock& { return blocks_[b]; });
  }

  bool InLinkBox(uint32_t node, uint32_t top) const {
    for (; node != top; node = tree_.node(node).parent) {
      if (!work_.Spend(kOuterSteps)) return true;
      if (IsLinkBox(node)) return true;
    }
    return false;
  }

  static constexpr double kNearlyAll = 0.85;
  static constexpr double kMuch = 0.4;

  const HtmlTree& tree_;
  const std::vector<HtmlBlock>& blocks_;
  WorkBudget& work_;
  std::vector<NodeSums> nodes_;
  std::vector<double> values_;
};

}  // namespace

std::string MainContent(const HtmlTree& tree, const std::vector<HtmlBlock>& blocks,
                        WorkBudget* work) {
  return ContentFinder(tree, blocks, work).Find();
}

std::string AllText(const std::vector<HtmlBlock>& blocks) {
  return LinesOf(blocks.begin(), blocks.end(),
                 [](const HtmlBlock& block) -> const HtmlBlock& { return block; });
}

}  // namespace quern::text
