#include "jobs/json_document.h"

#include <utility>
#include <vector>

#include "jobs/text/json.h"
#include "jobs/text/json_normal.h"

namespace {

using quern::text::FindField;
using quern::text::JsonField;

}  // namespace

std::optional<JsonDocument> ReadJsonDocument(std::string_view line) {
  const std::optional<std::vector<JsonField>> fields = quern::text::ReadJsonObject(line);
  if (!fields.has_value()) return std::nullopt;
  JsonDocument document;
  const JsonField* const id = FindField(*fields, "id");
  if (id != nullptr && quern::text::IsJsonString(id->value)) {
    document.id = quern::text::ReadJsonString(id->value);
    if (!document.id.has_value()) return std::nullopt;
    if (document.id->empty()) document.id.reset();
  } else if (id != nullptr && quern::text::IsJsonNumber(id->value)) {
    document.id = std::string(id->value);
  }
  const JsonField* const text = FindField(*fields, "text");
  if (text != nullptr && quern::text::IsJsonString(text->value)) {
    document.text = quern::text::ReadJsonString(text->value);
    if (!document.text.has_value()) return std::nullopt;
  }
  return document;
}
