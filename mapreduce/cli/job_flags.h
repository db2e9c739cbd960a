// Parameters of a job or a pipeline that are flags of `mr run JOB` as well, where its spec says so:
//
//   parameters = ["lang: de|en", "stem: flag", "n: 1.."]
//   [flags]
//   lang = "of the stemmer"               # --lang de is --set params.lang=de
//   stem = "words in all their forms"     # --stem is --set params.stem=true
//   n = "how many"                        # -n 3, of one letter
//
// The text is the flag's line in `mr run JOB --help`. A _ in a name is a - in the flag.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/command_line.h"
#include "common/status.h"

namespace quern::mr {

struct SpecFile;

struct JobFlag {
  std::string parameter;
  std::string name;  // with its dashes
  std::string type;  // of its value, as help shows it; empty: a switch
  std::string help;
};

// Makes a parameter of the spec a flag, in the order of the parameters. InvalidArgument when the
// spec does not name such a parameter or sets it by an argument, when its name makes no flag, or
// when `mr run` has a flag of that name itself.
absl::Status AddJobFlag(std::string_view parameter, std::string_view help, SpecFile* file);

// Every spelling of the flags that `mr run` has itself, with dashes.
std::vector<std::string> FlagsOfRun();

// Lines for `mr run JOB --help`; empty when there are no flags.
std::string JobFlagHelp(const std::vector<JobFlag>& flags);

// What a command line says of them. Used by one thread.
class JobFlags {
 public:
  // Adds the flags to a line, which must not outlive this.
  void Define(const std::vector<JobFlag>& flags, CommandLine* line);
  // "params.lang=de" for each that was given, as --set has it. UsageError for one that was given
  // more than once.
  absl::StatusOr<std::vector<std::string>> Settings() const;
  // The same as it was typed: " --lang de --stem".
  std::string Text() const;

 private:
  struct Given {
    JobFlag flag;
    bool on = false;
    std::vector<std::string> values;
  };
  std::deque<Given> given_;  // does not move: the line points into it
};

}  // namespace quern::mr
