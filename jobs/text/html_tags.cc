#include "jobs/text/html_tags.h"

#include <iterator>
#include <unordered_map>

namespace quern::text {

namespace {

using namespace html_traits;

constexpr uint8_t kTraits[] = {kScope | kBlock, 0, 0,
#define QUERN_TRAITS(enumerator, name, traits) traits,
                               QUERN_HTML_TAGS(QUERN_TRAITS)
#undef QUERN_TRAITS
};

constexpr std::string_view kNames[] = {
#define QUERN_NAME(enumerator, name, traits) name,
    QUERN_HTML_TAGS(QUERN_NAME)
#undef QUERN_NAME
};

std::unordered_map<std::string_view, HtmlTag> MakeTagOfName() {
  std::unordered_map<std::string_view, HtmlTag> tags;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    tags[kNames[i]] = static_cast<HtmlTag>(static_cast<size_t>(HtmlTag::kUnknown) + 1 + i);
  }
  return tags;
}

}  // namespace

HtmlTag FindHtmlTag(std::string_view name) {
  static const std::unordered_map<std::string_view, HtmlTag> tags = MakeTagOfName();
  char lower[16];
  if (name.size() > sizeof(lower)) return HtmlTag::kUnknown;
  for (size_t i = 0; i < name.size(); ++i) {
    lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] | 0x20) : name[i];
  }
  const auto found = tags.find(std::string_view(lower, name.size()));
  return found == tags.end() ? HtmlTag::kUnknown : found->second;
}

uint8_t TraitsOf(HtmlTag tag) { return kTraits[static_cast<size_t>(tag)]; }

}  // namespace quern::text
