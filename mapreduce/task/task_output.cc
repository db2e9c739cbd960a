#include "mapreduce/task/task_output.h"

#include "mapreduce/formats/output_format.h"

namespace quern::mr {

namespace {

std::string OutputPath(const pb::TaskSpec& spec, const OutputFormat& format) {
  return fmt::format("{}/{}{}", spec.attempt_dir(), FormatPart(spec.id().kind(), spec.id().task()),
                     format.Extension({.codec = spec.job().output().codec()}));
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutputSink>> CreateTaskOutput(const pb::TaskSpec& spec,
                                                             const TaskEnvironment& environment) {
  ASSIGN_OR_RETURN(const OutputFormat* const format,
                   FindOutputFormat(spec.job().output().format()));
  WriteOptions options;
  options.replication = spec.job().output().replication();
  // The directory of a job goes away when the job ends: an attempt that is late must not bring it
  // back, since nobody would remove it again.
  options.make_ancestors = !IsJobId(spec.id().job_id());
  ASSIGN_OR_RETURN(auto created, environment.storage->Create(OutputPath(spec, *format), options));
  auto file = std::make_unique<OutputFile>(std::move(created), &environment.progress->steps);
  ASSIGN_OR_RETURN(auto writer, format->Open({.codec = spec.job().output().codec()}, file.get()));
  return std::make_unique<OutputSink>(std::move(file), std::move(writer));
}

absl::Status FinishTaskOutput(const pb::TaskSpec& spec, OutputSink* sink,
                              pb::AttemptResult* result) {
  RETURN_IF_ERROR(sink->Close());
  ASSIGN_OR_RETURN(const OutputFormat* const format,
                   FindOutputFormat(spec.job().output().format()));
  result->set_output_path(OutputPath(spec, *format));
  result->set_output_bytes(sink->bytes());
  result->set_output_records(sink->records());
  result->set_output_crc(sink->crc());
  return absl::OkStatus();
}

}  // namespace quern::mr
