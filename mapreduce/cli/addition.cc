#include "mapreduce/cli/addition.h"

#include <iterator>
#include <utility>

#include "common/cli/cli.h"
#include "common/random.h"
#include "common/shell_words.h"
#include "common/storage/file_io.h"
#include "common/subprocess.h"
#include "mapreduce/cli/compile.h"
#include "mapreduce/cli/foreground.h"

namespace quern::mr {
namespace {

constexpr size_t kNameBytes = 8;

// "quern-search add" and what it is given.
std::vector<std::string> CommandWords(const std::string& command,
                                      std::vector<std::string> arguments) {
  std::vector<std::string> words = SplitList(command, ' ');
  words.insert(words.end(), std::make_move_iterator(arguments.begin()),
               std::make_move_iterator(arguments.end()));
  return words;
}

std::string AsTyped(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    line += (line.empty() ? "" : " ") + ShellQuotedLine(word);
  }
  return line;
}

absl::Status RunAndWait(std::vector<std::string> words, const Session& session) {
  const std::string beside = BinaryDir() + "/" + words[0];
  if (FileSystem::Real()->Exists(beside)) words[0] = beside;
  if (!session.master_flag.empty()) {
    words.insert(words.end(), {"--master", session.master_flag});
  }
  SpawnOptions options;
  options.new_process_group = false;  // the terminal interrupts both
  options.death_signal = SIGTERM;
  ASSIGN_OR_RETURN(const auto program, Subprocess::Spawn(words, options));
  const ExitStatus end = WaitInForeground(program.get());
  if (end.ok()) return absl::OkStatus();
  return FailedPreconditionError("{}", end.ToString());
}

}  // namespace

absl::Status Addition::CheckFlags(const AdditionFlags& flags) {
  if (!flags.append) {
    return flags.merge ? UsageError("--merge: goes with --append") : absl::OkStatus();
  }
  if (flags.detach) return UsageError("--append: waits for the job. Try: without --detach");
  if (flags.overwrite) {
    return UsageError("--append: replaces nothing. Try: without --overwrite");
  }
  if (flags.some_tasks) return UsageError("--append: takes the output of all tasks");
  return absl::OkStatus();
}

absl::Status Addition::Prepare(bool merge, SpecFile* file) {
  const std::string& job = file->spec.name();
  if (file->append_add.empty()) {
    return UsageError(fmt::format("--append: {} does not say how its output is added to another",
                                  job.empty() ? "the job" : job));
  }
  if (merge && file->append_merge.empty()) {
    return UsageError(fmt::format("--merge: {} does not say how that is done", job));
  }
  std::string out = file->spec.output().path();
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  const std::string name = "added-" + RandomHex(kNameBytes);
  path_ = fmt::format("{}/{}", out == "/" ? "" : out, name);
  file->spec.mutable_output()->set_path(path_);
  commands_.push_back(CommandWords(file->append_add, {out, name}));
  if (merge) commands_.push_back(CommandWords(file->append_merge, {out}));
  return absl::OkStatus();
}

absl::StatusOr<int> Addition::Finish(const Session& session) const {
  for (size_t i = 0; i < commands_.size(); ++i) {
    const absl::Status done = RunAndWait(commands_[i], session);
    if (done.ok()) continue;
    const absl::Status why =
        FailedPreconditionError("{}: {}. The job has succeeded, and its output is {}. Try: {}",
                                commands_[i][0], Message(done), path_, AsTyped(commands_[i]));
    session.Report("mr run", why);
    return kExitFailed;
  }
  return kExitOk;
}

}  // namespace quern::mr
