// Pages as HTML: one small style sheet, light and dark, no scripts, nothing loaded from elsewhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/page.h"

namespace quern {

// & < > " ' as entities: safe in text and in quoted attributes.
std::string EscapeHtml(std::string_view text);

struct PageFrame {
  std::string server{};                                    // "quern-master m1"
  std::vector<std::pair<std::string, std::string>> nav{};  // path, title
  std::string twin{};                                      // path of the JSON twin
  std::string version{};
};
// A page around its contents, which are HTML.
std::string RenderFrame(std::string_view title, std::string_view main, const PageFrame& frame);
std::string RenderHtml(const PageContent& page, const PageFrame& frame);

}  // namespace quern
