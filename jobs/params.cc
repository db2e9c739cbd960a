#include "jobs/params.h"

#include <string>

bool FlagParam(quern::TaskContext& context, std::string_view name) {
  std::string value;
  for (const char c : context.param(name, "false")) {
    value += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (value != "true" && value != "false") {
    context.Fail("params." + std::string(name) + " = '" + std::string(context.param(name)) +
                 "': must be true or false");
  }
  return value == "true";
}
