#include "mapreduce/task/user_context.h"

#include "common/clean_text.h"
#include "mapreduce/engine/report_limits.h"
#include "mapreduce/plan/split_planner.h"
#include "mapreduce/task/user_code.h"

namespace quern::mr {

namespace {

quern_bytes Bytes(const std::string& text) { return {text.data(), text.size()}; }

}  // namespace

UserContext::UserContext(const pb::TaskSpec& spec, TaskProgress* progress, const SideFiles* files)
    : spec_(spec), job_(spec.job()), progress_(progress), files_(files) {
  for (const pb::InputPiece& piece : spec.split().pieces()) {
    pieces_.push_back({Bytes(piece.path()), piece.offset(), piece.length()});
  }
}

void UserContext::Describe(quern_task* task) const {
  task->job_id = Bytes(spec_.id().job_id());
  task->index = spec_.id().task();
  task->attempt = spec_.id().attempt();
  task->reduce_tasks = job_.reduce().tasks();
  task->piece_count = static_cast<uint32_t>(pieces_.size());
  task->pieces = pieces_.data();
  if (spec_.id().kind() == pb::TASK_KIND_REDUCE) return;
  const pb::JobSpec::Input& input = job_.inputs(static_cast<int>(spec_.split().input()));
  const auto format = FormatOfSplit(job_, spec_.split());
  const std::string_view form = format.ok() ? (*format)->record_form() : input.format();
  task->input_format = {form.data(), form.size()};
  task->input_tag = Bytes(input.tag());
}

const std::string* UserContext::param(std::string_view name) const {
  const auto found = job_.params().find(std::string(name));
  return found == job_.params().end() ? nullptr : &found->second;
}

const std::string* UserContext::file(std::string_view name) const {
  if (files_ == nullptr) return nullptr;
  const auto found = files_->find(name);
  return found == files_->end() ? nullptr : &found->second;
}

quern_counter* UserContext::counter(std::string_view name) {
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
  return nullptr;
}

quern_output* UserContext::output(uint32_t kind, std::string_view name) {
  const bool reduces = spec_.id().kind() == pb::TASK_KIND_REDUCE;
  const bool may = kind == QUERN_MAPPER || (reduces && kind != QUERN_PARTITIONER);
  absl::StatusOr<EmitBuffer*> found =
      !may || outputs_ == nullptr
          ? absl::StatusOr<EmitBuffer*>(JobError(fmt::format(
                "output '{}': only mappers and reducers have named outputs", CleanLine(name, 100))))
          : outputs_->Find(name);
  if (found.ok()) return (*found)->output();
  refused_ = found.status();
  return nullptr;
}

absl::Status UserContext::refused() const {
  RETURN_IF_ERROR(refused_);
  return outputs_ == nullptr ? absl::OkStatus() : outputs_->user_status();
}

absl::Status UserContext::FinishOutputs(pb::AttemptResult* result) {
  if (outputs_ == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(outputs_->Finish(result));
  for (const auto& [name, records] : outputs_->records()) {
    SetEngineCounter("named_output_records: " + name, records);
  }
  return absl::OkStatus();
}

void UserContext::SetEngineCounter(std::string_view name, uint64_t value) {
  engine_[std::string(name)] = value;
}

absl::Status UserContext::ExportCounters(pb::AttemptResult* result) const {
  RETURN_IF_ERROR(refused());
  const auto add = [&](std::string_view group, const std::string& name, int64_t value) {
    pb::Counter* out = result->add_counters();
    out->set_group(std::string(group));
    out->set_name(name);
    out->set_value(value);
  };
  for (const auto& [name, value] : engine_) add("quern", name, static_cast<int64_t>(value));
  for (const auto& [name, counter] : user_) add("user", name, counter.value);
  return absl::OkStatus();
}

}  // namespace quern::mr
