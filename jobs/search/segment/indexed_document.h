// What goes into an index.
#pragma once

#include <string>

namespace quern::search {

struct IndexedDocument {
  std::string id;
  std::string url;
  std::string title;
  std::string text;
  std::string language;
  std::string date;  // "2026-11-28", anything may follow
};

}  // namespace quern::search
