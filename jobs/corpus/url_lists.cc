#include "jobs/corpus/url_lists.h"

#include <algorithm>
#include <fstream>
#include <optional>

#include "jobs/params.h"
#include "jobs/text/url.h"

namespace quern::corpus {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view WithoutComment(std::string_view line) {
  for (size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || IsBlank(line[at - 1])) return line.substr(0, at);
  }
  return line;
}

std::string NameOfList(const std::string& file) {
  const size_t dot = file.rfind('.');
  return dot == std::string::npos || dot == 0 ? file : file.substr(0, dot);
}

// " names no host. Try: ..." of a line that is no entry.
std::string WhyNoEntry(std::string_view line) {
  const bool is_text = std::none_of(line.begin(), line.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' && !IsBlank(c);  // packed files
  });
  if (is_text && line.find('*') != std::string_view::npos) {
    return " is a pattern. Try: example.com, which holds every host and page below it, or "
           "example.com/path";
  }
  return " names no host. Try: lines such as example.com or example.com/path";
}

void ReadList(TaskContext& context, const std::string& name, text::UrlSet* urls) {
  std::ifstream file(context.file(name), std::ios::binary);
  std::string line;
  size_t entries = 0;
  for (size_t number = 1; std::getline(file, line); ++number) {
    std::string_view entry = WithoutComment(line);
    if (number == 1 && entry.starts_with(kByteOrderMark)) {
      entry = WithoutComment(entry.substr(kByteOrderMark.size()));
    }
    if (std::all_of(entry.begin(), entry.end(), IsBlank)) continue;
    if (!urls->Add(entry)) {
      context.Fail("files: " + name + ": line " + std::to_string(number) + WhyNoEntry(entry));
    }
    ++entries;
  }
  if (!file.eof()) context.Fail("files: " + name + ": cannot be read to its end");
  if (entries == 0) {
    context.Fail("files: " + name +
                 ": names no host. Try: lines such as example.com or example.com/path");
  }
}

}  // namespace

void UrlLists::Read(TaskContext& context) {
  const std::optional<std::string_view> lists = ParamIfSet(context, "url_lists");
  if (!lists.has_value()) return;
  const std::vector<std::string> files = ListParam(context, "url_lists", "");
  if (files.empty()) {
    context.Fail("params.url_lists = '" + std::string(*lists) +
                 "': the list is empty. Try: --files adult.txt --set params.url_lists=adult.txt");
  }
  for (const std::string& file : files) {
    ReadList(context, file, &ListNamed(NameOfList(file), context).urls);
  }
  for (List& list : lists_) list.urls.Seal();
}

UrlLists::List& UrlLists::ListNamed(const std::string& name, TaskContext& context) {
  const auto known = std::find_if(lists_.begin(), lists_.end(),
                                  [&name](const List& list) { return list.name == name; });
  if (known != lists_.end()) return *known;
  List& list = lists_.emplace_back();
  list.name = name;
  list.documents = context.counter("documents_in_list." + name);
  return list;
}

std::vector<std::string> UrlLists::Holding(std::string_view url) {
  std::vector<std::string> names;
  // Of one that is too long the host and the first of the path, which no list need have whole.
  const auto parsed = text::ParseUrl(url.substr(0, text::kMostUrlBytes));
  if (!parsed.has_value()) return names;
  const std::vector<uint64_t> keys = text::KeysOfUrl(*parsed);
  for (const List& list : lists_) {
    if (!list.urls.HoldsAny(keys)) continue;
    list.documents->Increment();
    names.push_back(list.name);
  }
  return names;
}

}  // namespace quern::corpus
