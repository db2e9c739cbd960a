#include "mapreduce/cli/addition.h"

#include <filesystem>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>

#include "client/file_system.h"
#include "common/cli/cli.h"
#include "common/random.h"
#include "common/shell_words.h"
#include "common/storage/file_io.h"
#include "common/subprocess.h"
#include "mapreduce/cli/compile.h"
#include "mapreduce/cli/foreground.h"
#include "mapreduce/engine/storage.h"

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

std::unique_ptr<client::FileSystem> OpenCluster(std::vector<std::string> masters, Clock* clock) {
  client::ClientOptions options;
  options.masters = std::move(masters);
  options.clock = clock;
  return client::FileSystem::Create(options);
}

// Of the same cluster, in whichever way that is known.
std::vector<std::string> WithMaster(std::vector<std::string> words, const Session& session) {
  if (!session.master_flag.empty()) {
    words.insert(words.end(), {"--master", session.master_flag});
  }
  return words;
}

absl::StatusOr<ExitStatus> RunAndWait(std::vector<std::string> words) {
  const std::string beside = BinaryDir() + "/" + words[0];
  if (FileSystem::Real()->Exists(beside)) words[0] = beside;
  SpawnOptions options;
  options.new_process_group = false;  // the terminal interrupts both
  options.death_signal = SIGTERM;
  ASSIGN_OR_RETURN(const auto program, Subprocess::Spawn(words, options));
  return WaitInForeground(program.get());
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
  out_ = file->spec.output().path();
  while (out_.size() > 1 && out_.ends_with('/')) out_.pop_back();
  const std::string name = "added-" + RandomHex(kNameBytes);
  path_ = fmt::format("{}/{}", out_ == "/" ? "" : out_, name);
  file->spec.mutable_output()->set_path(path_);
  commands_.push_back(CommandWords(file->append_add, {out_, name}));
  if (merge) commands_.push_back(CommandWords(file->append_merge, {out_}));
  return absl::OkStatus();
}

absl::Status Addition::CheckThere(const Session& session) const {
  const auto is_not_there = [&] {
    return NotFoundError("{}: is not there, and nothing is added to it. Try: without --append",
                         out_);
  };
  if (out_.starts_with(kLocalScheme)) {
    const std::string dir = out_.substr(kLocalScheme.size());
    return FileSystem::Real()->Exists(dir) ? absl::OkStatus() : is_not_there();
  }
  ASSIGN_OR_RETURN(std::vector<std::string> masters, session.masters());
  const absl::Status there = OpenCluster(std::move(masters), session.clock)->Stat(out_).status();
  return absl::IsNotFound(there) ? is_not_there() : there;
}

absl::Status Addition::RemoveOutput(const Session& session) const {
  if (path_.starts_with(kLocalScheme)) {
    std::error_code error;
    std::filesystem::remove_all(path_.substr(kLocalScheme.size()), error);
    return error ? ErrnoStatus(error.value(), path_) : absl::OkStatus();
  }
  ASSIGN_OR_RETURN(std::vector<std::string> masters, session.masters());
  const auto cluster = OpenCluster(std::move(masters), session.clock);
  return cluster->Delete(path_, {.recursive = true}).status();
}

absl::StatusOr<int> Addition::Finish(const Session& session) const {
  for (size_t i = 0; i < commands_.size(); ++i) {
    const std::vector<std::string> words = WithMaster(commands_[i], session);
    const absl::StatusOr<ExitStatus> end = RunAndWait(words);
    if (end.ok() && end->ok()) continue;
    const std::string why = end.ok() ? end->ToString() : std::string(Message(end.status()));
    const bool never = i == 0 && end.ok() && end->signal == 0 && end->code == kExitRejected;
    if (never && RemoveOutput(session).ok()) {
      session.Report("mr run", FailedPreconditionError(
                                   "{}: {}. The job has succeeded, but what it made does not fit "
                                   "what is there, and is removed again",
                                   words[0], why));
      return kExitFailed;
    }
    session.Report("mr run", FailedPreconditionError(
                                 "{}: {}. The job has succeeded, and its output is {}. Try: {}",
                                 words[0], why, path_, AsTyped(words)));
    return kExitFailed;
  }
  return kExitOk;
}

}  // namespace quern::mr
