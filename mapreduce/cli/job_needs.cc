#include "mapreduce/cli/job_needs.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/shell_words.h"
#include "mapreduce/cli/flag_value.h"

namespace quern::mr {
namespace {

constexpr std::string_view kParams = "params.";

bool Holds(const JobNeed::Condition& condition, const std::map<std::string, std::string>& params) {
  const auto found = params.find(condition.param);
  if (found == params.end()) return !condition.is_on;
  if (found->second.find("${") != std::string::npos) return false;
  return condition.is_on && ReadFlag(found->second).value_or(false);
}

}  // namespace

absl::StatusOr<JobNeed> ParseNeed(std::string_view text) {
  const std::vector<std::string> words = SplitList(text, ' ');
  JobNeed need;
  bool good = words.size() % 2 == 1;
  for (size_t i = 1; good && i < words.size(); i += 2) {
    good = words[i] == "if" || words[i] == "unless";
    need.conditions.push_back({words[i + 1], words[i] == "if"});
  }
  if (!good) {
    return InvalidArgumentError(
        "'{}' is no need of a job. Try: FILE, params.NAME, and behind it if NAME or unless NAME",
        CleanLine(text, 100));
  }
  need.what = words[0];
  return need;
}

absl::Status CheckNeeds(const std::vector<JobNeed>& needs,
                        const std::map<std::string, std::string>& params,
                        const std::vector<std::string>& files) {
  std::vector<std::string> missing;
  for (const JobNeed& need : needs) {
    const bool holds =
        std::all_of(need.conditions.begin(), need.conditions.end(),
                    [&](const JobNeed::Condition& one) { return Holds(one, params); });
    if (!holds) continue;
    if (!need.what.starts_with(kParams)) {
      if (std::find(files.begin(), files.end(), need.what) == files.end()) {
        missing.push_back(need.what);
      }
      continue;
    }
    if (params.contains(need.what.substr(kParams.size()))) continue;
    std::string why;
    for (const JobNeed::Condition& one : need.conditions) {
      if (one.is_on) why += fmt::format(" with params.{}=true", one.param);
    }
    return InvalidArgumentError("{}: must be set{}. Try: --set {}=VALUE", need.what, why,
                                need.what);
  }
  if (missing.empty()) return absl::OkStatus();
  std::string list;
  for (const std::string& name : missing) list += (list.empty() ? "DIR/" : ",DIR/") + name;
  return InvalidArgumentError("files: the job reads {}, which nobody has named. Try: --files {}",
                              fmt::join(missing, " and "), ShellQuotedLine(list));
}

}  // namespace quern::mr
