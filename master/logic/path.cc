#include "master/logic/path.h"

namespace quern::master {
namespace {

absl::Status CheckName(std::string_view path, std::string_view name) {
  if (name.empty()) return InvalidArgumentError("{}: two slashes with no name between them", path);
  if (name == "." || name == "..") {
    return InvalidArgumentError("{}: '.' and '..' are not understood here. Try: the absolute path",
                                path);
  }
  if (name.size() > kMaxNameBytes) {
    return InvalidArgumentError("{}: a name of {} bytes is too long, {} are allowed", path,
                                name.size(), kMaxNameBytes);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Path> Path::Parse(std::string_view text) {
  if (text.empty() || text.front() != '/') {
    return InvalidArgumentError("'{}': not an absolute path. Try: a path that begins with /", text);
  }
  if (text.size() > kMaxPathBytes) {
    return InvalidArgumentError("{}...: a path of {} bytes is too long, {} are allowed",
                                text.substr(0, 60), text.size(), kMaxPathBytes);
  }
  if (text.find('\0') != std::string_view::npos) {
    return InvalidArgumentError("a path with a NUL byte in it is not allowed");
  }
  Path path;
  std::string_view rest = text.substr(1);
  while (!rest.empty()) {
    const size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    RETURN_IF_ERROR(CheckName(text, name));
    path.parts_.emplace_back(name);
    rest = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  }
  if (path.parts_.size() > kMaxPathDepth) {
    return InvalidArgumentError("{}: {} levels are too deep, {} are allowed", text,
                                path.parts_.size(), kMaxPathDepth);
  }
  return path;
}

std::string Path::Prefix(size_t count) const {
  if (count == 0) return "/";
  std::string text;
  for (size_t i = 0; i < count; ++i) text.append("/").append(parts_[i]);
  return text;
}

}  // namespace quern::master
