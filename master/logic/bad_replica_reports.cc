#include "master/logic/bad_replica_reports.h"

namespace quern::master {

void BadReplicaReports::DropOld(absl::Time now) {
  if (reporters_.size() >= options_.max_remembered) {
    absl::erase_if(reporters_, [&](const auto& entry) {
      return now - entry.second.window_began >= options_.window;
    });
  }
  if (quiet_until_.size() >= options_.max_remembered) {
    absl::erase_if(quiet_until_, [&](const auto& entry) { return entry.second <= now; });
  }
}

bool BadReplicaReports::MayReport(std::string_view reporter, absl::Time now) {
  if (!reporters_.contains(reporter) && reporters_.size() >= options_.max_remembered) return false;
  Reporter& entry = reporters_[std::string(reporter)];
  if (now - entry.window_began >= options_.window || entry.reports == 0) {
    entry = {.window_began = now, .reports = 0};
  }
  if (entry.reports >= options_.max_per_reporter) return false;
  ++entry.reports;
  return true;
}

bool BadReplicaReports::Begin(std::string_view reporter, ChunkId chunk, ServerId server,
                              absl::Time now) {
  DropOld(now);
  const Key key(chunk, server);
  const auto quiet = quiet_until_.find(key);
  if (quiet != quiet_until_.end() && now < quiet->second) return false;
  if (quiet == quiet_until_.end() && quiet_until_.size() >= options_.max_remembered) return false;
  const auto busy = under_way_.find(server);
  if (busy != under_way_.end() && busy->second >= options_.max_per_server) return false;
  if (!MayReport(reporter, now)) return false;
  ++under_way_[server];
  quiet_until_[key] = absl::InfiniteFuture();
  return true;
}

void BadReplicaReports::Ended(ChunkId chunk, ServerId server, bool good, absl::Time now) {
  const auto found = quiet_until_.find({chunk, server});
  if (found == quiet_until_.end() || found->second != absl::InfiniteFuture()) return;
  found->second = now + (good ? options_.trust : options_.pause);
  if (--under_way_[server] == 0) under_way_.erase(server);
}

}  // namespace quern::master
