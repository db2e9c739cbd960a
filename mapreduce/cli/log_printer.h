// Shows logs that are followed, of one attempt or of several at once.
//
// Of several, whole lines are shown, each run of lines under a heading that says whose they are, as
// `tail -f` does with several files. Of one task, its bytes at once, and its attempts one after
// another. For programs, each line is a JSON object that says whose it is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"

namespace quern::mr {

class LogPrinter {
 public:
  enum class Mode { kOneTask, kJob, kPipeline, kJson };
  struct Sinks {
    std::function<void(std::string_view)> data;  // for stdout
    std::function<void(std::string_view)> note;  // one line for stderr, without its end
  };
  LogPrinter(Mode mode, Sinks sinks) : mode_(mode), sinks_(std::move(sinks)) {}

  void Take(const pb::GetLogResponse& piece);
  // What has come of attempts that have not ended: to go on after a broken stream.
  void FillHad(pb::GetLogRequest* request) const;

 private:
  struct Source {
    pb::AttemptId id;
    std::string node;
    uint64_t bytes = 0;
    std::string unfinished;  // the last line, without its end
  };

  void Show(Source* source, std::string_view data);
  void ShowLines(const Source& source, std::string_view lines);
  void ShowJson(const Source& source, std::string_view lines);
  // "m-00017.1"; after its job's where there are several jobs.
  std::string NameOf(const pb::AttemptId& id) const;
  void Note(const Source& source, std::string_view what);

  // Longer lines are shown in pieces.
  static constexpr size_t kMaxLineBytes = size_t{64} << 10;

  const Mode mode_;
  const Sinks sinks_;
  std::map<std::string, Source> sources_;  // by attempt
  std::string shown_;                      // whose lines were shown last
  bool at_line_start_ = true;
};

}  // namespace quern::mr
