// Text of web pages: what stands between the menus.
//
// Input: whole files (format whole), named by their path, of HTML, or of text where their names
// end so (.txt, .text, .md); JSON lines with the page in a field (format jsonl), {"id": ..., "url":
// ..., "html": ...}, or, where they have none, the text in "text", with its "title", "date" and
// "lang"; or crawls (format warc): responses with pages, and conversions, whose text is taken as it
// is (WET files). A directory of all of them has the format mixed. Output (raw), in the order of
// the input, one line each:
//   {"id", "url", "domain", "crawled", "title", "date", "lang", "text"}
// Fields that are empty are left out. What gives no text is counted by its reason; the output
// "rejected" has it without a text, with a field
//   "rejected": {"rule": "extract.status", "value": "404"}
// of the rules extract.status, .type, .coding, .binary, .no_text and .too_slow. What is no page of
// anybody (requests, lines of bad JSON) is only counted.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/corpus/json_input.h"
#include "jobs/params.h"
#include "jobs/text/ascii.h"
#include "jobs/text/charset.h"
#include "jobs/text/html_tree.h"
#include "jobs/text/json.h"
#include "jobs/text/page.h"
#include "jobs/text/url.h"
#include "jobs/text/utf8.h"
#include "mapreduce/api/file_kinds.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::text::FindField;
using quern::text::IsJsonString;
using quern::text::Page;
using quern::text::PageProblem;
using quern::text::StringField;

// More of a page or a text is not looked at, nor copied: input formats have records of up to 1 GiB.
constexpr size_t kMostBytes = quern::text::HtmlLimits().bytes;

// How to say that all files are crawls.
constexpr std::string_view kReadsCrawls =
    "--format warc, of mr run corpus --set extract.input.format=warc";

struct Source {
  enum class Kind {
    kPage,
    kText,      // in UTF-8
    kTextFile,  // in any encoding
  };

  std::string id;
  std::string url;
  std::string crawled;  // when
  std::string html;     // what `kind` says; with more than kMostBytes there was more
  std::string content_type;
  Kind kind = Kind::kPage;
  quern::text::PageFacts facts;  // of a text, which says nothing of itself
};

// What a line says of its text: pages say the same of themselves, as long at most.
quern::text::PageFacts FactsOfLine(const std::vector<quern::text::JsonField>& fields) {
  constexpr size_t kMostTitle = 1000;
  constexpr size_t kMostDate = 100;
  constexpr size_t kMostLanguage = 35;
  // One byte more than may stay shows that there was more.
  const auto beginning = [&](std::string_view name, size_t most) {
    std::string value = StringField(fields, name, most + 1);
    value.resize(quern::text::WholeCharacters(value, most).size());
    return value;
  };
  quern::text::PageFacts facts;
  facts.title = beginning("title", kMostTitle);
  facts.date = beginning("date", kMostDate);
  facts.language = StringField(fields, "lang", kMostLanguage + 1);
  if (facts.language.size() > kMostLanguage) facts.language.clear();
  return facts;
}

// "text/html; charset=utf-8" is HTML; so is what says nothing of itself.
bool MayBeHtml(std::string_view content_type) {
  const std::string type =
      quern::text::LowerLetters(content_type.substr(0, content_type.find(';')));
  return type.empty() || type.find("html") != std::string::npos;
}

class ExtractMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    json_ = context.input_format() == "jsonl";
    warc_ = context.input_format() == "warc";
    field_ = NameParam(context, "field", "html");
    links_ = FlagParam(context, "links");
    const std::string content(context.param("content", "main"));
    if (content != "main" && content != "all") {
      context.Fail("params.content = '" + content + "': must be main or all");
    }
    main_content_ = content == "main";
    others_ = context.output("rejected");
    pages_ = context.counter("pages");
    extracted_ = context.counter("pages_with_text");
    binary_ = context.counter("pages_that_are_binary");
    no_text_ = context.counter("pages_without_text");
    too_slow_ = context.counter("pages_too_slow_to_read");
    truncated_ = context.counter("pages_too_large_to_read_whole");
    bad_json_ = context.counter("lines_without_a_page");
    if (json_) text_lines_ = context.counter("lines_of_text");
    if (!json_ && !warc_) text_files_ = context.counter("files_of_text");
    if (warc_) {
      other_records_ = context.counter("records_that_hold_no_page");
      failed_ = context.counter("responses_other_than_200");
      other_types_ = context.counter("responses_other_than_html");
      coded_ = context.counter("responses_in_unknown_codings");
    }
    bytes_ = context.counter("bytes_of_text");
  }

  void Map(const quern::MapInput& in) override {
    std::optional<Source> source;
    if (json_) {
      source = ReadLine(in);
    } else if (warc_) {
      source = ReadRecord(in);
    } else {
      source = ReadFile(in);
    }
    if (!source.has_value()) return;
    NameByPlace(in, &*source);
    Extract(in, &*source);
  }

 private:
  std::optional<Source> ReadLine(const quern::MapInput& in) {
    const std::string_view line = in.value();
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return std::nullopt;
    const auto fields = quern::text::ReadJsonObject(line);
    if (!fields.has_value()) {
      CheckIsNoCrawl(context(), in, kReadsCrawls);
      return bad_json_->Increment(), std::nullopt;
    }
    const quern::text::JsonField* const page = FindField(*fields, field_);
    const quern::text::JsonField* const text = FindField(*fields, "text");
    const bool is_text = text != nullptr && IsJsonString(text->value) &&
                         (page == nullptr || !IsJsonString(page->value));
    if (page == nullptr && !is_text) return bad_json_->Increment(), std::nullopt;
    const std::string_view value = is_text ? text->value : page->value;
    std::optional<std::string> contents = quern::text::ReadJsonString(value, kMostBytes + 1);
    // A string that is broken is no empty page; what is no string has none.
    if (!contents.has_value() && IsJsonString(value)) {
      return bad_json_->Increment(), std::nullopt;
    }
    if (is_text) text_lines_->Increment();
    // The characters of a JSON string are UTF-8, whatever the page once declared.
    return Source{quern::corpus::IdOf(*fields),
                  StringField(*fields, "url"),
                  StringField(*fields, "crawled"),
                  std::move(contents).value_or(""),
                  is_text ? "" : "text/html; charset=utf-8",
                  is_text ? Source::Kind::kText : Source::Kind::kPage,
                  is_text ? FactsOfLine(*fields) : quern::text::PageFacts()};
  }

  std::optional<Source> ReadFile(const quern::MapInput& in) {
    const std::string_view path = in.source().path;
    Source source;
    source.html = in.value().substr(0, kMostBytes + 1);
    if (quern::HasTextName(path)) {
      text_files_->Increment();
      source.kind = Source::Kind::kTextFile;
    }
    return source;
  }

  std::optional<Source> ReadRecord(const quern::MapInput& in) {
    const auto record = in.source();
    const std::string_view type = record.header("WARC-Type");
    const bool is_text = type == "conversion";
    if (!is_text && type != "response") return other_records_->Increment(), std::nullopt;
    const std::string_view status = record.header("HTTP-Status");
    const std::string_view content_type = record.header("HTTP-Content-Type");
    Source source{std::string(record.header("WARC-Record-ID")),
                  std::string(in.key()),
                  std::string(record.header("WARC-Date")),
                  std::string(in.value().substr(0, kMostBytes + 1)),
                  std::string(content_type),
                  is_text ? Source::Kind::kText : Source::Kind::kPage,
                  {}};
    if (!status.empty() && status != "200") {
      failed_->Increment();
      return Reject(in, &source, "extract.status", status), std::nullopt;
    }
    if (!is_text && !MayBeHtml(content_type)) {
      other_types_->Increment();
      return Reject(in, &source, "extract.type", content_type), std::nullopt;
    }
    const std::string_view coding = record.header("HTTP-Content-Encoding");
    if (!is_text && quern::text::IsStillCoded(coding, in.value())) {
      coded_->Increment();
      return Reject(in, &source, "extract.coding", coding), std::nullopt;
    }
    return source;
  }

  void NameByPlace(const quern::MapInput& in, Source* source) const {
    if (!source->id.empty()) return;
    source->id = in.source().path;
    if (json_ || warc_) source->id += ":" + std::to_string(in.source().offset);
  }

  void Reject(const quern::MapInput& in, Source* source, std::string_view rule,
              std::string_view value) {
    quern::text::JsonObjectWriter why = quern::corpus::RejectedBy(rule);
    if (!value.empty()) why.AddString("value", value);
    Reject(in, source, std::move(why));
  }

  // Without a text, so that it counts as a document.
  void Reject(const quern::MapInput& in, Source* source, quern::text::JsonObjectWriter why) {
    NameByPlace(in, source);
    AddPlace(*source);
    line_.AddString("text", "");
    quern::corpus::AddRejected(std::move(why), &line_);
    others_->Emit("", line_.Take());
  }

  // The steps up to where it was given up: how many it would have taken nobody knows.
  void RejectTooSlow(const quern::MapInput& in, Source* source, uint64_t steps) {
    too_slow_->Increment();
    quern::text::JsonObjectWriter why = quern::corpus::RejectedBy("extract.too_slow");
    why.AddRaw("value", std::to_string(steps));
    why.AddRaw("threshold", std::to_string(quern::text::HtmlLimits().steps));
    Reject(in, source, std::move(why));
  }

  static Page ReadText(const Source& source) {
    Page page;
    page.facts = source.facts;
    page.truncated = source.html.size() > kMostBytes;
    page.text = quern::text::ToUtf8(quern::text::WholeCharacters(source.html, kMostBytes), "UTF-8");
    const bool blank = page.text.find_first_not_of(" \t\r\n") == std::string::npos;
    if (blank) page.problem = PageProblem::kNoText;
    return page;
  }

  Page ReadSource(const Source& source) const {
    switch (source.kind) {
      case Source::Kind::kText:
        return ReadText(source);
      case Source::Kind::kTextFile:
        return quern::text::ReadTextFile(source.html);
      case Source::Kind::kPage:
        break;
    }
    return quern::text::ReadPage(source.html, {source.content_type, main_content_});
  }

  void Extract(const quern::MapInput& in, Source* source) {
    pages_->Increment();
    const Page page = ReadSource(*source);
    if (page.truncated) truncated_->Increment();
    if (page.problem == PageProblem::kBinary) {
      binary_->Increment();
      return Reject(in, source, "extract.binary", source->content_type);
    }
    if (page.problem == PageProblem::kTooSlow) return RejectTooSlow(in, source, page.steps);
    if (page.problem == PageProblem::kNoText) {
      no_text_->Increment();
      return Reject(in, source, "extract.no_text", "");
    }
    extracted_->Increment();
    bytes_->Increment(static_cast<int64_t>(page.text.size()));
    Write(*source, page);
  }

  void AddPlace(const Source& source) {
    line_.AddString("id", source.id);
    Add("url", source.url);
    const auto url = quern::text::ParseUrl(source.url);
    if (url.has_value()) Add("domain", quern::text::RegistrableDomain(url->host));
    Add("crawled", source.crawled);
  }

  void Write(const Source& source, const Page& page) {
    AddPlace(source);
    Add("title", page.facts.title);
    Add("date", page.facts.date);
    Add("lang", page.facts.language);
    line_.AddString("text", page.text);
    if (links_) line_.AddRaw("links", LinksOf(source, page));
    Emit("", line_.Take());
  }

  void Add(std::string_view name, const std::string& value) {
    if (!value.empty()) line_.AddString(name, value);
  }

  // What the links of a page are relative to: where it lies, or what its <base> says, which may be
  // absolute and so needs no place of the page. Nothing when neither is known.
  static std::optional<quern::text::Url> BaseOf(const Source& source, const Page& page) {
    const std::optional<quern::text::Url> own = quern::text::ParseUrl(source.url);
    const std::string& stated = page.facts.base;
    if (stated.empty()) return own;
    const auto base =
        own.has_value() ? quern::text::ResolveUrl(*own, stated) : quern::text::ParseUrl(stated);
    return base.has_value() ? base : own;
  }

  // [["https://...", "anchor text"], ...]; as the page has them when there is no base. A base may
  // be long and stand in each of them: they take no more than a page may.
  static std::string LinksOf(const Source& source, const Page& page) {
    const std::optional<quern::text::Url> base = BaseOf(source, page);
    std::string list = "[";
    for (const quern::text::PageLink& link : page.facts.links) {
      std::string target = link.target;
      if (base.has_value()) {
        const auto url = quern::text::ResolveUrl(*base, target);
        if (!url.has_value()) continue;  // mailto:, javascript:
        target = url->Text();
      }
      if (list.size() + target.size() > kMostBytes) break;
      list += list.size() > 1 ? ", [" : "[";
      quern::text::AppendJsonString(target, &list);
      list += ", ";
      quern::text::AppendJsonString(link.anchor, &list);
      list += ']';
    }
    return list + "]";
  }

  bool json_ = false;
  bool warc_ = false;
  bool links_ = false;
  bool main_content_ = true;
  std::string field_;
  quern::text::JsonObjectWriter line_;
  quern::NamedOutput* others_ = nullptr;
  quern::Counter* pages_ = nullptr;
  quern::Counter* extracted_ = nullptr;
  quern::Counter* binary_ = nullptr;
  quern::Counter* no_text_ = nullptr;
  quern::Counter* too_slow_ = nullptr;
  quern::Counter* truncated_ = nullptr;
  quern::Counter* bad_json_ = nullptr;
  quern::Counter* text_lines_ = nullptr;
  quern::Counter* text_files_ = nullptr;
  quern::Counter* other_records_ = nullptr;
  quern::Counter* failed_ = nullptr;
  quern::Counter* other_types_ = nullptr;
  quern::Counter* coded_ = nullptr;
  quern::Counter* bytes_ = nullptr;
};
QUERN_REGISTER_MAPPER(ExtractMapper);

}  // namespace
