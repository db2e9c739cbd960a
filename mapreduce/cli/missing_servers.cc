#include "mapreduce/cli/missing_servers.h"

#include <algorithm>
#include <string>

#include "client/file_system.h"
#include "common/write_trouble.h"
#include "mapreduce/cli/warning.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/plan/pipeline_rules.h"

namespace quern::mr {
namespace {

// `place` gives the path of an output as it is written.
template <typename Place>
uint32_t MostCopiesAt(const pb::JobSpec& job, const Place& place) {
  uint32_t most = 0;
  const auto add = [&](const pb::JobSpec::Output& output) {
    const std::string path = place(output.path());
    if (!path.empty() && !IsLocalPath(path)) most = std::max(most, output.replication());
  };
  add(job.output());
  for (const pb::JobSpec::NamedOutput& named : job.outputs()) add(named.output());
  return most;
}

}  // namespace

uint32_t MostCopies(const pb::JobSpec& job) {
  return MostCopiesAt(job, [](const std::string& written) { return written; });
}

uint32_t MostCopies(const pb::PipelineSpec& spec) {
  uint32_t most = 0;
  const auto place = [&spec](const std::string& written) { return PublishedPath(spec, written); };
  for (const pb::PipelineStage& stage : spec.stages()) {
    most = std::max(most, MostCopiesAt(stage.job(), place));
  }
  return most;
}

void WarnOfMissingServers(const Session& session, std::string_view command, uint32_t copies) {
  if (copies == 0) return;
  client::ClientOptions options;
  const auto masters = session.masters();
  if (!masters.ok()) return;
  options.masters = *masters;
  options.clock = session.clock;
  // Whatever ails the master, the job will tell.
  const auto cluster = client::FileSystem::Create(options)->GetCluster();
  if (!cluster.ok()) return;
  const auto alive =
      std::ranges::count_if(cluster->servers, [](const auto& server) { return server.alive; });
  const std::string missing = DescribeMissingServers(static_cast<size_t>(alive), copies);
  if (!missing.empty()) Warn(session, command, missing);
}

}  // namespace quern::mr
