#include "chunkserver/service/pages.h"

#include <algorithm>
#include <charconv>

#include "common/version.h"

namespace quern::chunkserver {
namespace {

constexpr size_t kRowsPerPage = 1'000;

PageContent Overview(const Services& services, const Session& session) {
  const Session::State state = session.state();
  PageContent page{.title = fmt::format("Chunkserver {}", state.server)};
  page.AddFacts(
      "Server",
      {{"master", {state.master, state.master_http.empty() ? "" : "http://" + state.master_http}},
       {"session", state.admitted ? std::string("admitted") : "none: " + state.trouble},
       {"cluster", state.cluster_id},
       {"term", state.term},
       {"server uuid", services.store->server_uuid()},
       {"version", VersionString()}});
  page.AddFacts("Work",
                {{"append streams", static_cast<int64_t>(services.metrics->append_streams.Value())},
                 {"read streams", static_cast<int64_t>(services.metrics->read_streams.Value())},
                 {"orders", state.orders}});
  PageTable& disks = page.AddTable("Disks", {"path", "capacity", "free", "used", "state"});
  for (const DiskStatus& disk : services.store->Disks()) {
    if (disk.elsewhere) continue;
    disks.rows.push_back({disk.path, PageCell::Bytes(disk.capacity_bytes),
                          PageCell::Bytes(disk.free_bytes), PageCell::Bytes(disk.used_bytes),
                          std::string(!disk.health.ok()    ? Message(disk.health)
                                      : !disk.answers.ok() ? Message(disk.answers)
                                                           : "good")});
  }
  PageTable& replicas = page.AddTable("Replicas", {"state", "count"});
  for (int i = static_cast<int>(ReplicaState::kOpen);
       i <= static_cast<int>(ReplicaState::kQuarantined); ++i) {
    const auto replica_state = static_cast<ReplicaState>(i);
    const std::string name(StateName(replica_state));
    replicas.rows.push_back(
        {{name, "/replicas?state=" + name}, services.store->inventory().Count(replica_state)});
  }
  return page;
}

// "0x2a" or "42".
absl::StatusOr<ChunkId> ParseChunk(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgumentError("'{}' is no chunk id. Try: 0x2a", text);
  }
  return ChunkId(value);
}

absl::StatusOr<PageContent> Replicas(const Services& services, const HttpRequest& request) {
  ChunkId after;
  if (const std::string text = request.param("after"); !text.empty()) {
    ASSIGN_OR_RETURN(after, ParseChunk(text));
  }
  const std::string state = request.param("state");
  std::vector<std::shared_ptr<Replica>> all = services.store->List();
  std::erase_if(all, [&](const std::shared_ptr<Replica>& replica) {
    if (replica->chunk() <= after) return true;
    return !state.empty() && StateName(replica->facts().report.state) != state;
  });
  std::ranges::sort(all, {}, [](const auto& replica) { return replica->chunk(); });
  PageContent page{.title = "Replicas"};
  PageTable& table = page.AddTable(
      "Replicas", {"chunk", "state", "length", "committed", "synced", "crc", "suspect", "disk"});
  for (const std::shared_ptr<Replica>& replica : all) {
    if (table.rows.size() == kRowsPerPage) break;
    const Replica::Facts facts = replica->facts();
    table.rows.push_back({replica->chunk().ToString(), StateName(facts.report.state),
                          PageCell::Bytes(facts.report.length), PageCell::Bytes(facts.committed),
                          PageCell::Bytes(facts.synced), fmt::format("{:08x}", facts.report.crc),
                          facts.suspect, replica->disk().path()});
  }
  if (all.size() > table.rows.size()) {
    const std::string next =
        fmt::format("/replicas?after={}&state={}", all[kRowsPerPage - 1]->chunk(), state);
    page.AddFacts("More",
                  {{"next page", {next, next}}, {"replicas left", all.size() - table.rows.size()}});
  }
  return page;
}

}  // namespace

std::vector<HttpPage> MakePages(const Services& services, const Session& session) {
  return {
      {"/", "Overview",
       [&services, &session](const HttpRequest&) -> absl::StatusOr<PageContent> {
         return Overview(services, session);
       }},
      {"/replicas", "Replicas",
       [&services](const HttpRequest& request) { return Replicas(services, request); }},
  };
}

}  // namespace quern::chunkserver
