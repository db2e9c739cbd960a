// How files, sizes and times are shown: the formats of HDFS's shell, which scripts know.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/types.h"
#include "common/cli/json_line.h"

namespace quern::shell {

// 0644 -> "rw-r--r--"; with the sticky bit "rwxrwxrwt".
std::string PermissionText(uint32_t mode);
// "2026-11-22 06:00" in the local time zone.
std::string LocalMinute(absl::Time time);
// "2026-11-22 06:00:07" in UTC.
std::string UtcSecond(absl::Time time);
// Bytes, or with -h "128 M".
std::string SizeText(uint64_t bytes, bool human);

// Columns of `ls`. They grow with the widest entry seen so far, as HDFS's do.
class ListFormat {
 public:
  explicit ListFormat(bool human) : human_(human) {}
  void Widen(const std::vector<client::FileStatus>& entries);
  // "-rw-r--r--   3 alice staff  134217728 2026-11-22 06:01 /user/alice/in.txt"
  std::string Line(const client::FileStatus& entry) const;

 private:
  const bool human_;
  size_t replication_width_ = 3;
  size_t length_width_ = 10;
  size_t owner_width_ = 0;
  size_t group_width_ = 0;
};

// `stat` FORMAT: %a %A %b %F %g %n %o %r %u %x %y %X %Y, and %D for the durability; "%%" is "%".
std::string FormatStat(std::string_view format, const client::FileStatus& status);
// The fields that --json prints of a file.
JsonLine StatusJson(const client::FileStatus& status);

// Rows as du and df show them: columns two blanks apart, the last one not padded.
class UsageTable {
 public:
  // `right` says for each column whether it is aligned to the right.
  explicit UsageTable(std::vector<bool> right) : right_(std::move(right)) {}
  void AddRow(std::vector<std::string> cells);
  std::string ToString() const;

 private:
  const std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace quern::shell
