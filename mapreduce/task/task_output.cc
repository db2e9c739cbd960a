#include "mapreduce/task/task_output.h"

#include "mapreduce/formats/output_format.h"

namespace quern::mr {

std::string NamedOutputDir(const pb::TaskSpec& spec, int index) {
  if (index < spec.output_dirs_size()) return spec.output_dirs(index);
  return fmt::format("{}-{}", spec.attempt_dir(), spec.job().outputs(index).name());
}

absl::StatusOr<std::string> OutputPath(const pb::TaskSpec& spec, const pb::JobSpec::Output& output,
                                       const std::string& dir) {
  ASSIGN_OR_RETURN(const OutputFormat* const format, FindOutputFormat(output.format()));
  return fmt::format("{}/{}{}", dir, FormatPart(spec.id().kind(), spec.id().task()),
                     format->Extension({.codec = output.codec()}));
}

absl::StatusOr<std::unique_ptr<OutputSink>> CreateOutput(const pb::TaskSpec& spec,
                                                         const TaskEnvironment& environment,
                                                         const pb::JobSpec::Output& output,
                                                         const std::string& path) {
  ASSIGN_OR_RETURN(const OutputFormat* const format, FindOutputFormat(output.format()));
  WriteOptions options;
  options.replication = output.replication();
  // The directory of a job goes away when the job ends: an attempt that is late must not bring it
  // back, since nobody would remove it again.
  options.make_ancestors = !IsJobId(spec.id().job_id());
  ASSIGN_OR_RETURN(auto created, environment.storage->Create(path, options));
  auto file = std::make_unique<OutputFile>(std::move(created), &environment.progress->steps);
  ASSIGN_OR_RETURN(auto writer,
                   format->Open({.codec = output.codec(), .schema = output.schema()}, file.get()));
  return std::make_unique<OutputSink>(std::move(file), std::move(writer));
}

absl::StatusOr<std::unique_ptr<OutputSink>> CreateTaskOutput(const pb::TaskSpec& spec,
                                                             const TaskEnvironment& environment) {
  ASSIGN_OR_RETURN(const std::string path,
                   OutputPath(spec, spec.job().output(), spec.attempt_dir()));
  return CreateOutput(spec, environment, spec.job().output(), path);
}

absl::Status FinishTaskOutput(const pb::TaskSpec& spec, OutputSink* sink,
                              pb::AttemptResult* result) {
  RETURN_IF_ERROR(sink->Close());
  ASSIGN_OR_RETURN(*result->mutable_output_path(),
                   OutputPath(spec, spec.job().output(), spec.attempt_dir()));
  result->set_output_bytes(sink->bytes());
  result->set_output_records(sink->records());
  result->set_output_crc(sink->crc());
  return absl::OkStatus();
}

}  // namespace quern::mr
