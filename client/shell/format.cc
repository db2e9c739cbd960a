#include "client/shell/format.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/cli/cli.h"

namespace quern::shell {

using client::FileStatus;

namespace {

std::string TypeText(const FileStatus& status) {
  return status.is_directory() ? "directory" : "regular file";
}

std::string_view DurabilityText(client::Durability durability) {
  switch (durability) {
    case client::Durability::kOnClose:
      return "on_close";
    case client::Durability::kSync:
      return "sync";
    case client::Durability::kDefault:
      return "";
  }
  return "";
}

std::string Replication(const FileStatus& entry) {
  return entry.is_directory() ? "-" : std::to_string(entry.replication);
}

// What %x stands for; the character itself when it is none.
std::string StatField(char field, const FileStatus& status) {
  switch (field) {
    case 'a':
      return fmt::format("{:o}", status.mode);
    case 'A':
      return PermissionText(status.mode);
    case 'b':
      return std::to_string(status.length);
    case 'D':
      return std::string(DurabilityText(status.durability));
    case 'F':
      return TypeText(status);
    case 'g':
      return status.group;
    case 'n':
      return status.name();
    case 'o':
      return std::to_string(status.chunk_size);
    case 'r':
      return std::to_string(status.replication);
    case 'u':
      return status.owner;
    // Times of access are not kept: the time of change stands for both.
    case 'x':
    case 'y':
      return UtcSecond(status.mtime);
    case 'X':
    case 'Y':
      return std::to_string(absl::ToUnixMillis(status.mtime));
    default:
      return std::string(1, field);
  }
}

}  // namespace

std::string PermissionText(uint32_t mode) {
  std::string text = "rwxrwxrwx";
  for (size_t i = 0; i < 9; ++i) {
    if ((mode >> (8 - i) & 1) == 0) text[i] = '-';
  }
  if ((mode & 01000) != 0) text[8] = text[8] == 'x' ? 't' : 'T';
  return text;
}

std::string LocalMinute(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M", time, absl::LocalTimeZone());
}

std::string UtcSecond(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone());
}

std::string SizeText(uint64_t bytes, bool human) {
  return human ? FormatSize(bytes) : std::to_string(bytes);
}

void ListFormat::Widen(const std::vector<FileStatus>& entries) {
  for (const FileStatus& entry : entries) {
    replication_width_ = std::max(replication_width_, std::to_string(entry.replication).size());
    length_width_ = std::max(length_width_, std::to_string(entry.length).size());
    owner_width_ = std::max(owner_width_, entry.owner.size());
    group_width_ = std::max(group_width_, entry.group.size());
  }
}

std::string ListFormat::Line(const FileStatus& entry) const {
  return fmt::format("{}{} {:>{}} {:<{}} {:<{}} {:>{}} {} {}\n", entry.is_directory() ? "d" : "-",
                     PermissionText(entry.mode), Replication(entry), replication_width_,
                     entry.owner, owner_width_, entry.group, group_width_,
                     SizeText(entry.length, human_), length_width_, LocalMinute(entry.mtime),
                     entry.path);
}

std::string FormatStat(std::string_view format, const FileStatus& status) {
  std::string text;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text.push_back(format[i]);
    } else if (++i < format.size()) {
      text += StatField(format[i], status);
    }
  }
  return text;
}

JsonLine StatusJson(const FileStatus& status) {
  JsonLine line;
  line.Add("path", status.path)
      .Add("type", status.is_directory() ? "directory" : "file")
      .Add("length", status.length)
      .Add("replication", status.replication)
      .Add("chunk_size", status.chunk_size)
      .Add("chunks", status.chunk_count)
      .Add("owner", status.owner)
      .Add("group", status.group)
      .Add("mode", fmt::format("{:04o}", status.mode))
      .Add("mtime", absl::FormatTime(absl::RFC3339_sec, status.mtime, absl::UTCTimeZone()))
      .Add("mtime_ms", int64_t{absl::ToUnixMillis(status.mtime)})
      .Add("inode", status.inode.value())
      .Add("durability", DurabilityText(status.durability))
      .Add("complete", status.complete)
      .Add("lost_tail", status.lost_tail)
      .Add("children", status.child_count);
  return line;
}

void UsageTable::AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

std::string UsageTable::ToString() const {
  std::vector<size_t> widths(right_.size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += "  ";
      if (right_[i]) {
        text += fmt::format("{:>{}}", row[i], widths[i]);
      } else if (i + 1 < row.size()) {
        text += fmt::format("{:<{}}", row[i], widths[i]);
      } else {
        text += row[i];
      }
    }
    text += "\n";
  }
  return text;
}

}  // namespace quern::shell
