#include "master/service/pages.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "common/html.h"
#include "common/sizes.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

constexpr size_t kRowsPerPage = 500;

absl::Time FromMs(int64_t ms) { return absl::UnixEpoch() + absl::Milliseconds(ms); }

// "%2F" for what may not stand in a query.
std::string UrlEscape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                       (byte >= 'A' && byte <= 'Z') || c == '/' || c == '-' || c == '_' || c == '.';
    if (plain) {
      escaped.push_back(c);
    } else {
      escaped += fmt::format("%{:02X}", byte);
    }
  }
  return escaped;
}

// What is wrong, as sentences; the first thing that somebody who opens the page wants to know.
std::vector<std::string> StateSentences(const pb::GetClusterResponse& cluster) {
  std::vector<std::string> sentences;
  if (!cluster.halted().empty()) sentences.push_back(cluster.halted());
  const auto down = std::count_if(cluster.servers().begin(), cluster.servers().end(),
                                  [](const auto& server) { return !server.alive(); });
  if (cluster.servers().empty()) sentences.emplace_back("no chunkserver has registered yet");
  if (down > 0)
    sentences.push_back(fmt::format("{} of {} chunkservers down", down, cluster.servers_size()));
  if (cluster.missing() > 0)
    sentences.push_back(fmt::format("{} chunks missing", cluster.missing()));
  if (cluster.under_replicated() > 0) {
    sentences.push_back(fmt::format("{} chunks under-replicated", cluster.under_replicated()));
  }
  if (!cluster.writable()) sentences.emplace_back("new files cannot be written");
  if (sentences.empty()) sentences.emplace_back("all is well");
  return sentences;
}

// With all servers.
absl::StatusOr<pb::GetClusterResponse> WholeCluster(Master* master) {
  pb::GetClusterRequest request;
  ASSIGN_OR_RETURN(pb::GetClusterResponse all, GetCluster(*master, request, {}));
  for (bool more = all.more_servers(); more;) {
    request.set_start_after_server(all.servers().rbegin()->address().server_id());
    ASSIGN_OR_RETURN(const pb::GetClusterResponse page, GetCluster(*master, request, {}));
    all.mutable_servers()->MergeFrom(page.servers());
    more = page.more_servers();
  }
  return all;
}

size_t CountOpenFiles(Master* master) {
  const std::unique_ptr<RowReader> rows = master->committer().Snapshot();
  constexpr size_t kAll = std::numeric_limits<size_t>::max();
  return MetadataView(*rows).Inodes(Table::kOpenFiles, InodeId(), kAll).size();
}

PageContent Overview(Master* master) {
  const pb::GetClusterResponse cluster = WholeCluster(master).value_or(pb::GetClusterResponse());
  uint64_t capacity = 0;
  uint64_t used = 0;
  uint64_t free = 0;
  int64_t alive = 0;
  for (const auto& server : cluster.servers()) {
    capacity += server.capacity_bytes();
    used += server.used_bytes();
    free += server.free_bytes();
    alive += server.alive() ? 1 : 0;
  }
  std::string state;
  for (const std::string& sentence : StateSentences(cluster)) {
    state += state.empty() ? sentence : "; " + sentence;
  }
  PageContent page{.title = "Overview"};
  page.AddFacts("State", {{"state", state},
                          {"chunkservers alive", alive},
                          {"chunkservers known", cluster.servers_size()},
                          {"under-replicated chunks", cluster.under_replicated()},
                          {"missing chunks", cluster.missing()},
                          {"copies under way", cluster.repairs_in_flight()},
                          {"writable", cluster.writable()}});
  page.AddFacts("Contents", {{"files", cluster.file_count()},
                             {"files being written", CountOpenFiles(master)},
                             {"directories", cluster.directory_count()},
                             {"chunks", cluster.chunk_count()}});
  page.AddFacts("Space", {{"capacity", PageCell::Bytes(capacity)},
                          {"used by chunks", PageCell::Bytes(used)},
                          {"free", PageCell::Bytes(free)}});
  page.AddFacts("Cluster", {{"cluster id", cluster.cluster_id()},
                            {"term", cluster.term()},
                            {"default replication", cluster.default_replication()},
                            {"min write replicas", cluster.min_write_replicas()}});
  return page;
}

PageContent Servers(Master* master) {
  ClusterState& state = master->state();
  const absl::Time now = master->clock().MonotonicNow();
  PageContent page{.title = "Chunkservers"};
  PageTable& table = page.AddTable(
      "Chunkservers", {"server", "state", "node", "rack", "address", "last heard", "chunks", "used",
                       "free", "capacity", "disks", "failed disks"});
  MutexLock lock(&state.mutex);
  for (const auto& [id, server] : state.servers.servers()) {
    const auto failed = std::count_if(server.disks.begin(), server.disks.end(),
                                      [](const auto& disk) { return disk.failed(); });
    table.rows.push_back(
        {{id.ToString(), "http://" + server.row.http_address()},
         ToString(state.servers.Health(server, now)),
         server.row.node(),
         server.row.rack(),
         server.row.address(),
         server.registered ? PageCell::Seconds(now - server.last_heard) : PageCell("never"),
         state.chunks.CountOnServer(id),
         PageCell::Bytes(server.used_bytes),
         PageCell::Bytes(server.free_bytes),
         PageCell::Bytes(server.capacity_bytes),
         server.disks.size(),
         failed});
  }
  return page;
}

