// How a program runs `mr` (submit.h): a process, a directory of its own for the spec and for what
// the process prints.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace quern::internal {

// Among the words of a command: the path of the spec.
inline constexpr char kSpecFile[] = "{spec}";

struct ProcessEnd {
  int code = 0;  // 128 + the number of the signal that ended it
  std::string output;
  std::string errors;
};

inline std::string AbsolutePath(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

// Without its line end.
inline std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

class ProcessDir {
 public:
  ProcessDir() {
    std::error_code error;
    const std::filesystem::path root = std::filesystem::temp_directory_path(error);
    path_ = ((error ? "/tmp" : root) / "quern-submit-XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error(path_ + ": cannot be made");
  }
  ~ProcessDir() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  ProcessDir(const ProcessDir&) = delete;
  ProcessDir& operator=(const ProcessDir&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::string Read(const std::string& name) const {
    std::ifstream file(path_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_;
};

inline int WaitForProcess(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Runs the words, the first of which is looked for in $PATH.
inline ProcessEnd RunProcess(std::vector<std::string> words, const std::string& spec) {
  const ProcessDir dir;
  std::ofstream(dir / "job.toml", std::ios::binary) << spec;
  std::vector<char*> argv;
  for (std::string& word : words) {
    if (word == kSpecFile) word = dir / "job.toml";
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, (dir / "output").c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&files, 2, (dir / "errors").c_str(), flags, 0600);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    return {127, "", words[0] + ": cannot be run. Try: PATH, or JobCluster::mr"};
  }
  ProcessEnd end;
  end.code = WaitForProcess(pid);
  end.output = dir.Read("output");
  end.errors = dir.Read("errors");
  return end;
}

}  // namespace quern::internal
