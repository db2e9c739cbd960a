#include "mapreduce/task/lazy_output.h"

#include <utility>

#include "mapreduce/task/task_output.h"

namespace quern::mr {

void LazyOutput::AppendSlow(std::string_view key, std::string_view value) {
  if (spec_ == nullptr) return;
  if (sink_ == nullptr) Open();
  sink_->Append(key, value);
}

void LazyOutput::Open() {
  absl::StatusOr<std::string> path = OutputPath(*spec_, *output_, dir_);
  if (!path.ok()) throw EngineError(path.status());
  path_ = *std::move(path);
  auto sink = CreateOutput(*spec_, *environment_, *output_, path_);
  if (!sink.ok()) throw EngineError(sink.status());
  sink_ = *std::move(sink);
}

absl::Status LazyOutput::Finish(std::string_view name, pb::AttemptResult* result) {
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

}  // namespace quern::mr
