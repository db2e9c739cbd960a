#include "mapreduce/task/named_outputs.h"

#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "common/clean_text.h"
#include "mapreduce/task/task_output.h"
#include "mapreduce/task/user_code.h"

namespace quern::mr {

class NamedOutputs::Output final : public EmitBuffer {
 public:
  // What is written to one without a task's file is thrown away. All borrowed.
  Output() = default;
  Output(const pb::TaskSpec* spec, const TaskEnvironment* environment,
         const pb::JobSpec::Output* output, std::string dir)
      : spec_(spec), environment_(environment), output_(output), dir_(std::move(dir)) {}

  uint64_t records() const { return sink_ == nullptr ? 0 : sink_->records(); }

  absl::Status Finish(std::string_view name, pb::AttemptResult* result) {
    RETURN_IF_ERROR(user_status());
    if (sink_ == nullptr) return absl::OkStatus();
    RETURN_IF_ERROR(Annotate(sink_->Close(), fmt::format("output {}", name)));
    pb::AttemptResult::NamedFile* const file = result->add_named_files();
    file->set_output(std::string(name));
    file->set_path(path_);
    file->set_bytes(sink_->bytes());
    file->set_records(sink_->records());
    file->set_crc(sink_->crc());
    return absl::OkStatus();
  }

 private:
  void AppendSlow(std::string_view key, std::string_view value) override {
    if (spec_ == nullptr) return;
    if (sink_ == nullptr) Open();
    sink_->Append(key, value);
  }
  void Open() {
    absl::StatusOr<std::string> path = OutputPath(*spec_, *output_, dir_);
    if (!path.ok()) throw EngineError(path.status());
    path_ = *std::move(path);
    auto sink = CreateOutput(*spec_, *environment_, *output_, path_);
    if (!sink.ok()) throw EngineError(sink.status());
    sink_ = *std::move(sink);
  }

  const pb::TaskSpec* const spec_ = nullptr;
  const TaskEnvironment* const environment_ = nullptr;
  const pb::JobSpec::Output* const output_ = nullptr;
  const std::string dir_;
  std::string path_;
  std::unique_ptr<OutputSink> sink_;
};

NamedOutputs::NamedOutputs(const pb::TaskSpec& spec, const TaskEnvironment& environment) {
  const bool kept = spec.id().kind() != pb::TASK_KIND_SAMPLE;
  for (int i = 0; i < spec.job().outputs_size(); ++i) {
    const pb::JobSpec::NamedOutput& named = spec.job().outputs(i);
    outputs_[named.name()] = kept ? std::make_unique<Output>(&spec, &environment, &named.output(),
                                                             NamedOutputDir(spec, i))
                                  : std::make_unique<Output>();
  }
}

NamedOutputs::~NamedOutputs() = default;

absl::StatusOr<EmitBuffer*> NamedOutputs::Find(std::string_view name) {
  const auto found = outputs_.find(name);
  if (found != outputs_.end()) return found->second.get();
  std::vector<std::string_view> names;
  for (const auto& [known, output] : outputs_) names.push_back(known);
  const std::string list =
      names.empty() ? "it declares none" : fmt::format("it declares {}", fmt::join(names, ", "));
  return JobError(
      fmt::format("output '{0}': the job has none of that name, {1}. Try: [outputs.{0}] "
                  "in its spec",
                  CleanLine(name, 100), list));
}

absl::Status NamedOutputs::user_status() const {
  for (const auto& [name, output] : outputs_) {
    RETURN_IF_ERROR(Annotate(output->user_status(), fmt::format("output {}", name)));
  }
  return absl::OkStatus();
}

absl::Status NamedOutputs::Finish(pb::AttemptResult* result) {
  for (const auto& [name, output] : outputs_) RETURN_IF_ERROR(output->Finish(name, result));
  return absl::OkStatus();
}

std::map<std::string, uint64_t> NamedOutputs::records() const {
  std::map<std::string, uint64_t> records;
  for (const auto& [name, output] : outputs_) records[name] = output->records();
  return records;
}

}  // namespace quern::mr
