#include "mapreduce/cli/run_flags.h"

#include <fmt/ranges.h>

#include "common/shell_words.h"
#include "mapreduce/formats/input_format.h"

namespace quern::mr {
namespace {

void AddFlag(std::string_view flag, const std::string& value, std::string* text) {
  if (!value.empty()) *text += fmt::format(" {} {}", flag, ShellQuotedLine(value));
}

}  // namespace

void RunFlags::Define(bool explains, CommandLine* line) {
  line->Values("--map", "CMD", &maps,
               "any command as the mapper, instead of a job: lines in, lines out");
  line->Value("--combine", "CMD", &combine_command, "... as the combiner");
  line->Values("--reduce", "N | CMD", &reduces,
               "reduce tasks (0 = map only), or a command as the reducer; may be given twice");
  line->Value("--io", "lines|frames", &io, "how commands read and write records");
  line->Switch("--map-only", &map_only, "no reduce tasks: the mapper's records are the output");
  line->Value("--memory", "SIZE", &memory,
              "memory of one task attempt, such as 256MiB; with --local of what the engine does in "
              "it, and your code has no limit");
  line->Value("--replication", "N", &replication, "copies of an output in the cluster");
  line->Value("--format", "F", &format,
              fmt::format("of the input: {}", fmt::join(InputFormatNames(), ", ")));
  line->Value("--mapper", "CLASS", &mapper, "class to use as the mapper");
  line->Value("--reducer", "CLASS", &reducer, "... as the reducer");
  line->Value("--combiner", "CLASS", &combiner, "... as the combiner");
  line->Value("--partitioner", "NAME", &partitioner, "hash, range, or a class");
  line->Value("--name", "TEXT", &name, "what the job is called");
  line->Values("--files", "PATH,...", &files,
               "files of this machine (or /PATH of the cluster) for context.file(\"NAME\")");
  line->Values("--set", "KEY=VALUE", &settings, "any key of the spec, such as limits.timeout=1h");
  line->Switch("--overwrite", &overwrite, "replace the output if it is there");
  line->Switch("--append", &append, "add the output to what is in OUT, where the job can");
  line->Switch("--merge", &merge, "with --append: and make one of all that is there");
  line->Switch("--detach", &detach, "print the job's id and do not wait for it");
  line->Switch(
      "--local", &local,
      "run it, or all stages of a pipeline, in one process on this machine; there your code "
      "has no limit of memory and time, and the first failure ends the run");
  line->Number("--threads", "N", &threads, {1, 1000}, "tasks at once with --local");
  line->Switch("--check", &check,
               "with --local: end where code keeps a view too long, reads past its end, or "
               "writes into it");
  line->Value("--tasks", "m-0,r-2,...", &tasks,
              "with --local: only these (and all maps, if a reduce is among them); their parts "
              "are no whole output and have no _SUCCESS and no _MANIFEST.json");
  line->Switch("--keep", &keep, "of a pipeline: what lies between its stages stays");
  if (!explains) line->Switch("--dry-run", &dry_run, "as mr explain: run nothing");
  line->Switch("--splits", &all_splits, "with --dry-run: every map task, not only a few");
  line->Arguments(&words, 1);
}

std::string RunFlags::CommandText(const std::string& own) const {
  std::string commands, arguments;
  for (const std::string& map : maps) AddFlag("--map", map, &commands);
  AddFlag("--combine", combine_command, &commands);
  for (const std::string& reduce : reduces) AddFlag("--reduce", reduce, &commands);
  // A job's own flags stand behind its name.
  const size_t named = own.empty() ? 0 : 1;
  if (named > 0) commands += " " + ShellQuotedLine(words[0]);
  bool has_dash = false;
  for (size_t i = named; i < words.size(); ++i) {
    arguments += " " + ShellQuotedLine(words[i]);
    has_dash = has_dash || words[i].starts_with('-');
  }
  const std::string flags = Text() + own;
  return "mr run" + commands + (has_dash ? flags + " --" + arguments : arguments + flags);
}

std::string RunFlags::Text() const {
  std::string text;
  if (local) text += " --local";
  if (threads) text += fmt::format(" --threads {}", *threads);
  if (check) text += " --check";
  AddFlag("--tasks", tasks, &text);
  if (map_only) text += " --map-only";
  if (overwrite) text += " --overwrite";
  if (append) text += " --append";
  if (merge) text += " --merge";
  if (keep) text += " --keep";
  AddFlag("--io", io, &text);
  AddFlag("--memory", memory, &text);
  AddFlag("--replication", replication, &text);
  AddFlag("--format", format, &text);
  AddFlag("--mapper", mapper, &text);
  AddFlag("--reducer", reducer, &text);
  AddFlag("--combiner", combiner, &text);
  AddFlag("--partitioner", partitioner, &text);
  AddFlag("--name", name, &text);
  for (const std::string& list : files) AddFlag("--files", list, &text);
  for (const std::string& setting : settings) AddFlag("--set", setting, &text);
  return text;
}

}  // namespace quern::mr
