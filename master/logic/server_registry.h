// Which chunkservers there are and how they are.
//
// A server is *alive* while its session stands and its heartbeats come, *suspected* as soon as
// either fails (nothing new is placed on it), and *dead* when nothing has been heard of it for
// `dead_after` (its replicas are made elsewhere). Before its first registration in this term it is
// *awaited*: known from the log, its replicas are hints; one that does not come for `awaited_for`
// is dead as well, and so is one without a session at whose address another one has registered
// (whose disk was another, or empty). These states decide when to act, never whether it is safe.
// Not thread-safe.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/server_silence.h"
#include "common/strings.h"
#include "quern/dfs/v1/cluster.pb.h"
#include "quern/dfs/v1/master_log.pb.h"

namespace quern::master {

namespace pb = quern::dfs::v1;

enum class ServerHealth { kAwaited, kAlive, kSuspected, kDead };
std::string_view ToString(ServerHealth health);

struct ServerInfo {
  ServerId id;
  pb::ServerRow row;  // uuid, addresses, node, rack
  std::string version;
  std::vector<pb::DiskReport> disks;
  uint64_t capacity_bytes = 0;
  uint64_t used_bytes = 0;
  uint64_t free_bytes = 0;
  uint32_t open_streams = 0;

  // In this term.
  bool registered = false;
  // Sessions begun so far: names the present one.
  uint64_t session = 0;
  bool connected = false;
  // A session has begun whose digests are not compared yet: nothing that was confirmed counts.
  bool comparing = false;
  // Its whole inventory has been compared: what the table says of it is true.
  bool confirmed = false;
  bool dead = false;
  // Another server has registered since at the address of this one: it is not there any more.
  bool displaced = false;
  absl::Time last_heard = absl::InfinitePast();

  pb::ServerAddress Address() const;
};

class ServerRegistry {
 public:
  struct Options {
    absl::Duration suspect_after = absl::Seconds(3);
    absl::Duration dead_after = kDefaultDeadAfter;
    // After the start of the term.
    absl::Duration awaited_for = kDefaultAwaitedFor;
  };
  ServerRegistry(const Options& options, absl::Time term_began)
      : options_(options), term_began_(term_began) {}

  // The logged identity of a server: at a start, and when it registers for the first time or with
  // other addresses.
  void Load(ServerId id, const pb::ServerRow& row);
  std::optional<ServerId> FindByUuid(std::string_view uuid) const;

  // A session begins; the inventory is not confirmed yet.
  void Admit(ServerId id, const pb::ServerMessage::Register& registration, absl::Time now);
  // Replicas that its digests do not vouch for are hints now; those still confirmed count again.
  void Compared(ServerId id);
  void Confirm(ServerId id);
  void Heartbeat(ServerId id, const pb::ServerMessage::Heartbeat& heartbeat, absl::Time now);
  // It has said something; what, is looked at later.
  void Heard(ServerId id, absl::Time now);
  void Disconnect(ServerId id);

  // Servers that have become dead since the last call, each once per death.
  std::vector<ServerId> TakeDead(absl::Time now);
  // When TakeDead may next have news; InfiniteFuture if never without an event.
  absl::Time NextDeadline() const;

  // Null for an unknown id. Valid until the next change.
  const ServerInfo* Find(ServerId id) const;
  ServerHealth Health(const ServerInfo& server, absl::Time now) const;
  ServerHealth Health(ServerId id, absl::Time now) const;
  bool IsAlive(ServerId id, absl::Time now) const {
    return Health(id, now) == ServerHealth::kAlive;
  }

  // In the order of their ids.
  const std::map<ServerId, ServerInfo>& servers() const { return servers_; }
  // The same, for access by number.
  const std::vector<const ServerInfo*>& in_order() const { return in_order_; }
  // Servers on a machine, and on one of the racks: 0 <= rack < rack_count().
  std::span<const ServerId> OnNode(std::string_view node) const;
  std::span<const ServerId> OnRack(size_t rack) const { return racks_[rack].servers; }
  size_t rack_count() const { return racks_.size(); }
  size_t CountAlive(absl::Time now) const;
  // Every server that is known has confirmed its inventory in this term, or died in it.
  bool AllConfirmed() const { return unsettled_ == 0; }

 private:
  struct Rack {
    std::string name;
    std::vector<ServerId> servers;  // never empty
  };
  ServerInfo* FindMutable(ServerId id);
  void AddToTopology(const ServerInfo& server);
  void RemoveFromTopology(const ServerInfo& server);
  // Every change of `confirmed` or `dead` goes through here.
  void Settle(ServerInfo* server, bool confirmed, bool dead);
  void SetDisks(const google::protobuf::RepeatedPtrField<pb::DiskReport>& disks,
                ServerInfo* server) const;

  // When it will be dead unless it is heard of; InfiniteFuture for one that is.
  absl::Time DeathOf(const ServerInfo& server) const;

  const Options options_;
  const absl::Time term_began_;
  std::map<ServerId, ServerInfo> servers_;
  // Ids are given out from 1 on, so this is dense.
  std::vector<ServerInfo*> by_id_;
  std::vector<const ServerInfo*> in_order_;
  StringMap<std::vector<ServerId>> nodes_;
  std::vector<Rack> racks_;
  // Servers that are neither confirmed nor dead.
  size_t unsettled_ = 0;
  StringMap<ServerId> by_uuid_;
};

}  // namespace quern::master
