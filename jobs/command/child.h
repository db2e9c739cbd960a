// A command that runs beside a task: it reads records from its standard input and writes records to
// its standard output, both at the same time.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace quern::command {

struct ChildOptions {
  std::string command;                   // for /bin/sh
  std::string dir;                       // where it runs
  std::vector<std::string> environment;  // NAME=VALUE, all of it
  std::function<void(std::string_view)> take_output;
  std::function<void(std::string_view)> take_errors;
};

// Used by one thread, which also calls the two functions; what they throw goes through. Everything
// here throws std::runtime_error when the system refuses something.
class Child {
 public:
  // Starts it, in the process group of the caller.
  explicit Child(ChildOptions options);
  // Kills one that has not been finished.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Hands bytes to its input, sooner or later; however many they are, few of them are kept. One
  // that reads no more gets no more, as in a pipe.
  void Write(std::string_view bytes) {
    while (pending_.size() + bytes.size() >= kWriteBytes) {
      const size_t some = kWriteBytes - pending_.size();
      pending_ += bytes.substr(0, some);
      bytes.remove_prefix(some);
      Exchange(/*all=*/false);
    }
    pending_ += bytes;
  }
  // Ends its input, takes the rest of its output, and waits for it. How it ended: empty for exit
  // code 0, else "ended with exit code 3" or "ended with signal 11 (Segmentation fault)". What it
  // left running in the background and can still write is waited for as long as it goes on writing
  // or reading; one that is silent for five seconds is an error, since nobody knows what is
  // missing.
  std::string Finish();

 private:
  // So much is collected before the system is asked to take it.
  static constexpr size_t kWriteBytes = size_t{256} << 10;

  // Writes what is pending, at least most of it, and takes whatever comes meanwhile. All: until all
  // is written and the outputs have ended, in whichever order: one that closed its outputs may
  // still read. Also ends when the command has exited and its pipes have become quiet: a process
  // that it left behind may hold them for ever.
  void Exchange(bool all);
  void WriteSome();
  // False when the end has been reached.
  static bool ReadSome(int fd, std::string* buffer,
                       const std::function<void(std::string_view)>& take);
  void CloseInput();
  // Until something can be written or read, or the command has exited. False: it has, and nothing
  // has come since.
  bool WaitForNews();

  const ChildOptions options_;
  pid_t pid_ = -1;
  int process_ = -1;  // readable when it has exited; closed when that is known
  bool exited_ = false;
  bool left_behind_ = false;  // a process that may still write, when it was given up
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
  std::string pending_;  // less than kWriteBytes between two calls
  size_t written_ = 0;   // of pending_
  std::string buffer_;
};

}  // namespace quern::command
