// dfs cat, dfs head, dfs tail
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "client/shell/commands.h"
#include "client/shell/file_follower.h"
#include "client/shell/interrupt.h"
#include "client/shell/shell.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::FileReader;
using client::FileStatus;

constexpr uint64_t kDefaultBytes = 1024;  // of head and tail, as HDFS has it
constexpr uint64_t kTailBlock = 64 << 10;
constexpr int64_t kMaxLines = int64_t{1} << 40;
constexpr int kPipeBytes = 1 << 20;

// The part that the three share: something of every file goes to stdout.
class ShowFiles : public ShellCommand {
 public:
  absl::Status Run(Shell* shell) override {
    // Fewer and larger hand-overs to whoever reads the other end; not every stdout is a pipe.
    fcntl(STDOUT_FILENO, F_SETPIPE_SZ, kPipeBytes);
    const std::vector<std::string> paths = shell->Expand(patterns_);
    RETURN_IF_ERROR(CheckPaths(paths));
    for (const std::string& path : paths) {
      const absl::Status status = ShowOne(shell, path);
      if (shell->output_failed()) break;
      if (!status.ok()) shell->Report(status, path);
    }
    return absl::OkStatus();
  }

 protected:
  virtual absl::Status Show(Shell* shell, FileReader* reader) = 0;
  virtual absl::Status CheckPaths(const std::vector<std::string>&) const {
    return absl::OkStatus();
  }

  static absl::Status Write(Shell* shell, FileReader* reader, uint64_t offset, uint64_t length) {
    const auto stream = reader->Stream(offset, length);
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
      if (bytes.empty()) return absl::OkStatus();
      RETURN_IF_ERROR(shell->WriteBytes(bytes));
    }
  }

  std::vector<std::string> patterns_;

 private:
  absl::Status ShowOne(Shell* shell, const std::string& path) {
    ASSIGN_OR_RETURN(const auto reader, shell->fs()->Open(path));
    return Show(shell, reader.get());
  }
};

class Cat final : public ShowFiles {
 public:
  void Define(CommandLine* line) override {
    line->Switch("--ignore-crc,--ignoreCrc", &ignored_,
                 "accepted and without effect: every byte is checked");
    line->Arguments(&patterns_, 1);
  }

 protected:
  absl::Status Show(Shell* shell, FileReader* reader) override {
    return Write(shell, reader, 0, reader->status().length);
  }

 private:
  bool ignored_ = false;
};

// Lines or bytes, from one end of the file.
class ShowEnd : public ShowFiles {
 public:
  void Define(CommandLine* line) override {
    line->Value("-c,--bytes", "N", &bytes_text_, "so many bytes (1 KiB), also 64k or 1MiB");
    line->Number("-n,--lines", "N", &lines_, {0, kMaxLines}, "so many lines instead");
    line->Arguments(&patterns_, 1);
  }

  absl::Status Run(Shell* shell) override {
    if (!bytes_text_.empty()) {
      const auto bytes = ParseSize(bytes_text_);
      if (!bytes.ok()) return UsageError(Message(bytes.status()));
      bytes_ = *bytes;
    }
    return ShowFiles::Run(shell);
  }

 protected:
  uint64_t bytes_ = kDefaultBytes;
  int64_t lines_ = -1;  // -1: by bytes

 private:
  std::string bytes_text_;
};

class Head final : public ShowEnd {
 protected:
  absl::Status Show(Shell* shell, FileReader* reader) override {
    if (lines_ < 0) return Write(shell, reader, 0, bytes_);
    const auto stream = reader->Stream(0, reader->status().length);
    for (int64_t left = lines_; left > 0;) {
      ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
      if (bytes.empty()) break;
      size_t end = 0;
      while (left > 0 && end < bytes.size()) {
        const size_t newline = bytes.find('\n', end);
        end = newline == std::string_view::npos ? bytes.size() : newline + 1;
        if (newline != std::string_view::npos) --left;
      }
      RETURN_IF_ERROR(shell->WriteBytes(bytes.substr(0, end)));
    }
    return absl::OkStatus();
  }
};

