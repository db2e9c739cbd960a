#include "client/shell/size_match.h"

#include "common/sizes.h"

namespace quern::shell {

absl::StatusOr<SizeMatch> SizeMatch::Parse(std::string_view text) {
  std::string_view number = text;
  Kind kind = Kind::kExactly;
  if (number.starts_with('+')) kind = Kind::kMore;
  if (number.starts_with('-')) kind = Kind::kLess;
  if (kind != Kind::kExactly) number.remove_prefix(1);
  const bool of_bytes =
      number.size() > 1 && number.ends_with('c') && number[number.size() - 2] <= '9';
  if (of_bytes) number.remove_suffix(1);
  const auto bytes = ParseSize(number);
  if (!bytes.ok() || number.starts_with(' ')) {
    return InvalidArgumentError("'{}' is not [+-]N with c, k, M or G. Try: +64M, -1k, 0", text);
  }
  return SizeMatch(kind, *bytes);
}

bool SizeMatch::Matches(uint64_t bytes) const {
  switch (kind_) {
    case Kind::kAny:
      return true;
    case Kind::kExactly:
      return bytes == bytes_;
    case Kind::kMore:
      return bytes > bytes_;
    case Kind::kLess:
      return bytes < bytes_;
  }
  return true;
}

}  // namespace quern::shell
