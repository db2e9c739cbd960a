#include "mapreduce/task/user_context.h"

#include "mapreduce/engine/engine_error.h"
#include "mapreduce/engine/report_limits.h"
#include "mapreduce/task/user_code.h"

namespace quern::mr {

std::string_view UserContext::param(std::string_view name, std::string_view fallback) const {
  const auto found = job_.params().find(std::string(name));
  return found == job_.params().end() ? fallback : std::string_view(found->second);
}

void UserContext::Fail(std::string_view reason) { throw EngineError(JobError(reason)); }

std::string_view UserContext::input_format() const {
  if (spec_.id().kind() == pb::TASK_KIND_REDUCE) return {};
  return job_.inputs(static_cast<int>(spec_.split().input())).format();
}

Counter* UserContext::counter(std::string_view name) {
  absl::StatusOr<std::string> clean = CleanCounterName(name);
  if (clean.ok()) {
    if (const auto known = user_.find(*clean); known != user_.end()) return &known->second;
    if (user_.size() < kMaxCounters) return &user_[*std::move(clean)];
  }
  refused_ = clean.ok()
                 ? InvalidArgumentError(
                       "counter {}: a task may have {} counters. Try: emit counts as records",
                       *clean, kMaxCounters)
                 : clean.status();
  throw EngineError(refused_);
}

void UserContext::SetEngineCounter(std::string_view name, uint64_t value) {
  engine_[std::string(name)] = value;
}

absl::Status UserContext::ExportCounters(pb::AttemptResult* result) const {
  RETURN_IF_ERROR(refused_);
  const auto add = [&](std::string_view group, const std::string& name, int64_t value) {
    pb::Counter* out = result->add_counters();
    out->set_group(std::string(group));
    out->set_name(name);
    out->set_value(value);
  };
  for (const auto& [name, value] : engine_) add("quern", name, static_cast<int64_t>(value));
  for (const auto& [name, counter] : user_) add("user", name, counter.value());
  return absl::OkStatus();
}

}  // namespace quern::mr
