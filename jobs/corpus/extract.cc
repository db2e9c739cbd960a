// Text of web pages: what stands between the menus.
//
// Input: whole files of HTML (format whole), named by their path; or JSON lines with the page in a
// field (format jsonl), {"id": ..., "url": ..., "html": ...}. Output (raw), in the order of the
// input, one line each:
//   {"id": "...", "url": "...", "title": "...", "date": "...", "lang": "...", "text": "..."}
// Fields that are empty are left out. Pages without text are counted by their reason.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jobs/params.h"
#include "jobs/text/json.h"
#include "jobs/text/page.h"
#include "jobs/text/url.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::text::FindField;
using quern::text::JsonField;
using quern::text::Page;
using quern::text::PageProblem;

struct Source {
  std::string id;
  std::string url;
  std::string html;
  std::string content_type;
};

std::string StringField(const std::vector<JsonField>& fields, std::string_view name) {
  const JsonField* const field = FindField(fields, name);
  if (field == nullptr || !quern::text::IsJsonString(field->value)) return "";
  return quern::text::ReadJsonString(field->value).value_or("");
}

class ExtractMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    json_ = context.input_format() == "jsonl";
    field_ = context.param("field", "html");
    links_ = FlagParam(context, "links");
    const std::string content(context.param("content", "main"));
    if (content != "main" && content != "all") {
      context.Fail("params.content = '" + content + "': must be main or all");
    }
    main_content_ = content == "main";
    pages_ = context.counter("pages");
    extracted_ = context.counter("pages_with_text");
    binary_ = context.counter("pages_that_are_binary");
    no_text_ = context.counter("pages_without_text");
    truncated_ = context.counter("pages_too_large_to_read_whole");
    bad_json_ = context.counter("lines_without_a_page");
    bytes_ = context.counter("bytes_of_text");
  }

  void Map(const quern::MapInput& in) override {
    std::optional<Source> source;
    if (json_) {
      source = ReadLine(in.value());
      if (!source.has_value()) return;
    } else {
      source.emplace().html = in.value();
    }
    if (source->id.empty()) {
      source->id = json_ ? std::string(in.source().path) + ":" + std::to_string(in.source().offset)
                         : std::string(in.source().path);
    }
    Extract(*source);
  }

 private:
  std::optional<Source> ReadLine(std::string_view line) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return std::nullopt;
    const auto fields = quern::text::ReadJsonObject(line);
    if (!fields.has_value() || FindField(*fields, field_) == nullptr) {
      bad_json_->Increment();
      return std::nullopt;
    }
    // The characters of a JSON string are UTF-8, whatever the page once declared.
    return Source{StringField(*fields, "id"), StringField(*fields, "url"),
                  StringField(*fields, field_), "text/html; charset=utf-8"};
  }

  void Extract(const Source& source) {
    pages_->Increment();
    const Page page = quern::text::ReadPage(source.html, {source.content_type, main_content_});
    if (page.truncated) truncated_->Increment();
    if (page.problem == PageProblem::kBinary) return binary_->Increment();
    if (page.problem == PageProblem::kNoText) return no_text_->Increment();
    extracted_->Increment();
    bytes_->Increment(static_cast<int64_t>(page.text.size()));
    Write(source, page);
  }

  void Write(const Source& source, const Page& page) {
    line_.AddString("id", source.id);
    Add("url", source.url);
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

  // [["https://...", "anchor text"], ...]; as the page has them when its own URL is unknown.
  static std::string LinksOf(const Source& source, const Page& page) {
    std::optional<quern::text::Url> base = quern::text::ParseUrl(source.url);
    if (base.has_value() && !page.facts.base.empty()) {
      const auto stated = quern::text::ResolveUrl(*base, page.facts.base);
      if (stated.has_value()) base = stated;
    }
    std::string list = "[";
    for (const quern::text::PageLink& link : page.facts.links) {
      std::string target = link.target;
      if (base.has_value()) {
        const auto url = quern::text::ResolveUrl(*base, target);
        if (!url.has_value()) continue;  // mailto:, javascript:
        target = url->Text();
      }
      list += list.size() > 1 ? ", [" : "[";
      quern::text::AppendJsonString(target, &list);
      list += ", ";
      quern::text::AppendJsonString(link.anchor, &list);
      list += ']';
    }
    return list + "]";
  }

  bool json_ = false;
  bool links_ = false;
  bool main_content_ = true;
  std::string field_;
  quern::text::JsonObjectWriter line_;
  quern::Counter* pages_ = nullptr;
  quern::Counter* extracted_ = nullptr;
  quern::Counter* binary_ = nullptr;
  quern::Counter* no_text_ = nullptr;
  quern::Counter* truncated_ = nullptr;
  quern::Counter* bad_json_ = nullptr;
  quern::Counter* bytes_ = nullptr;
};
QUERN_REGISTER_MAPPER(ExtractMapper);

}  // namespace
