#include "jobs/classic/link_list.h"

#include <simdjson.h>

namespace quern::classic {

std::optional<std::vector<std::string>> ReadLinkTargets(std::string_view json) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::array links;
  if (parser.parse(simdjson::padded_string(json)).get(links) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  std::vector<std::string> targets;
  for (const simdjson::dom::element link : links) {
    std::string_view target;
    if (link.get(target) != simdjson::SUCCESS && link.at(0).get(target) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    targets.emplace_back(target);
  }
  return targets;
}

}  // namespace quern::classic
