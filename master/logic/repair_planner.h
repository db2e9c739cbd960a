// Brings sealed chunks back to the number of replicas they want.
//
// One ledger row per chunk that lacks copies: how badly, which copies are under way, when to try
// again and why the last try failed. Chunks with one copy left go first, then those a client waits
// for, then the rest. A chunk that cannot be repaired backs off alone and holds up nobody: it is
// looked at again when what it lacks has come, not whenever anything happens. Copies are capped per
// server (as source and as target) and in the cluster, by its size.
//
// Repair trusts only what was confirmed in this term: while a replica may still be vouched for by a
// server that has not spoken, it waits (until `grace` after the start). Not thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/time/time.h>

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "common/random.h"
#include "common/status.h"
#include "master/logic/chunk_assessment.h"
#include "master/logic/chunk_placement.h"
#include "master/logic/chunk_table.h"
#include "master/logic/server_registry.h"

namespace quern::master {

class RepairPlanner {
 public:
  struct Options {
    int max_per_target = 3;
    int max_per_source = 4;
    // In the cluster: so many, or so many for each server if that is more.
    int max_in_cluster = 200;
    int max_by_size = 2;
    // Ledger rows that one Plan looks at, so that it stays short.
    int max_scan = 1000;
    absl::Duration first_backoff = absl::Seconds(1);
    absl::Duration max_backoff = absl::Minutes(5);
    // A copy that says nothing for so long has failed; a chunkserver gives it no more time either
    // (Limits::copy_timeout): so long, and what its bytes take at the lowest speed.
    absl::Duration copy_timeout = absl::Minutes(10);
    uint64_t copy_bytes_per_second = uint64_t{1} << 20;
    // Replicas that nobody has confirmed count as lost this long after the start of the term.
    absl::Duration grace = absl::Minutes(10);
  };
  struct Copy {
    ChunkId chunk;
    ServerId target;
    ServerList sources;  // best first
    uint64_t length = 0;
    uint32_t crc = 0;
  };
  struct Plan {
    std::vector<Copy> copies;
    // Bad replicas that stand in the way: their server is the only one left for a good copy.
    std::vector<std::pair<ChunkId, ServerId>> removals;
  };
  enum class Stage {
    kReady,     // to be looked at
    kWaiting,   // until next_try
    kAwaiting,  // for servers that have not spoken since the start
    kParked,    // until its source has less to do
    kUnderWay,  // all copies that it lacks are being made
  };
  struct LedgerRow {
    size_t good = 0;
    size_t hoped = 0;
    size_t wanted = 0;
    bool client_waits = false;
    size_t client_needs = 0;  // good ones; 0: as many as are wanted, with those to be hoped for
    Stage stage = Stage::kReady;
    // Waits because no server could take a copy.
    bool no_room = false;
    ServerId parked_at;
    std::vector<ServerId> targets;  // of the copies under way
    int failures = 0;
    std::string reason;  // why the last try failed
    absl::Time next_try = absl::InfinitePast();
  };

  RepairPlanner(const Options& options, absl::Time term_began)
      : options_(options), term_began_(term_began) {}

  // The chunk or the health of its servers has changed.
  void Update(const ChunkInfo& chunk, const ServerRegistry& servers);
  void Update(ChunkId chunk, const ChunkAssessment& assessment);
  void Forget(ChunkId chunk);
  // A client waits in Complete for this chunk's copies.
  void ClientWaits(ChunkId chunk);
  // It has waited for a while for `needed` good ones: replicas that are to become good (their
  // server may have a disk that hangs) are not counted on any longer. One too many goes later.
  // True: Next has something new to do.
  bool ClientNeeds(ChunkId chunk, size_t needed, const ChunkAssessment& assessment);
  // A server came, or space came free: chunks that found no room are tried again, some at a time
  // for as long as there is some.
  void RoomCame() { room_came_ = true; }

  // Copies to begin now; they count as under way until Ended.
  Plan Next(const ChunkTable& chunks, const ServerRegistry& servers, ChunkPlacement* placement,
            absl::Time now, Random& random);
  // A copy of Next has ended. `failure` is empty when it succeeded.
  void Ended(ChunkId chunk, ServerId target, std::string_view failure, absl::Time now);
  // When Next may have something to do although nothing has changed.
  absl::Time NextDeadline() const;

  // Chunks that lack copies, and those among them of which no copy is left.
  size_t under_replicated() const { return rows_.size(); }
  size_t missing() const { return missing_.size(); }
  size_t in_flight() const { return in_flight_; }
  const absl::flat_hash_map<ChunkId, LedgerRow>& rows() const { return rows_; }
  // Internal: what is wrong. For tests.
  absl::Status Validate() const;

 private:
  // Order of work: by urgency, then by id.
  using Urgency = std::tuple<int, ChunkId>;
  static Urgency UrgencyOf(ChunkId chunk, const LedgerRow& row);
  // Puts the row into, or takes it out of, the queue of its stage.
  void Enqueue(ChunkId chunk, const LedgerRow& row);
  void Dequeue(ChunkId chunk, const LedgerRow& row);
  void Move(ChunkId chunk, LedgerRow* row, Stage stage);
  void MoveAll(std::set<Urgency>* from, size_t limit);
  void WakeThoseDue(bool all_reported, absl::Time now);
  void WakeParked(ServerId source);
  void ExpireCopies(absl::Time now);
  Stage BackOff(LedgerRow* row, std::string_view reason, absl::Time now);
  // What is to be done about one chunk; kReady: all servers that might take it are busy.
  struct Planning {
    const ChunkTable& chunks;
    const ServerRegistry& servers;
    ChunkPlacement* placement;
    absl::Time now;
    Random& random;
    Plan* plan;
  };
  Stage PlanChunk(ChunkId chunk, LedgerRow* row, const Planning& planning);
  static size_t Lacks(const LedgerRow& row, const ChunkAssessment& assessment);
  Stage PlanCopies(const ChunkInfo& info, size_t lacks, const ServerList& sources, LedgerRow* row,
                   const Planning& planning);
  void Begin(const Copy& copy, LedgerRow* row, absl::Time now);
  ServerList Sources(const ChunkAssessment& assessment, const ServerRegistry& servers,
                     absl::Time now) const;
  int SourceLoad(ServerId server) const;
  bool MayTrust(const ChunkAssessment& assessment, const ServerRegistry& servers,
                absl::Time now) const;

  const Options options_;
  const absl::Time term_began_;
  absl::flat_hash_map<ChunkId, LedgerRow> rows_;
  absl::flat_hash_set<ChunkId> missing_;
  std::set<Urgency> ready_;
  std::set<std::pair<absl::Time, ChunkId>> waiting_;
  std::set<Urgency> no_room_;  // those of waiting_ that wait for room
  std::set<Urgency> awaiting_;
  std::set<std::pair<ServerId, Urgency>> parked_;
  bool room_came_ = false;
  bool more_ = false;  // the last Next did not come to the end
  absl::flat_hash_map<ServerId, int> as_target_;
  absl::flat_hash_set<ServerId> busy_targets_;  // with as many copies as are allowed
  absl::flat_hash_map<ServerId, int> as_source_;
  struct UnderWay {
    ServerId source;
    absl::Time until;
  };
  absl::flat_hash_map<std::pair<ChunkId, ServerId>, UnderWay> under_way_;  // by chunk, target
  // When those that are under way have taken too long.
  std::set<std::tuple<absl::Time, ChunkId, ServerId>> expiries_;
  size_t limit_ = 0;  // of copies in the cluster, at the last Next
  size_t in_flight_ = 0;
};

}  // namespace quern::master
