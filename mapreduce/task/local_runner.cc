#include "mapreduce/task/local_runner.h"

#include <thread>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/cluster_config.h"
#include "common/storage/file_io.h"
#include "mapreduce/task/local_job.h"

namespace quern::mr {

namespace {

int Say(int code, const absl::Status& status) {
  Err().Print(ErrorLine("mr run --local", status));
  return code;
}

absl::StatusOr<pb::JobSpec> ReadSpec(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFileToString(FileSystem::Real(), path));
  pb::JobSpec spec;
  if (!spec.ParseFromString(bytes)) return InvalidArgumentError("{}: no serialized JobSpec", path);
  return spec;
}

}  // namespace

int RunLocal(const LocalOptions& options) {
  const auto spec = ReadSpec(options.spec_file);
  if (!spec.ok()) return Say(kExitRejected, spec.status());
  const auto masters = FindMasters(options.master);
  if (!masters.ok()) return Say(kExitRejected, masters.status());
  client::ClientOptions dfs;
  dfs.masters = *masters;
  dfs.user = spec->user();
  const uint32_t cores = std::max(std::thread::hardware_concurrency(), 1u);
  LocalJob job(*spec, options.threads == 0 ? cores : options.threads, std::move(dfs));
  if (const absl::Status status = job.Prepare(); !status.ok()) return Say(kExitRejected, status);
  if (const absl::Status status = job.Run(); !status.ok()) return Say(kExitFailed, status);
  Err().Format("{}: done, output in {}\n", job.spec().name(), job.spec().output().path());
  for (const pb::JobSpec::NamedOutput& named : job.spec().outputs()) {
    Err().Format("{}: {} in {}\n", job.spec().name(), named.name(), named.output().path());
  }
  for (const pb::Counter& counter : job.counters()) {
    Err().Format("  {}.{} = {}\n", counter.group(), counter.name(), counter.value());
  }
  return kExitOk;
}

}  // namespace quern::mr
