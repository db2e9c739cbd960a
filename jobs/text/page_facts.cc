#include "jobs/text/page_facts.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "jobs/text/ascii.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr size_t kMaxLinks = 10'000;
constexpr size_t kMaxAnchorBytes = 1'000;
constexpr size_t kMaxTitleBytes = 1'000;
constexpr size_t kMaxDateBytes = 100;
constexpr size_t kMaxLanguageBytes = 35;  // RFC 5646, 4.4.1
constexpr size_t kMaxHeadings = 20;

std::string Collapse(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && (c < '\t' || c > '\r')) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string Shortened(std::string_view text, size_t most_bytes) {
  return std::string(WholeCharacters(text, most_bytes));
}

// Metas of the same meaning, the surest first.
constexpr std::string_view kTitleMetas[] = {
    "dc:title",      "dcterm:title",        "dcterms.title",       "dc.title",      "og:title",
    "parsely-title", "weibo:article:title", "weibo:webpage:title", "twitter:title", "title"};
constexpr std::string_view kDateMetas[] = {"article:published_time",
                                           "og:article:published_time",
                                           "datepublished",
                                           "parsely-pub-date",
                                           "dc.date.issued",
                                           "dcterms.date",
                                           "dc.date",
                                           "dcterms.created",
                                           "dc.date.created",
                                           "sailthru.date",
                                           "pubdate",
                                           "publishdate",
                                           "publish-date",
                                           "date"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A text that begins with YYYY-MM-DD, or so with slashes, which become hyphens; empty for any
// other, and when there is no such day.
std::string DateOf(std::string_view text) {
  constexpr size_t kDateBytes = 10;
  if (text.size() < kDateBytes) return "";
  for (const size_t i : {0u, 1u, 2u, 3u, 5u, 6u, 8u, 9u}) {
    if (!IsDigit(text[i])) return "";
  }
  if (text[4] != text[7] || (text[4] != '-' && text[4] != '/')) return "";
  const auto digits = [text](size_t at) { return (text[at] - '0') * 10 + text[at + 1] - '0'; };
  const std::chrono::year_month_day day{std::chrono::year(digits(0) * 100 + digits(2)),
                                        std::chrono::month(static_cast<unsigned>(digits(5))),
                                        std::chrono::day(static_cast<unsigned>(digits(8)))};
  if (!day.ok()) return "";
  std::string date(text);
  date[4] = date[7] = '-';
  return date;
}

class FactReader {
 public:
  FactReader(const HtmlTree& tree, WorkBudget* work) : tree_(tree), work_(*work) {}

  PageFacts Read() {
    for (uint32_t i = 1; i < tree_.size() && !work_.is_spent(); ++i) {
      switch (tree_.node(i).tag) {
        case HtmlTag::kHtml:
          ReadLanguage(i);
          break;
        case HtmlTag::kBase:
          if (facts_.base.empty()) facts_.base = ValueOf(i, "href");
          break;
        case HtmlTag::kMeta:
          ReadMeta(i);
          break;
        case HtmlTag::kTitle:
          ReadTitle(i);
          break;
        case HtmlTag::kH1:
          ReadHeading(i);
          break;
        case HtmlTag::kTime:
          ReadTime(i);
          break;
        case HtmlTag::kScript:
          ReadScript(i);
          break;
        case HtmlTag::kA:
          ReadLink(i);
          break;
        default:
          break;
      }
    }
    facts_.title = Shortened(ChooseTitle(), kMaxTitleBytes);
    const std::string& date = !meta_date_.empty()     ? meta_date_
                              : !script_date_.empty() ? script_date_
                                                      : time_date_;
    facts_.date = Shortened(date, kMaxDateBytes);
    return std::move(facts_);
  }

 private:
  std::string ValueOf(uint32_t i, std::string_view attribute) const {
    return Collapse(tree_.Attribute(i, attribute).value_or(""));
  }

  // Headings and links may be within one another, each with all the page below it.
  std::string BeginningOf(uint32_t i, size_t most_bytes) {
    constexpr uint64_t kNodeSteps = 2;
    const uint64_t nodes = tree_.node(i).end - i;
    return work_.Spend(kNodeSteps * nodes) ? tree_.TextOf(i, most_bytes) : "";
  }

  void ReadLanguage(uint32_t i) {
    const std::string language = ValueOf(i, "lang");
    if (language.size() <= kMaxLanguageBytes) facts_.language = language;
  }

  // `property` and `name` may hold several names with blanks between.
  void ReadMeta(uint32_t i) {
    const std::string content = ValueOf(i, "content");
    if (content.empty()) return;
    for (const char* attribute : {"property", "name", "itemprop"}) {
      const std::string names = LowerLetters(ValueOf(i, attribute));
      for (size_t at = 0; at < names.size();) {
        const size_t end = std::min(names.find(' ', at), names.size());
        TakeMeta(std::string_view(names).substr(at, end - at), content);
        at = end + 1;
      }
    }
  }

  void TakeMeta(std::string_view name, const std::string& content) {
    const auto title = std::find(std::begin(kTitleMetas), std::end(kTitleMetas), name);
    if (title < best_title_meta_) {
      best_title_meta_ = title;
      meta_title_ = content;
    }
    const auto date = std::find(std::begin(kDateMetas), std::end(kDateMetas), name);
    if (date >= best_date_meta_) return;
    std::string value = DateOf(content);
    if (value.empty()) return;
    best_date_meta_ = date;
    meta_date_ = std::move(value);
  }

  void ReadTitle(uint32_t i) {
    if (page_title_.empty() && tree_.node(tree_.node(i).parent).tag != HtmlTag::kSvg) {
      page_title_ = Collapse(BeginningOf(i, kMaxTitleBytes));
    }
  }

  void ReadHeading(uint32_t i) {
    const std::string text = Collapse(BeginningOf(i, kMaxTitleBytes));
    if (!text.empty() && headings_.size() < kMaxHeadings) headings_.push_back(text);
  }

  void ReadTime(uint32_t i) {
    if (time_date_.empty()) time_date_ = DateOf(ValueOf(i, "datetime"));
  }

  // "datePublished": "..." of schema.org, in JSON inside a script.
  void ReadScript(uint32_t i) {
    if (!script_date_.empty() || tree_.RawAttribute(i, "type") != "application/ld+json") return;
    const std::string json = tree_.TextOf(i);
    constexpr std::string_view kName = "\"datePublished\"";
    const size_t at = json.find(kName);
    if (at == std::string::npos) return;
    const size_t quote = json.find_first_not_of(" \t\r\n:", at + kName.size());
    if (quote == std::string::npos || json[quote] != '"') return;
    script_date_ = DateOf(json.substr(quote + 1, json.find('"', quote + 1) - quote - 1));
  }

  void ReadLink(uint32_t i) {
    if (facts_.links.size() >= kMaxLinks) return;
    std::string target = ValueOf(i, "href");
    if (target.empty() || target[0] == '#') return;
    std::string anchor = Collapse(BeginningOf(i, 2 * kMaxAnchorBytes));
    if (anchor.size() > kMaxAnchorBytes) anchor.clear();  // a page that forgot to end its link
    facts_.links.push_back({std::move(target), std::move(anchor)});
  }

  std::string ChooseTitle() const {
    if (!meta_title_.empty()) return meta_title_;
    for (const std::string& heading : headings_) {
      if (heading.size() >= 10 && page_title_.find(heading) != std::string::npos) return heading;
    }
    if (!page_title_.empty()) return WithoutSite(page_title_);
    return headings_.empty() ? "" : headings_[0];
  }

  // "What happened - The Site" and "What happened | The Site"; at least three words stay.
  static std::string WithoutSite(const std::string& title) {
    size_t cut = std::string::npos;
    for (const std::string_view separator : {" - ", " | ", " – ", " — ", " :: ", " » "}) {
      const size_t at = title.rfind(separator);
      if (at != std::string::npos && (cut == std::string::npos || at > cut)) cut = at;
    }
    if (cut == std::string::npos) return title;
    const std::string kept = title.substr(0, cut);
    return std::count(kept.begin(), kept.end(), ' ') >= 2 ? kept : title;
  }

  const HtmlTree& tree_;
  WorkBudget& work_;
  PageFacts facts_;
  const std::string_view* best_title_meta_ = std::end(kTitleMetas);
  const std::string_view* best_date_meta_ = std::end(kDateMetas);
  std::string meta_title_, page_title_, meta_date_, script_date_, time_date_;
  std::vector<std::string> headings_;
};

}  // namespace

PageFacts ReadPageFacts(const HtmlTree& tree, WorkBudget* work) {
  return FactReader(tree, work).Read();
}

}  // namespace quern::text
