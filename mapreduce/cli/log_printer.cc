#include "mapreduce/cli/log_printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/cli/json_line.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {

namespace {

// What is worth a line; empty: all is well.
std::string DescribeEnd(const pb::GetLogResponse& piece) {
  std::string end;
  if (piece.state() == pb::ATTEMPT_STATE_KILLED) end = "killed";
  if (piece.state() == pb::ATTEMPT_STATE_FAILED) end = fmt::format("failed: {}", piece.cause());
  if (!end.empty() && !piece.missing().empty()) end += "; ";
  return end + piece.missing();
}

}  // namespace

void LogPrinter::Take(const pb::GetLogResponse& piece) {
  if (!piece.has_id()) return;
  const std::string name = NameOf(piece.id());
  Source& source = sources_[name];
  source.id = piece.id();
  source.node = piece.node();
  if (piece.restarted()) {
    Note(source, "its log had grown too long and begins anew");
    source.bytes = 0;
  }
  source.bytes += piece.data().size();
  Show(&source, piece.data());
  if (!piece.ended()) return;
  if (!source.unfinished.empty()) ShowLines(source, source.unfinished + "\n");
  if (const std::string end = DescribeEnd(piece); !end.empty()) Note(source, end);
  sources_.erase(name);
}

void LogPrinter::Show(Source* source, std::string_view data) {
  if (data.empty()) return;
  if (mode_ == Mode::kOneTask) return ShowLines(*source, data);
  source->unfinished += data;
  size_t whole = source->unfinished.rfind('\n');
  whole = whole == std::string::npos ? 0 : whole + 1;
  if (whole > 0) ShowLines(*source, std::string_view(source->unfinished).substr(0, whole));
  source->unfinished.erase(0, whole);
  if (source->unfinished.size() < kMaxLineBytes) return;
  ShowLines(*source, std::exchange(source->unfinished, "") + "\n");
}

std::string LogPrinter::NameOf(const pb::AttemptId& id) const {
  const bool one_job = mode_ == Mode::kOneTask || mode_ == Mode::kJob;
  return one_job ? FormatAttempt(id) : AttemptKey(id);
}

void LogPrinter::ShowJson(const Source& source, std::string_view lines) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    sinks_.data(JsonLine()
                    .Add("job", source.id.job_id())
                    .Add("attempt", FormatAttempt(source.id))
                    .Add("node", source.node)
                    .Add("line", line)
                    .ToString() +
                "\n");
  }
}

void LogPrinter::ShowLines(const Source& source, std::string_view lines) {
  if (mode_ == Mode::kJson) return ShowJson(source, lines);
  const std::string name = NameOf(source.id);
  if (shown_ != name) {
    if (!at_line_start_) sinks_.data("\n");
    if (mode_ != Mode::kOneTask) sinks_.data(fmt::format("==> {} on {} <==\n", name, source.node));
    // The first one is what was asked for.
    if (mode_ == Mode::kOneTask && !shown_.empty()) Note(source, "printed what follows");
    shown_ = name;
  }
  sinks_.data(lines);
  at_line_start_ = lines.ends_with('\n');
}

void LogPrinter::Note(const Source& source, std::string_view what) {
  sinks_.note(fmt::format("{} on {}: {}", NameOf(source.id), source.node, what));
}

void LogPrinter::FillHad(pb::GetLogRequest* request) const {
  request->clear_had();
  for (const auto& [name, source] : sources_) {
    pb::GetLogRequest::Had* had = request->add_had();
    *had->mutable_id() = source.id;
    had->set_bytes(source.bytes);
  }
}

}  // namespace quern::mr
