// Flags and arguments of one command, parsed in the two habits people have:
//
//   dfs ls -hR /x     dfs -ls -h -R /x     dfs rm --skip-trash /x     dfs rm -skipTrash /x
//
// After "--" everything is an argument. "-" alone is an argument.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/sizes.h"
#include "common/status.h"

namespace quern {

// Wrong use of a command: the exit code is 2 instead of 1.
[[nodiscard]] absl::Status UsageError(std::string_view message);
bool IsUsageError(const absl::Status& status);

class CommandLine {
 public:
  static constexpr size_t kMany = std::numeric_limits<size_t>::max();

  // `names` as in "-h,--human-readable". Targets keep their value when the flag is not given.
  void Switch(const std::string& names, bool* target, const std::string& help);
  void Value(const std::string& names, const std::string& type, std::string* target,
             const std::string& help);
  // A whole number; what lies outside of the range is wrong usage.
  void Number(const std::string& names, const std::string& type, int64_t* target, NumberRange range,
              const std::string& help);
  // The same; stays empty when the flag is not given.
  void Number(const std::string& names, const std::string& type, std::optional<int64_t>* target,
              NumberRange range, const std::string& help);
  // May be given more than once.
  void Values(const std::string& names, const std::string& type, std::vector<std::string>* target,
              const std::string& help);
  void Arguments(std::vector<std::string>* target, size_t min, size_t max = kMany);
  // What an argument is that may well begin with a dash, as in "A query": "./" makes none of it.
  void CallArguments(std::string what) { what_arguments_are_ = std::move(what); }

  // The first of the words that is neither a flag of those named so far nor the value of one; empty
  // when there is none. For commands whose other flags depend on it.
  std::string FirstArgument(const std::vector<std::string>& words) const;
  // Every spelling of every flag, with its dashes.
  std::vector<std::string> Spellings() const;

  // A usage error names the flag that was probably meant.
  absl::Status Parse(const std::vector<std::string>& words) const;
  // One line per flag.
  std::string FlagHelp() const;

 private:
  struct NumberTarget {
    std::function<void(int64_t)> set;
    NumberRange range;
  };
  using Target = std::variant<bool*, std::string*, NumberTarget, std::vector<std::string>*>;
  struct Flag {
    std::string names;
    std::string type;  // empty for a switch
    Target target;
    std::string help;
  };
  // Of a flag with a value, in either habit: `--name` or `-name`.
  bool TakesNextWord(const std::string& word) const;
  absl::Status CheckArgumentCount() const;
  absl::Status UnknownFlag(const std::string& word) const;

  std::vector<Flag> flags_;
  std::vector<std::string>* arguments_ = nullptr;
  size_t min_arguments_ = 0;
  size_t max_arguments_ = 0;
  std::string what_arguments_are_;  // empty: names
};

}  // namespace quern
