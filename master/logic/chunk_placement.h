// Chooses servers for the replicas of a chunk: for a new chunk, and for a copy in a repair.
//
// Hard constraints rule a server out, each by name; soft constraints rank those that are left:
//   writer_machine  the first replica of a new chunk goes to the writer's own machine   (GFS 4.2)
//   new_machine     never two replicas on one machine while another has room
//   new_rack        spread over racks
// Among the best a server is drawn by chance, weighted by its share of free space and against
// recent creations, so that an empty new server is not flooded. In a large cluster only the
// writer's machine and some servers drawn by chance are looked at, more of them when those do not
// do, so that a choice costs the same in any cluster. Pure but for the record of recent creations.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/random.h"
#include "master/logic/server_registry.h"

namespace quern::master {

struct PlacementRequest {
  size_t count = 0;
  // Room that each replica needs.
  uint64_t bytes = 0;
  // The machine of the writer; empty: nobody's.
  std::string writer_node{};
  // Never these: they have just failed, or hold a replica that is not to be counted.
  std::vector<ServerId> exclude{};
  // Servers that hold a replica already: excluded, and their machines and racks are avoided.
  std::vector<ServerId> present{};
  // Servers that have enough to do at present; null: none.
  const absl::flat_hash_set<ServerId>* busy = nullptr;
};

struct Placement {
  std::vector<ServerId> servers;  // best first; fewer than asked for when no more can be had
  // Why others were ruled out: "dead", "no_room", ...
  struct Rejection {
    ServerId server;
    std::string_view constraint;
    uint64_t free_bytes = 0;
  };
  std::vector<Rejection> rejected;

  // "cs1 is dead, cs4 has no room (3 MiB free)"; of many, the first ten and how many more. `known`
  // says of servers that were excluded what they did.
  std::string Reasons(const std::map<ServerId, std::string>& known = {}) const;
};

class ChunkPlacement {
 public:
  struct Options {
    // Kept free on every server, so that deletes and databases never meet a full disk.
    uint64_t reserve_bytes = uint64_t{256} << 20;
    // A creation counts this long against its server.
    absl::Duration recent = absl::Seconds(30);
    // Servers that are looked at, to begin with, and eight times as many in each further try.
    size_t sample = 32;
  };
  explicit ChunkPlacement(const Options& options) : options_(options) {}

  Placement Choose(const ServerRegistry& servers, const PlacementRequest& request, absl::Time now,
                   Random& random) const;
  // The server has so much beside the reserve.
  bool HasRoom(const ServerInfo& server, uint64_t bytes) const;
  // A replica is being made there.
  void NoteCreation(ServerId server, absl::Time now);

 private:
  struct Candidate {
    const ServerInfo* server;
    double weight;
  };
  using Servers = std::vector<const ServerInfo*>;
  // Some servers, each once: those of the writer's machine, and `size` drawn by chance.
  static Servers Sample(const ServerRegistry& servers, const PlacementRequest& request, size_t size,
                        Random& random);
  Placement ChooseFrom(const Servers& pool, const ServerRegistry& servers,
                       const PlacementRequest& request, absl::Time now, Random& random) const;
  // No more servers need be looked at.
  bool IsGoodEnough(const Placement& placement, const ServerRegistry& servers,
                    const PlacementRequest& request, size_t sample) const;
  std::string_view ViolatedConstraint(const ServerRegistry& servers, const ServerInfo& server,
                                      const PlacementRequest& request, absl::Time now) const;
  double Weight(const ServerInfo& server, absl::Time now) const;
  size_t Draw(std::span<const Candidate> candidates, const PlacementRequest& request,
              std::span<const ServerInfo* const> taken, Random& random) const;

  const Options options_;
  struct Recent {
    double count = 0;
    absl::Time at = absl::InfinitePast();
  };
  // Decays exponentially with `recent`.
  double RecentCreations(ServerId server, absl::Time now) const;
  absl::flat_hash_map<ServerId, Recent> recent_;
};

}  // namespace quern::master