class Tail final : public ShowEnd {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-f,--follow", &follow_,
                 "go on until Ctrl-C: show what comes to the file, or the file that replaces it");
    ShowEnd::Define(line);
  }

  absl::Status Run(Shell* shell) override {
    if (!follow_) return ShowEnd::Run(shell);
    const InterruptGuard guard(InterruptGuard::Patience::kEndSoon);
    return ShowEnd::Run(shell);
  }

 protected:
  absl::Status CheckPaths(const std::vector<std::string>& paths) const override {
    if (!follow_ || paths.size() <= 1) return absl::OkStatus();
    return UsageError(fmt::format("-f follows one file, and there are {}", paths.size()));
  }

  absl::Status Show(Shell* shell, FileReader* reader) override {
    const uint64_t length = reader->status().length;
    uint64_t begin = length - std::min(length, bytes_);
    if (lines_ >= 0) {
      ASSIGN_OR_RETURN(begin, LastLines(reader, static_cast<uint64_t>(lines_)));
    }
    RETURN_IF_ERROR(Write(shell, reader, begin, length - begin));
    return follow_ ? Follow(shell, reader->status()) : absl::OkStatus();
  }

 private:
  static absl::Status Follow(Shell* shell, const FileStatus& file) {
    FileFollower follower(file, file.length);
    while (true) {
      FileFollower::Next next = follower.Look(shell->fs()->Stat(file.path));
      // Ctrl-C is told by the exit code.
      if (Interrupted()) return absl::OkStatus();
      RETURN_IF_ERROR(next.end);
      if (!next.note.empty()) shell->Warn(next.note);
      if (next.length > 0) {
        const absl::Status shown = ShowMore(shell, file.path, next, &follower);
        if (shell->output_failed()) return shown;
        RETURN_IF_ERROR(Forgive(shell, shown));
      }
      if (!WaitWithReader(next.wait)) return absl::OkStatus();
    }
  }

  static absl::Status ShowMore(Shell* shell, const std::string& path,
                               const FileFollower::Next& more, FileFollower* follower) {
    ASSIGN_OR_RETURN(const auto reader, shell->fs()->Open(path));
    if (reader->status().inode != more.inode) return AbortedError("{}: was replaced", path);
    const auto stream = reader->Stream(more.offset, more.length);
    while (!Interrupted()) {
      ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
      if (bytes.empty()) break;
      RETURN_IF_ERROR(shell->WriteBytes(bytes));
      follower->Showed(bytes.size());
    }
    return absl::OkStatus();
  }

  // What was removed or replaced is seen by the next look, and servers may come back.
  static absl::Status Forgive(Shell* shell, const absl::Status& failed) {
    if (absl::IsNotFound(failed) || absl::IsAborted(failed) || absl::IsInvalidArgument(failed)) {
      return absl::OkStatus();
    }
    if (!IsRetryable(failed)) return failed;
    shell->Warn(fmt::format("{}; it is tried again", Message(failed)));
    return absl::OkStatus();
  }

  // False when nobody reads stdout any more, which would be noticed with the next byte only. A
  // signal ends the wait.
  static bool WaitWithReader(absl::Duration wait) {
    pollfd reader = {STDOUT_FILENO, 0, 0};
    return poll(&reader, 1, static_cast<int>(absl::ToInt64Milliseconds(wait))) <= 0;
  }

  // Where the last `wanted` lines begin: looks for line ends backwards, a block at a time.
  static absl::StatusOr<uint64_t> LastLines(FileReader* reader, uint64_t wanted) {
    const uint64_t length = reader->status().length;
    if (wanted == 0) return length;
    std::string block(kTailBlock, '\0');
    uint64_t end = length;
    while (end > 0) {
      const uint64_t begin = end - std::min(end, kTailBlock);
      ASSIGN_OR_RETURN(const size_t n, reader->Pread(begin, end - begin, block.data()));
      for (size_t i = n; i > 0; --i) {
        // A line end at the very end of the file ends its last line and begins none.
        const bool at_end = begin + i == length;
        if (block[i - 1] == '\n' && !at_end && --wanted == 0) return begin + i;
      }
      end = begin;
    }
    return uint64_t{0};
  }

  bool follow_ = false;
};

}  // namespace

CommandSpec CatCommand() {
  return {.name = "cat",
          .aliases = {},
          .usage = "PATH...",
          .summary = "writes files to stdout",
          .examples = {"dfs cat /in/a.txt", "dfs cat '/out/part-*' | sort | less"},
          .make = Maker<Cat>("cat")};
}

CommandSpec HeadCommand() {
  return {.name = "head",
          .aliases = {},
          .usage = "[-c BYTES | -n LINES] PATH...",
          .summary = "the first 1 KiB of files, or so many bytes or lines",
          .examples = {"dfs head /in/a.txt", "dfs head -n 20 '/out/part-*'"},
          .make = Maker<Head>("head")};
}

CommandSpec TailCommand() {
  return {.name = "tail",
          .aliases = {},
          .usage = "[-f] [-c BYTES | -n LINES] PATH...",
          .summary = "the last 1 KiB of files, or so many bytes or lines; with -f what comes later",
          .examples = {"dfs tail /logs/today", "dfs tail -n 100 -f /logs/today"},
          .make = Maker<Tail>("tail")};
}

}  // namespace quern::shell
