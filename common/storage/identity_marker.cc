#include "common/storage/identity_marker.h"

#include <algorithm>
#include <charconv>

#include "common/cli/cli.h"
#include "common/crc32c.h"

namespace quern {
namespace {

constexpr std::string_view kHeader = "quern-identity 1";
constexpr std::string_view kCrcKey = "crc ";

std::string PathIn(const std::string& dir) { return dir + "/IDENTITY"; }

// Everything but the last line, which is the checksum of this.
std::string Body(const IdentityMarker& marker) {
  return fmt::format("{}\nrole {}\ncluster {}\nid {}\nsequence {}\n", kHeader, marker.role,
                     marker.cluster_id, marker.id, marker.sequence);
}

bool IsPlain(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// The value of a line "key value"; sets *valid to false when the key is another.
std::string TakeValue(const std::string& line, std::string_view key, bool* valid) {
  if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') {
    *valid = false;
    return "";
  }
  return line.substr(key.size() + 1);
}

}  // namespace

absl::StatusOr<IdentityMarker> ReadIdentityMarker(FileSystem* fs, const std::string& dir) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileToString(fs, PathIn(dir)));
  const std::vector<std::string> lines = SplitList(text, '\n');
  bool valid = lines.size() >= 5;
  IdentityMarker marker;
  if (valid) {
    marker.role = TakeValue(lines[1], "role", &valid);
    // SplitList cut the blank of an empty value.
    marker.cluster_id = lines[2] == "cluster" ? "" : TakeValue(lines[2], "cluster", &valid);
    marker.id = lines[3] == "id" ? "" : TakeValue(lines[3], "id", &valid);
    const std::string digits = TakeValue(lines[4], "sequence", &valid);
    std::from_chars(digits.data(), digits.data() + digits.size(), marker.sequence);
  }
  // Writing it again must give the same bytes, checksum included: no other check is needed.
  const std::string body = Body(marker);
  if (!valid || text != body + fmt::format("{}{:08x}\n", kCrcKey, Crc32c(body))) {
    return DataLossError("{}: damaged. Try: restore the directory from a backup", PathIn(dir));
  }
  return marker;
}

absl::Status WriteIdentityMarker(FileSystem* fs, const std::string& dir,
                                 const IdentityMarker& marker) {
  if (!IsPlain(marker.role) || marker.role.empty() || !IsPlain(marker.cluster_id) ||
      !IsPlain(marker.id)) {
    return InvalidArgumentError("{}: role, cluster and id must be plain words", PathIn(dir));
  }
  const std::string body = Body(marker);
  return WriteFileDurably(fs, PathIn(dir), body + fmt::format("{}{:08x}\n", kCrcKey, Crc32c(body)));
}

}  // namespace quern
