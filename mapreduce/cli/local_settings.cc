#include "mapreduce/cli/local_settings.h"

#include <string_view>

#include "common/cli/command_line.h"

namespace quern::mr {
namespace {

struct NotHere {
  std::string_view key;
  std::string_view harmless;  // the value that says what a run here does in any case
  std::string_view why;
};
constexpr NotHere kNotHere[] = {
    {"limits.attempts", "1", "the first failure of a task ends a run with --local"},
    {"limits.timeout", "", "code that hangs in a run with --local is ended by Ctrl-C"},
    {"limits.skip_bad_records", "false", "the first death of a task ends a run with --local"},
};

constexpr char kNoCopies[] = "no output of this run is in the cluster, which alone keeps copies";

// Also that of a stage.
bool IsOrEndsWith(std::string_view key, std::string_view name) {
  if (!key.ends_with(name)) return false;
  return key.size() == name.size() || key[key.size() - name.size() - 1] == '.';
}

absl::Status CheckSetting(const std::string& setting, uint32_t copies) {
  const std::string_view key = std::string_view(setting).substr(0, setting.find('='));
  const std::string_view value =
      key.size() < setting.size() ? std::string_view(setting).substr(key.size() + 1) : "";
  if (copies == 0 && IsOrEndsWith(key, "output.replication")) {
    return UsageError(fmt::format("--set {}: {}", key, kNoCopies));
  }
  for (const NotHere& one : kNotHere) {
    if (!IsOrEndsWith(key, one.key) || value == one.harmless) continue;
    return UsageError(fmt::format("--set {}: {}", key, one.why));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckHoldsHere(const SaidSettings& said) {
  if (!said.replication.empty() && said.copies == 0) {
    return UsageError(fmt::format("--replication: {}", kNoCopies));
  }
  for (const std::string& setting : said.settings) {
    RETURN_IF_ERROR(CheckSetting(setting, said.copies));
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
