// Removes replicas that are needed no longer: of deleted files, stale or corrupt ones that have
// been replaced, and surplus ones.
//
// What may go is decided here and nowhere else, and only from what the log says and what servers
// have confirmed in this term: an empty or old master deletes nothing, because it knows of no
// garbage, and a replica that it does not know is only put aside.
//
// A replica is *leaving* from the order to remove it until its server has answered; when its
// session breaks before that, until it has confirmed its inventory in a later one, where it carries
// out nothing that an earlier one ordered. Leaving replicas are never counted on. Not thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "common/ids.h"
#include "common/status.h"
#include "master/logic/chunk_assessment.h"
#include "master/logic/chunk_table.h"
#include "master/logic/server_registry.h"

namespace quern::master {

class GarbagePlanner {
 public:
  struct Options {
    // Removals under way on one server.
    int max_per_server = 64;
    // Before a removal that failed is tried again; twice as long each time.
    absl::Duration backoff = absl::Seconds(10);
    absl::Duration max_backoff = absl::Minutes(10);
    // Chunks that one call looks at: everybody else waits for it.
    size_t slice = 1000;
  };
  struct Removal {
    ChunkId chunk;
    ServerId server;
    auto operator<=>(const Removal&) const = default;
  };

  explicit GarbagePlanner(const Options& options) : options_(options) {}

  // A chunk of a deleted file, and the servers that may hold a replica of it.
  void AddGarbage(ChunkId chunk, std::span<const ServerId> servers);
  bool IsGarbage(ChunkId chunk) const { return garbage_.contains(chunk); }
  // A server holds a replica of a garbage chunk.
  void Found(ChunkId chunk, ServerId server);
  // One replica of a living chunk is to go, if MayRemove still says so when its turn comes.
  void Remove(ChunkId chunk, ServerId server);
  // A living chunk may have more good replicas than wanted: queues the removal of one, or looks
  // again after a while when that cannot be decided now, because a server that holds one is silent.
  void LookForSurplus(const ChunkInfo& chunk, const ServerRegistry& servers, absl::Time now);
  // The server is dead: garbage of which only it had replicas is finished, a slice at a time.
  void ServerDied(ServerId server) { died_[server] = ChunkId(); }
  // The server has confirmed its inventory: what waits for it may be ordered.
  void ServerReady(ServerId server) { to_look_at_.insert(server); }

  // Removals to order now: only from connected servers whose inventory is confirmed. They count as
  // under way until Ended. Looks at a slice of what may be ordered, however much waits; when there
  // is more, NextDeadline has passed.
  std::vector<Removal> Next(const ChunkTable& chunks, const ServerRegistry& servers,
                            absl::Time now);
  // How a removal ended: the server has the replica no longer, has answered that it keeps it, or
  // has not answered, and may yet carry the order out.
  enum class Outcome { kRemoved, kRefused, kUnknown };
  void Ended(const Removal& removal, Outcome outcome, absl::Time now);
  // When Next may have news without an event.
  absl::Time NextDeadline() const;

  // Garbage chunks of which no server that is not dead holds a replica any more: their rows may be
  // forgotten. (A dead server that returns finds its replica unknown, and it is put aside.) Looks
  // at a slice of those that may be.
  std::vector<ChunkId> TakeFinished(const ServerRegistry& servers);
  // There are more to be looked at.
  bool has_more_finished() const { return !maybe_finished_.empty() || !died_.empty(); }

  size_t garbage_chunks() const { return garbage_.size(); }
  // Queued, under way, or to be tried again.
  size_t removals() const { return queue_.size() + in_flight_.size() + waiting_.size(); }
  // Internal: what is wrong. For tests.
  absl::Status Validate() const;

  // The replica to remove when there are more good ones than wanted: only if everything about the
  // chunk is confirmed, and at least `wanted` others are and are not leaving. Of two on one machine
  // one goes first, then of two on one rack, then the one with the least free space.
  std::optional<ServerId> Surplus(const ChunkInfo& chunk, const ServerRegistry& servers,
                                  absl::Time now) const;
  // Stale and corrupt replicas that may go because enough good ones are confirmed.
  ServerList Replaced(const ChunkInfo& chunk, const ServerRegistry& servers) const;
  // A replica of a living chunk may go: it is surplus, or bad while a good one is confirmed.
  bool MayRemove(const ChunkInfo& chunk, ServerId server, const ServerRegistry& servers,
                 absl::Time now) const;

 private:
  void Queue(const Removal& removal);
  bool IsLeaving(const Removal& removal, const ServerRegistry& servers) const;
  // Without good replicas that are leaving.
  ChunkAssessment AssessStaying(const ChunkInfo& chunk, const ServerRegistry& servers) const;
  void TryFailedAgain(const ServerRegistry& servers, absl::Time now, size_t* budget);
  void LookAtUndecided(const ChunkTable& chunks, const ServerRegistry& servers, absl::Time now,
                       size_t* budget);
  // Of a dead server: what is no garbage is not removed from it, since one that returns says anew
  // what it has. False: it is garbage, or is still to be tried again.
  bool ForgetLiving(const Removal& removal);
  // The next server of to_look_at_, in turn.
  ServerId TakeServerToLookAt();
  // Orders what the server may be given now. Each chunk that it looks at is taken from the budget.
  void OrderFrom(ServerId server, const ChunkTable& chunks, const ServerRegistry& servers,
                 absl::Time now, size_t* budget, std::vector<Removal>* removals);
  // Forgets the chunk if it is garbage that nobody holds any more.
  bool Finish(ChunkId chunk, const ServerRegistry& servers);

  const Options options_;
  // Servers that may still hold a replica.
  absl::flat_hash_map<ChunkId, ServerList> garbage_;
  std::set<ChunkId> maybe_finished_;
  // Dead servers whose part of the queue has to be looked at, each from where.
  std::map<ServerId, ChunkId> died_;
  // By server, so that one that is away does not stand before the others.
  std::set<std::pair<ServerId, ChunkId>> queue_;
  // Servers for which something may be ordered that could not be before.
  std::set<ServerId> to_look_at_;
  ServerId looked_at_last_;
  // Each with the server's session that it was ordered in.
  std::map<Removal, uint64_t> in_flight_;
  // The same, of those that were not answered.
  std::map<Removal, uint64_t> unknown_;
  absl::flat_hash_map<ServerId, int> per_server_;
  // That failed, until they are tried again.
  std::set<std::pair<absl::Time, Removal>> waiting_;
  struct Failures {
    int count = 0;
    bool waiting = false;
  };
  // Until they succeed or are not wanted any more.
  std::map<Removal, Failures> failures_;
  // Living chunks with too many good replicas, to be looked at again; in the order of time.
  absl::flat_hash_set<ChunkId> undecided_;
  std::deque<std::pair<absl::Time, ChunkId>> undecided_until_;
};

}  // namespace quern::master
