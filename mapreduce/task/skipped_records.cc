#include "mapreduce/task/skipped_records.h"

#include "common/cli/json_line.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/user_code.h"

namespace quern::mr {

namespace {

pb::JobSpec::Output RecordFiles(const pb::JobSpec& job) {
  pb::JobSpec::Output output;
  output.set_format("record");
  output.set_codec("zstd");
  output.set_replication(job.output().replication());
  return output;
}

// A local run writes straight into what becomes the output.
std::string SkippedDir(const pb::TaskSpec& spec) {
  return fmt::format("{}{}{}", spec.attempt_dir(), IsJobId(spec.id().job_id()) ? "-" : "/",
                     kSkippedName);
}

}  // namespace

SkippedRecords::SkippedRecords(const pb::TaskSpec& spec, const TaskEnvironment& environment)
    : output_(RecordFiles(spec.job())),
      file_(spec.id().kind() == pb::TASK_KIND_SAMPLE ? nullptr : &spec, &environment, &output_,
            SkippedDir(spec)) {}

absl::Status SkippedRecords::KeepRecord(std::string_view reason, std::string_view path,
                                        const RecordReader& record) {
  JsonLine place;
  place.Add("path", path).Add("offset", record.offset());
  if (record.has_key()) place.Add("key", record.key());
  return Keep(place.Add("reason", reason).ToString(), record.value());
}

absl::Status SkippedRecords::KeepGroup(std::string_view reason, std::string_view key,
                                       uint64_t values) {
  JsonLine place;
  return Keep(place.Add("key", key).Add("values", values).Add("reason", reason).ToString(), "");
}

absl::Status SkippedRecords::KeepValue(std::string_view reason, std::string_view key,
                                       std::string_view value) {
  JsonLine place;
  return Keep(place.Add("key", key).Add("reason", reason).ToString(), value);
}

absl::Status SkippedRecords::Keep(std::string_view place, std::string_view value) {
  return Annotate(CatchEngineError([&] { file_.Append(place, value); }), "keep a skipped record");
}

absl::Status SkippedRecords::Finish(pb::AttemptResult* result) {
  return file_.Finish(kSkippedName, result);
}

}  // namespace quern::mr
