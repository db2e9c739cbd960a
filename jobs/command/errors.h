// What a command says on its standard error.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "mapreduce/api/mapreduce.h"

namespace quern::command {

// Lines "reporter:counter:GROUP,NAME,AMOUNT" bump the counter GROUP.NAME, "reporter:status:TEXT"
// sets the status; all others go to the task's own standard error, which is its log.
class ErrorLines {
 public:
  explicit ErrorLines(TaskContext* context) : context_(context) {}
  void Take(std::string_view bytes);
  // The command has ended.
  void Finish();
  // The last line that was for the log, cut short.
  const std::string& last_line() const { return last_line_; }

 private:
  void TakeLine(std::string_view line);
  bool BumpCounter(std::string_view text);
  void Log(std::string_view line);

  TaskContext* const context_;
  std::string rest_;
  std::string last_line_;
  std::map<std::string, Counter*, std::less<>> counters_;
};

}  // namespace quern::command
