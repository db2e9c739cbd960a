// The master's status pages and the numbers on /metrics.
#pragma once

#include <vector>

#include "common/http_server.h"
#include "common/metrics.h"
#include "master/service/master.h"

namespace quern::master {

// "/", "/servers", "/chunks" and "/files", each with its JSON twin.
std::vector<HttpPage> MasterPages(Master* master);
// quern_dfs_master_*: the state of the cluster, read when somebody asks.
void AddMasterMetrics(Master* master, Metrics* metrics);

}  // namespace quern::master
