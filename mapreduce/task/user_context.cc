#include "mapreduce/task/user_context.h"

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

Counter* UserContext::counter(std::string_view name) { return &user_[std::string(name)]; }

void UserContext::SetEngineCounter(std::string_view name, uint64_t value) {
  engine_[std::string(name)] = value;
}

void UserContext::ExportCounters(pb::AttemptResult* result) const {
  const auto add = [&](std::string_view group, const std::string& name, int64_t value) {
    pb::Counter* out = result->add_counters();
    out->set_group(std::string(group));
    out->set_name(name);
    out->set_value(value);
  };
  for (const auto& [name, value] : engine_) add("quern", name, static_cast<int64_t>(value));
  for (const auto& [name, counter] : user_) add("user", name, counter.value());
}

}  // namespace quern::mr
