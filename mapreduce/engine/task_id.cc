#include "mapreduce/engine/task_id.h"

#include <algorithm>
#include <charconv>

namespace quern::mr {

namespace {

constexpr std::string_view kPipelinePrefix = "pipeline-";

char KindLetter(pb::TaskKind kind) {
  switch (kind) {
    case pb::TASK_KIND_MAP:
      return 'm';
    case pb::TASK_KIND_REDUCE:
      return 'r';
    case pb::TASK_KIND_SAMPLE:
      return 's';
    default:
      return '?';
  }
}

pb::TaskKind KindOfLetter(char letter) {
  for (pb::TaskKind kind : {pb::TASK_KIND_MAP, pb::TASK_KIND_REDUCE, pb::TASK_KIND_SAMPLE}) {
    if (KindLetter(kind) == letter) return kind;
  }
  return pb::TASK_KIND_UNSPECIFIED;
}

bool AllDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<uint32_t> ParseNumber(std::string_view text) {
  uint32_t number = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (!AllDigits(text) || result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

std::string FormatJobId(std::string_view day, uint32_t number) {
  return fmt::format("job-{}-{:04}", day, number);
}

bool IsJobId(std::string_view text) {
  return text.size() >= 17 && text.size() <= 32 && text.substr(0, 4) == "job-" &&
         AllDigits(text.substr(4, 8)) && text[12] == '-' && AllDigits(text.substr(13));
}

std::string FormatPipelineId(std::string_view day, uint32_t number) {
  return fmt::format("{}{}-{:04}", kPipelinePrefix, day, number);
}

bool IsPipelineId(std::string_view id) { return id.starts_with(kPipelinePrefix); }

std::string FormatTask(pb::TaskKind kind, uint32_t task) {
  return fmt::format("{}-{:05}", KindLetter(kind), task);
}

std::string FormatAttempt(const pb::AttemptId& id) {
  return fmt::format("{}.{}", FormatTask(id.kind(), id.task()), id.attempt());
}

std::string AttemptKey(const pb::AttemptId& id) {
  return fmt::format("{} {}", id.job_id(), FormatAttempt(id));
}

absl::StatusOr<TaskName> ParseTaskName(std::string_view text) {
  TaskName name;
  const size_t dot = std::min(text.find('.'), text.size());
  const bool has_prefix = text.size() > 2 && dot > 2 && text[1] == '-';
  const auto task = has_prefix ? ParseNumber(text.substr(2, dot - 2)) : std::nullopt;
  if (dot < text.size()) name.attempt = ParseNumber(text.substr(dot + 1));
  if (has_prefix) name.kind = KindOfLetter(text[0]);
  if (!task || name.kind == pb::TASK_KIND_UNSPECIFIED || (dot < text.size() && !name.attempt)) {
    return InvalidArgumentError("{}: not a task. Try: m-17, r-3 or, for one attempt, m-17.1", text);
  }
  name.task = *task;
  return name;
}

std::string FormatPart(pb::TaskKind kind, uint32_t task) {
  return "part-" + FormatTask(kind, task);
}

std::string PublishedPart(pb::TaskKind kind, uint32_t task, std::string_view path) {
  constexpr size_t kMaxExtensionBytes = 16;
  std::string part = FormatPart(kind, task);
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (!name.starts_with(part)) return part;
  const std::string_view extension = name.substr(part.size());
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (extension.size() < 2 || extension.size() > kMaxExtensionBytes || extension[0] != '.' ||
      !std::all_of(extension.begin() + 1, extension.end(), plain)) {
    return part;
  }
  return part.append(extension);
}

}  // namespace quern::mr
