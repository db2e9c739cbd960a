#include "common/cli/json_line.h"

#include <absl/strings/escaping.h>

#include <nlohmann/json.hpp>

#include "common/clean_text.h"
#include "common/status.h"

namespace quern {

struct JsonLine::Impl {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
};

JsonLine::JsonLine() : impl_(std::make_unique<Impl>()) {}
JsonLine::~JsonLine() = default;
JsonLine::JsonLine(JsonLine&&) noexcept = default;
JsonLine& JsonLine::operator=(JsonLine&&) noexcept = default;

JsonLine& JsonLine::Add(std::string_view key, std::string_view text) {
  impl_->object[std::string(key)] = text;
  if (!IsUtf8(text))
    impl_->object[fmt::format("{}_base64", key)] = absl::Base64Escape(ToAbsl(text));
  return *this;
}

JsonLine& JsonLine::Add(std::string_view key, uint64_t number) {
  impl_->object[std::string(key)] = number;
  return *this;
}

JsonLine& JsonLine::Add(std::string_view key, int64_t number) {
  impl_->object[std::string(key)] = number;
  return *this;
}

JsonLine& JsonLine::Add(std::string_view key, double number) {
  impl_->object[std::string(key)] = number;
  return *this;
}

JsonLine& JsonLine::Add(std::string_view key, bool value) {
  impl_->object[std::string(key)] = value;
  return *this;
}

JsonLine& JsonLine::Add(std::string_view key, const JsonLine& object) {
  impl_->object[std::string(key)] = object.impl_->object;
  return *this;
}

JsonLine& JsonLine::Add(std::string_view key, const std::vector<JsonLine>& objects) {
  auto& array = impl_->object[std::string(key)] = nlohmann::ordered_json::array();
  for (const JsonLine& object : objects) array.push_back(object.impl_->object);
  return *this;
}

JsonLine& JsonLine::Add(std::string_view key, const std::vector<std::string>& texts) {
  impl_->object[std::string(key)] = texts;
  return *this;
}

std::string JsonLine::ToString() const {
  // The default handler throws on invalid UTF-8.
  return impl_->object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

JsonLine ErrorJson(const absl::Status& status) {
  JsonLine error;
  error.Add("code", absl::StatusCodeToString(status.code())).Add("message", Message(status));
  return std::move(JsonLine().Add("error", error));
}

JsonLine WarningJson(std::string_view text) { return std::move(JsonLine().Add("warning", text)); }

}  // namespace quern
