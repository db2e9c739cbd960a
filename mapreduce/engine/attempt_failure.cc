#include "mapreduce/engine/attempt_failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "mapreduce/engine/record_position.h"
#include "mapreduce/engine/report_limits.h"

namespace quern::mr {
namespace {

// " while /in/a was read, behind offset 4711"; what the message says already is not said again.
std::string ReadingText(const RecordPosition& at, std::string_view message) {
  if (at.source.empty()) return " while its input was read";
  const bool is_named = message.find(at.source) != std::string_view::npos;
  std::string text = is_named ? "" : fmt::format(" while {} was read", at.source);
  if (at.position > 0) text += fmt::format(", behind offset {}", at.position);
  return text;
}

std::string PhaseText(const RecordPosition& at, std::string_view message) {
  switch (at.phase) {
    case RecordPhase::kMap:
      return " in Map";
    case RecordPhase::kCombine:
      return " in the combiner";
    case RecordPhase::kReduce:
      return " in Reduce";
    case RecordPhase::kCallback:
      return " (in Start or Finish)";
    case RecordPhase::kPartition:
      return " in the partitioner";
    case RecordPhase::kReading:
      return ReadingText(at, message);
    case RecordPhase::kNone:
      return "";
  }
  return "";
}

// Where it was belongs to what happened: "it died in Map. Try: again".
std::string WithPlace(std::string_view message, std::string_view place) {
  const size_t advice = std::min(message.rfind(". Try: "), message.size());
  return fmt::format("{}{}{}", message.substr(0, advice), place, message.substr(advice));
}

}  // namespace

pb::AttemptFailure DescribeExit(const ExitStatus& exit) {
  pb::AttemptFailure failure;
  failure.set_signal(exit.signal);
  if (exit.signal == SIGKILL) {
    failure.set_message(
        "signal 9 (Killed) from outside: perhaps the machine ran out of memory. Try: fewer "
        "--slots, "
        "or a smaller --memory");
  } else if (exit.signal != 0) {
    failure.set_message(exit.ToString());
  } else {
    failure.set_message(
        fmt::format("the process ended with {} before its task was done", exit.ToString()));
  }
  return failure;
}

std::string ClosedText(uint32_t closed) {
  const std::pair<ClosedDescriptor, std::string_view> kinds[] = {
      {kClosedConnection, "the task's connection to the worker"},
      {kClosedStdout, "stdout"},
      {kClosedStderr, "stderr"},
      {kClosedNotes, "the notes of the run"}};
  std::string names;
  for (const auto& [kind, name] : kinds) {
    if ((closed & kind) != 0) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  }
  return fmt::format(
      "its code closed descriptors that belong to the engine ({}). Try: close only descriptors "
      "that it has opened",
      names);
}

void AddEvidence(const std::string& dir, pb::AttemptFailure* failure) {
  if (failure->log_tail().empty()) failure->set_log_tail(Tail(dir + "/log", kMaxLogTailBytes));
  if (failure->in_record()) return;
  const auto position = ReadRecordPosition(dir + "/record");
  if (!position.ok()) return;
  if (position->closed != 0) {
    // It goes on for a moment afterwards: which record it was is not known.
    failure->set_message(ClosedText(position->closed));
    return;
  }
  if (position->phase == RecordPhase::kNone) return;
  failure->set_message(WithPlace(failure->message(), PhaseText(*position, failure->message())));
  if (position->phase != RecordPhase::kMap && position->phase != RecordPhase::kReduce) return;
  failure->set_in_record(true);
  failure->set_record_source(position->source);
  failure->set_record_position(position->position);
  failure->set_record_piece(position->piece);
  failure->set_blames_record(true);
}

std::string AtRecord(const pb::AttemptFailure& failure) {
  if (!failure.in_record()) return "";
  if (failure.record_source().empty()) {
    return fmt::format(", at key {}", failure.record_position());
  }
  return fmt::format(", at {}:{}", failure.record_source(), failure.record_position());
}

std::string MessageAtRecord(const pb::AttemptFailure& failure) {
  return WithPlace(failure.message(), AtRecord(failure));
}

void AddMemoryAdvice(MemoryAdvice advice, pb::AttemptFailure* failure) {
  std::string text = ". Try: a larger limits.memory";
  if (failure->blames_record() && advice == MemoryAdvice::kRaiseLimitOrSkip) {
    text += ", or limits.skip_bad_records = true, which sets such a record aside";
  }
  failure->set_message(failure->message() + text);
}

std::string Tail(const std::string& path, size_t max_bytes) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return "";
  std::ifstream file(path, std::ios::binary);
  const bool cut = size > max_bytes;
  if (cut) file.seekg(static_cast<std::streamoff>(size - max_bytes));
  std::string text(cut ? max_bytes : static_cast<size_t>(size), '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (!cut) return text;
  // From the start of a line, or at least of a character.
  const size_t line = text.find('\n');
  if (line != std::string::npos && line + 1 < text.size()) return text.substr(line + 1);
  size_t begin = 0;
  while (begin < text.size() && begin < 3 && (static_cast<uint8_t>(text[begin]) & 0xc0) == 0x80) {
    ++begin;
  }
  return text.substr(begin);
}

}  // namespace quern::mr
