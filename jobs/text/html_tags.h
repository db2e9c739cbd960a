// The elements of HTML, and what the tree builder has to know about each.
#pragma once

#include <cstdint>
#include <string_view>

namespace quern::text {

namespace html_traits {

inline constexpr uint8_t kVoid = 1;             // has no contents and no end tag
inline constexpr uint8_t kBlock = 2;            // begins on a new line
inline constexpr uint8_t kClosesParagraph = 4;  // its start tag ends an open <p>
inline constexpr uint8_t kScope = 8;            // end tags inside do not reach beyond it
inline constexpr uint8_t kInHead = 16;          // may stand in <head>
inline constexpr uint8_t kRawText = 32;         // tags inside are text

}  // namespace html_traits

// X(enumerator, name, traits)
// clang-format off
#define QUERN_HTML_TAGS(X) \
  X(kA, "a", 0)                                                    \
  X(kAbbr, "abbr", 0)                                              \
  X(kAcronym, "acronym", 0)                                        \
  X(kAddress, "address", kBlock | kClosesParagraph)                \
  X(kApplet, "applet", kScope)                                     \
  X(kArea, "area", kVoid)                                          \
  X(kArticle, "article", kBlock | kClosesParagraph)                \
  X(kAside, "aside", kBlock | kClosesParagraph)                    \
  X(kAudio, "audio", 0)                                            \
  X(kB, "b", 0)                                                    \
  X(kBase, "base", kVoid | kInHead)                                \
  X(kBasefont, "basefont", kVoid | kInHead)                        \
  X(kBdi, "bdi", 0)                                                \
  X(kBdo, "bdo", 0)                                                \
  X(kBgsound, "bgsound", kVoid | kInHead)                          \
  X(kBig, "big", 0)                                                \
  X(kBlockquote, "blockquote", kBlock | kClosesParagraph)          \
  X(kBody, "body", kBlock)                                         \
  X(kBr, "br", kVoid)                                              \
  X(kButton, "button", kScope)                                     \
  X(kCanvas, "canvas", 0)                                          \
  X(kCaption, "caption", kBlock | kScope)                          \
  X(kCenter, "center", kBlock | kClosesParagraph)                  \
  X(kCite, "cite", 0)                                              \
  X(kCode, "code", 0)                                              \
  X(kCol, "col", kVoid)                                            \
  X(kColgroup, "colgroup", 0)                                      \
  X(kData, "data", 0)                                              \
  X(kDatalist, "datalist", 0)                                      \
  X(kDd, "dd", kBlock | kClosesParagraph)                          \
  X(kDel, "del", 0)                                                \
  X(kDetails, "details", kBlock | kClosesParagraph)                \
  X(kDfn, "dfn", 0)                                                \
  X(kDialog, "dialog", kBlock | kClosesParagraph)                  \
  X(kDir, "dir", kBlock | kClosesParagraph)                        \
  X(kDiv, "div", kBlock | kClosesParagraph)                        \
  X(kDl, "dl", kBlock | kClosesParagraph)                          \
  X(kDt, "dt", kBlock | kClosesParagraph)                          \
  X(kEm, "em", 0)                                                  \
  X(kEmbed, "embed", kVoid)                                        \
  X(kFieldset, "fieldset", kBlock | kClosesParagraph)              \
  X(kFigcaption, "figcaption", kBlock | kClosesParagraph)          \
  X(kFigure, "figure", kBlock | kClosesParagraph)                  \
  X(kFont, "font", 0)                                              \
  X(kFooter, "footer", kBlock | kClosesParagraph)                  \
  X(kForm, "form", kBlock | kClosesParagraph)                      \
  X(kFrame, "frame", kVoid)                                        \
  X(kFrameset, "frameset", kBlock)                                 \
  X(kH1, "h1", kBlock | kClosesParagraph)                          \
  X(kH2, "h2", kBlock | kClosesParagraph)                          \
  X(kH3, "h3", kBlock | kClosesParagraph)                          \
  X(kH4, "h4", kBlock | kClosesParagraph)                          \
  X(kH5, "h5", kBlock | kClosesParagraph)                          \
  X(kH6, "h6", kBlock | kClosesParagraph)                          \
  X(kHead, "head", kInHead)                                        \
  X(kHeader, "header", kBlock | kClosesParagraph)                  \
  X(kHgroup, "hgroup", kBlock | kClosesParagraph)                  \
  X(kHr, "hr", kVoid | kBlock | kClosesParagraph)                  \
  X(kHtml, "html", kScope | kInHead)                               \
  X(kI, "i", 0)                                                    \
  X(kIframe, "iframe", kRawText)                                   \
  X(kImg, "img", kVoid)                                            \
  X(kInput, "input", kVoid)                                        \
  X(kIns, "ins", 0)                                                \
  X(kKbd, "kbd", 0)                                                \
  X(kKeygen, "keygen", kVoid)                                      \
  X(kLabel, "label", 0)                                            \
  X(kLegend, "legend", kBlock)                                     \
  X(kLi, "li", kBlock | kClosesParagraph)                          \
  X(kLink, "link", kVoid | kInHead)                                \
  X(kMain, "main", kBlock | kClosesParagraph)                      \
  X(kMap, "map", 0)                                                \
  X(kMark, "mark", 0)                                              \
  X(kMarquee, "marquee", kScope)                                   \
  X(kMath, "math", 0)                                              \
  X(kMenu, "menu", kBlock | kClosesParagraph)                      \
  X(kMeta, "meta", kVoid | kInHead)                                \
  X(kMeter, "meter", 0)                                            \
  X(kNav, "nav", kBlock | kClosesParagraph)                        \
  X(kNobr, "nobr", 0)                                              \
  X(kNoembed, "noembed", kRawText)                                 \
  X(kNoframes, "noframes", kInHead | kRawText)                     \
  X(kNoscript, "noscript", kInHead)                                \
  X(kObject, "object", kScope)                                     \
  X(kOl, "ol", kBlock | kClosesParagraph)                          \
  X(kOptgroup, "optgroup", kBlock)                                 \
  X(kOption, "option", kBlock)                                     \
  X(kOutput, "output", 0)                                          \
  X(kP, "p", kBlock | kClosesParagraph)                            \
  X(kParam, "param", kVoid)                                        \
  X(kPicture, "picture", 0)                                        \
  X(kPlaintext, "plaintext", kBlock | kClosesParagraph | kRawText) \
  X(kPre, "pre", kBlock | kClosesParagraph)                        \
  X(kProgress, "progress", 0)                                      \
  X(kQ, "q", 0)                                                    \
  X(kRp, "rp", 0)                                                  \
  X(kRt, "rt", 0)                                                  \
  X(kRuby, "ruby", 0)                                              \
  X(kS, "s", 0)                                                    \
  X(kSamp, "samp", 0)                                              \
  X(kScript, "script", kInHead | kRawText)                         \
  X(kSection, "section", kBlock | kClosesParagraph)                \
  X(kSelect, "select", 0)                                          \
  X(kSmall, "small", 0)                                            \
  X(kSource, "source", kVoid)                                      \
  X(kSpan, "span", 0)                                              \
  X(kStrike, "strike", 0)                                          \
  X(kStrong, "strong", 0)                                          \
  X(kStyle, "style", kInHead | kRawText)                           \
  X(kSub, "sub", 0)                                                \
  X(kSummary, "summary", kBlock | kClosesParagraph)                \
  X(kSup, "sup", 0)                                                \
  X(kSvg, "svg", 0)                                                \
  X(kTable, "table", kBlock | kClosesParagraph | kScope)           \
  X(kTbody, "tbody", kBlock)                                       \
  X(kTd, "td", kBlock | kScope)                                    \
  X(kTemplate, "template", kScope | kInHead)                       \
  X(kTextarea, "textarea", kRawText)                               \
  X(kTfoot, "tfoot", kBlock)                                       \
  X(kTh, "th", kBlock | kScope)                                    \
  X(kThead, "thead", kBlock)                                       \
  X(kTime, "time", 0)                                              \
  X(kTitle, "title", kBlock | kInHead | kRawText)                  \
  X(kTr, "tr", kBlock)                                             \
  X(kTrack, "track", kVoid)                                        \
  X(kTt, "tt", 0)                                                  \
  X(kU, "u", 0)                                                    \
  X(kUl, "ul", kBlock | kClosesParagraph)                          \
  X(kVar, "var", 0)                                                \
  X(kVideo, "video", 0)                                            \
  X(kWbr, "wbr", kVoid)                                            \
  X(kXmp, "xmp", kBlock | kClosesParagraph | kRawText)
// clang-format on

enum class HtmlTag : uint8_t {
  kDocument,  // the root, which no tag makes
  kText,      // no element, but text
  kUnknown,   // an element that HTML does not know
#define QUERN_ENUMERATOR(enumerator, name, traits) enumerator,
  QUERN_HTML_TAGS(QUERN_ENUMERATOR)
#undef QUERN_ENUMERATOR
};

// In either case of letters; kUnknown for any other name.
HtmlTag FindHtmlTag(std::string_view name);

// html_traits of a tag.
uint8_t TraitsOf(HtmlTag tag);
inline bool HasTrait(HtmlTag tag, uint8_t trait) { return (TraitsOf(tag) & trait) != 0; }

}  // namespace quern::text