PageContent Chunks(Master* master) {
  ClusterState& state = master->state();
  const absl::Time now = master->clock().MonotonicNow();
  PageContent page{.title = "Chunks"};
  MutexLock lock(&state.mutex);
  page.AddFacts("Chunks", {{"known", state.chunks.size()},
                           {"under-replicated", state.repair.under_replicated()},
                           {"missing", state.repair.missing()},
                           {"copies under way", state.repair.in_flight()},
                           {"of deleted files, not removed yet", state.garbage.garbage_chunks()}});
  PageTable& table =
      page.AddTable("Under-replicated", {"chunk", "good copies", "wanted", "being copied to",
                                         "failed tries", "reason", "next try in"});
  for (const auto& [chunk, row] : state.repair.rows()) {
    if (table.rows.size() >= kRowsPerPage) break;
    std::string targets;
    for (const ServerId target : row.targets) {
      targets += fmt::format("{}{}", targets.empty() ? "" : ", ", target);
    }
    table.rows.push_back({chunk.ToString(), row.good, row.wanted, targets, row.failures, row.reason,
                          PageCell::Seconds(std::max(absl::ZeroDuration(), row.next_try - now))});
  }
  return page;
}

absl::StatusOr<PageContent> Files(Master* master, const HttpRequest& request) {
  pb::ListRequest list;
  list.set_path(request.param("path").empty() ? "/" : request.param("path"));
  list.set_start_after(request.param("after"));
  list.set_limit(kRowsPerPage);
  ASSIGN_OR_RETURN(const pb::ListResponse listing, List(*master, list, {}));
  const std::string prefix = list.path() == "/" ? "/" : list.path() + "/";
  PageContent page{.title = list.path()};
  PageTable& table = page.AddTable(
      "Entries", {"name", "type", "length", "replication", "owner", "group", "mode", "changed"});
  for (const pb::FileStatus& entry : listing.entries()) {
    const bool directory = entry.type() == pb::FILE_TYPE_DIRECTORY;
    const std::string link = directory ? "/files?path=" + UrlEscape(prefix + entry.path()) : "";
    table.rows.push_back({{entry.path(), link},
                          directory ? "directory" : (entry.complete() ? "file" : "being written"),
                          PageCell::Bytes(entry.length()),
                          entry.replication(),
                          entry.owner(),
                          entry.group(),
                          fmt::format("{:04o}", entry.mode()),
                          PageCell::At(FromMs(entry.mtime_ms()))});
  }
  if (listing.more()) {
    const std::string& last = listing.entries().rbegin()->path();
    page.AddFacts("More", {{"next page",
                            {"after " + last, "/files?path=" + UrlEscape(list.path()) +
                                                  "&after=" + UrlEscape(last)}}});
  }
  return page;
}

}  // namespace

std::vector<HttpPage> MasterPages(Master* master) {
  return {
      {"/", "Overview", [master](const HttpRequest&) { return Overview(master); }},
      {"/servers", "Servers", [master](const HttpRequest&) { return Servers(master); }},
      {"/chunks", "Chunks", [master](const HttpRequest&) { return Chunks(master); }},
      {"/files", "Files", [master](const HttpRequest& request) { return Files(master, request); }}};
}

void AddMasterMetrics(Master* master, Metrics* metrics) {
  const auto gauge = [&](const char* name, const char* help, const MetricLabels& labels = {}) {
    return &metrics->AddGauge(name, help, labels);
  };
  constexpr const char* kServers = "quern_dfs_master_servers";
  constexpr const char* kServersHelp = "Chunkservers known, by state.";
  Gauge* alive = gauge(kServers, kServersHelp, {{"state", "alive"}});
  Gauge* not_alive = gauge(kServers, kServersHelp, {{"state", "not_alive"}});
  Gauge* files = gauge("quern_dfs_master_files", "Files, those being written included.");
  Gauge* open_files = gauge("quern_dfs_master_open_files",
                            "Files being written, those without a name yet included.");
  Gauge* directories = gauge("quern_dfs_master_directories", "Directories.");
  Gauge* chunks = gauge("quern_dfs_master_chunks", "Chunks.");
  Gauge* under =
      gauge("quern_dfs_master_under_replicated_chunks", "Sealed chunks short of copies.");
  Gauge* missing = gauge("quern_dfs_master_missing_chunks", "Sealed chunks with no copy left.");
  Gauge* repairs = gauge("quern_dfs_master_repairs_in_flight", "Copies under way.");
  Gauge* capacity = gauge("quern_dfs_master_capacity_bytes", "Space of all working disks.");
  Gauge* free = gauge("quern_dfs_master_free_bytes", "Free space of all working disks.");
  Gauge* term = gauge("quern_dfs_master_term", "Grows with every start.");
  metrics->AddRefresh([=] {
    const auto cluster = WholeCluster(master);
    if (!cluster.ok()) return;
    double up = 0;
    double capacity_bytes = 0;
    double free_bytes = 0;
    for (const auto& server : cluster->servers()) {
      up += server.alive() ? 1 : 0;
      capacity_bytes += static_cast<double>(server.capacity_bytes());
      free_bytes += static_cast<double>(server.free_bytes());
    }
    alive->Set(up);
    not_alive->Set(cluster->servers_size() - up);
    files->Set(static_cast<double>(cluster->file_count()));
    open_files->Set(static_cast<double>(CountOpenFiles(master)));
    directories->Set(static_cast<double>(cluster->directory_count()));
    chunks->Set(static_cast<double>(cluster->chunk_count()));
    under->Set(static_cast<double>(cluster->under_replicated()));
    missing->Set(static_cast<double>(cluster->missing()));
    repairs->Set(static_cast<double>(cluster->repairs_in_flight()));
    capacity->Set(capacity_bytes);
    free->Set(free_bytes);
    term->Set(static_cast<double>(cluster->term()));
  });
}

}  // namespace quern::master
