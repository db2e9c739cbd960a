// What comes in crawls: pages, their encodings, addresses, JSON.
#include <algorithm>
#include <string>
#include <vector>

#include "jobs/text/charset.h"
#include "jobs/text/json.h"
#include "jobs/text/page.h"
#include "jobs/text/url.h"
#include "tests/fuzz/targets.h"

namespace quern::fuzz {

namespace {

void Html(std::string_view bytes) {
  for (const bool main_content : {true, false}) {
    const text::Page page = text::ReadPage(bytes, {"text/html; charset=utf-8", main_content});
    Require(text::IsUtf8(page.text), "the text of a page is no UTF-8");
    Require(text::IsUtf8(page.facts.title), "the title of a page is no UTF-8");
    for (const text::PageLink& link : page.facts.links) {
      Require(text::IsUtf8(link.anchor), "what stands on a link is no UTF-8");
    }
    Require(page.problem == text::PageProblem::kNone || page.text.empty(), "text with a problem");
  }
}

// A Content-Type or a label in the first line, then a page.
void Charset(std::string_view bytes) {
  const std::string_view label = TakeUpTo('\n', &bytes);
  const std::string_view of_page = text::EncodingOfPage(bytes, label);
  Require(text::FindEncoding(of_page) == of_page, "an encoding that has no such name");
  for (const std::string_view encoding :
       {of_page, text::DeclaredEncoding(bytes), text::FindEncoding(label)}) {
    if (encoding.empty()) continue;
    Require(text::IsUtf8(text::ToUtf8(bytes, encoding)), "what becomes of a page is no UTF-8");
  }
}

void CheckUrl(const text::Url& url) {
  const std::string text = url.Text();
  const auto again = text::ParseUrl(text);
  Require(again.has_value() && again->Text() == text, "an address reads differently again");
  Require(text::DedupKey(*again) == text::DedupKey(url), "an address has two spellings");
  Require(url.host.ends_with(text::RegistrableDomain(url.host)), "a domain of somebody else");
}

// An address in the first line, then a link on its page.
void Address(std::string_view bytes) {
  const std::string_view base = TakeUpTo('\n', &bytes);
  const auto url = text::ParseUrl(base);
  if (!url.has_value()) return;
  CheckUrl(*url);
  const auto target = text::ResolveUrl(*url, bytes);
  if (target.has_value()) CheckUrl(*target);
}

void Json(std::string_view bytes) {
  const auto fields = text::ReadJsonObject(bytes);
  if (!fields.has_value()) return;
  for (const text::JsonField& field : *fields) {
    const auto value = text::ReadJsonString(field.value);
    if (!value.has_value()) continue;
    std::string said;
    text::AppendJsonString(*value, &said);
    const auto again = text::ReadJsonString(said);
    Require(again.has_value(), "a string of JSON cannot be read again");
    Require(!text::IsUtf8(*value) || *again == *value, "a string of JSON reads differently again");
  }
}

}  // namespace

const std::vector<Target>& TextTargets() {
  static const std::vector<Target> targets = {
      {"html", Html}, {"charset", Charset}, {"url", Address}, {"json", Json}};
  return targets;
}

}  // namespace quern::fuzz
