#include "mapreduce/cli/build_record.h"

#include <sys/stat.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>

#include "common/hash.h"
#include "common/random.h"
#include "common/storage/file_io.h"

namespace quern::mr {
namespace {

constexpr size_t kHashDigits = 32;

std::optional<int64_t> ChangeTime(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  // Contents, name and times: nobody can set it back, unlike the time of modification.
  return int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec;
}

std::optional<std::string> HashFile(const std::string& path) {
  const auto bytes = ReadFileToString(FileSystem::Real(), path);
  if (!bytes.ok()) return std::nullopt;
  return HashBytes128(*bytes).ToString();
}

}  // namespace

absl::Status BuildRecord::Begin() {
  // Of a file rather than of the system's clock, which runs ahead of what files are stamped with.
  const std::string stamp = fmt::format("{}.{}", path_, RandomHex(4));
  std::ofstream(stamp, std::ios::trunc) << "x";
  const std::optional<int64_t> now = ChangeTime(stamp);
  FileSystem::Real()->Remove(stamp).IgnoreError();
  if (!now) return ResourceExhaustedError("{}: cannot be written", stamp);
  begun_ns_ = *now;
  return absl::OkStatus();
}

absl::Status BuildRecord::End(const std::string& result, const std::vector<std::string>& files) {
  std::string record;
  const auto add = [&](const std::string& path) {
    const std::optional<std::string> hash = HashFile(path);
    // Lines end at line feeds.
    if (!hash || path.find('\n') != std::string::npos) return false;
    record += fmt::format("{} {}\n", *hash, path);
    return true;
  };
  if (!add(result)) return NotFoundError("{}: cannot be read", result);
  for (const std::string& file : files) {
    if (!add(file)) return absl::OkStatus();
    // After its bytes were read: what changes later has another hash.
    const std::optional<int64_t> changed = ChangeTime(file);
    if (!changed || *changed >= begun_ns_) return absl::OkStatus();
  }
  return WriteFileDurably(FileSystem::Real(), path_, record);
}

bool BuildRecord::IsFresh(const std::string& result) const {
  std::ifstream file(path_);
  bool first = true;
  for (std::string line; std::getline(file, line); first = false) {
    if (line.size() <= kHashDigits) return false;
    const std::string path = line.substr(kHashDigits + 1);
    if (first && path != result) return false;
    if (HashFile(path) != line.substr(0, kHashDigits)) return false;
  }
  return !first;
}

std::vector<std::string> ParseMakeRule(const std::string& rule) {
  std::vector<std::string> files;
  std::string word;
  const size_t colon = rule.find(": ");
  if (colon == std::string::npos) return files;
  for (size_t i = colon + 1; i < rule.size(); ++i) {
    const char c = rule[i];
    const char next = i + 1 < rule.size() ? rule[i + 1] : '\0';
    if ((c == '\\' && (next == ' ' || next == '#' || next == '\\')) || (c == '$' && next == '$')) {
      word += next;
      ++i;
    } else if (c == ' ' || c == '\n' || (c == '\\' && next == '\n')) {
      if (!word.empty()) files.push_back(std::move(word));
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) files.push_back(std::move(word));
  return files;
}

}  // namespace quern::mr
