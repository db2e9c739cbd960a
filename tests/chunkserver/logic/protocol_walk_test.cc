// Random walks of the append protocol over the logic classes alone: one chunk, three replicas, two
// producers, a master that seals by force or in peace. Messages are never used up, which covers
// loss, repetition, reordering and any delay; servers are killed or lose power at any step.
//
// The walk must find nothing; with one rule taken out (a mutant) it must find something.
#include <algorithm>
#include <optional>
#include <set>

#include "chunkserver/logic/append_sequencer.h"
#include "chunkserver/logic/replica_machine.h"
#include "common/crc32c.h"
#include "tests/support/random_test.h"

namespace quern::chunkserver {
namespace {

constexpr size_t kReplicas = 3;
constexpr uint64_t kMessages = 4;  // of each producer

enum class Mutant {
  kNone,
  kNoDedupe,            // the primary takes every message
  kReopenAfterRestart,  // a restart forgets the latch
  kAckWithoutLast,      // commits without the last replica
  kReadEverything,      // readers get what is not committed
  kSuspectsVote,        // a power cut changes nothing
  kFenceWithoutSync,    // latches while data are only in memory
};

struct Replica {
  ReplicaMachine machine{ReplicaSpec{.chunk = ChunkId(1), .capacity_bytes = 1 << 20}};
  std::vector<AppendRecord> rows;
  std::string data;
  ReplicaRecord stored;  // the durable row
  size_t durable_rows = 0;
  int boot = 0;
};

struct Message {  // of a producer, or along the chain
  uint64_t producer = 0;
  uint64_t seq = 0;
  uint64_t offset = 0;
  uint64_t committed = 0;
  std::string text() const { return fmt::format("<{}.{}>", producer, seq); }
};

struct Ack {
  uint32_t position = 0;
  uint64_t end = 0;
  uint32_t crc = 0;
};

struct FenceAnswer {
  uint64_t length = 0;
  uint64_t committed = 0;
  bool suspect = false;
};

class ProtocolWalk {
 public:
  ProtocolWalk(Random* random, Durability durability, Mutant mutant)
      : random_(random), durability_(durability), mutant_(mutant) {
    for (uint32_t i = 0; i < kReplicas; ++i) {
      ReplicaSpec spec{.chunk = ChunkId(1), .durability = durability, .capacity_bytes = 1 << 20};
      spec.position = i;
      spec.boot_id = "boot-0";
      replicas_[i].machine = ReplicaMachine(spec);
      replicas_[i].stored = replicas_[i].machine.record();
    }
    sequencer_.emplace(AppendSequencer::Start{.replicas = kReplicas});
  }

  // Takes random steps; what was violated, or nothing.
  std::string Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Step();
      if (std::string wrong = Validate(); !wrong.empty()) return wrong;
    }
    return "";
  }
  bool sealed() const { return sealed_length_.has_value(); }

 private:
  uint64_t Below(uint64_t n) { return (*random_)() % n; }

  void Step() {
    const size_t any = Below(kReplicas);
    switch (Below(22)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return PrimaryTakes({.producer = 1 + Below(2), .seq = 1 + Below(kMessages)});
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
        return SecondaryTakes();
      case 10:
      case 11:
      case 12:
      case 13:
      case 14:
        return PrimaryHears();
      case 15:
        return Read(any);
      case 16:
        return Sync(any);
      case 17:
        return Restart(any, /*power_cut=*/Below(2) == 0);
      case 18:
        return Fence(any);
      case 19:
        return Decide();
      case 20:
        return CleanSeal();
      case 21:
        return Finalize(any);
    }
  }

  bool Append(Replica* replica, const Message& message, uint64_t offset) {
    const std::string text = message.text();
    if (!replica->machine.CheckAppend(offset, text.size()).ok()) return false;
    const iovec part{const_cast<char*>(text.data()), text.size()};
    AppendRecord row = replica->machine.sums().Next(SumPayload(offset, {&part, 1}));
    row.producer = message.producer;
    row.seq = message.seq;
    row.committed = message.committed;
    row.synced = durability_ == Durability::kSync;
    replica->machine.Appended(row);
    replica->rows.push_back(row);
    replica->data += text;
    if (row.synced) replica->durable_rows = replica->rows.size();
    return true;
  }

  void PrimaryTakes(Message message) {
    Replica& primary = replicas_[0];
    if (!sequencer_) return;
    const auto verdict = sequencer_->Judge(message.producer, message.seq, 1);
    if (verdict != AppendSequencer::Verdict::kAppend && mutant_ != Mutant::kNoDedupe) return;
    message.offset = primary.machine.length();
    message.committed = sequencer_->committed();
    if (!Append(&primary, message, message.offset)) return;
    sequencer_->Appended(primary.rows.back());
    forwarded_.push_back(message);
    Commit();
  }

  void SecondaryTakes() {
    if (forwarded_.empty()) return;
    const Message& message = forwarded_[Below(forwarded_.size())];
    const auto position = static_cast<uint32_t>(1 + Below(kReplicas - 1));
    Replica& replica = replicas_[position];
    if (!Append(&replica, message, message.offset)) return;
    acks_.push_back({position, replica.machine.length(), replica.machine.crc()});
  }

  void PrimaryHears() {
    if (acks_.empty() || !sequencer_) return;
    const Ack ack = acks_[Below(acks_.size())];
    if (!sequencer_->Acknowledged(ack.position, ack.end, ack.crc).ok()) trouble_ = "CRCs differ";
    if (mutant_ == Mutant::kAckWithoutLast && ack.position == 1) {
      if (!sequencer_->Acknowledged(kReplicas - 1, ack.end, ack.crc).ok()) trouble_ = "CRCs";
    }
    Commit();
  }

  void Commit() {
    replicas_[0].machine.LearnCommitted(sequencer_->committed());
    for (uint64_t producer = 1; producer <= 2; ++producer) {
      for (uint64_t seq = 1; seq <= sequencer_->CommittedSeq(producer); ++seq) {
        acknowledged_.insert(Message{.producer = producer, .seq = seq}.text());
      }
    }
  }

  void Read(size_t i) {
    const ReplicaMachine& machine = replicas_[i].machine;
    absl::StatusOr<uint64_t> readable = machine.Readable();
    if (!readable.ok()) return;
    if (mutant_ == Mutant::kReadEverything) *readable = machine.length();
    const std::string seen = replicas_[i].data.substr(0, *readable);
    if (seen.size() > seen_.size()) seen_ = seen;
  }

  void Sync(size_t i) {
    Replica& replica = replicas_[i];
    if (replica.machine.state() != ReplicaState::kOpen) return;
    replica.machine.Synced(replica.machine.length());
    replica.stored = replica.machine.record();
    replica.durable_rows = replica.rows.size();
  }

  void Latch(Replica* replica) {
    if (replica->machine.state() != ReplicaState::kOpen) return;
    if (mutant_ != Mutant::kFenceWithoutSync) {
      replica->durable_rows = replica->rows.size();
      replica->machine.Synced(replica->machine.length());
    }
    replica->machine.Become(replica->machine.RecordAs(ReplicaState::kFenced, 0).value());
    replica->stored = replica->machine.record();
    if (mutant_ == Mutant::kFenceWithoutSync) replica->stored.length = 0;
  }

  void Restart(size_t i, bool power_cut) {
    Replica& replica = replicas_[i];
    if (i == 0) sequencer_.reset();
    if (replica.machine.sealed()) return;
    size_t rows = replica.rows.size();
    if (power_cut) {
      ++replica.boot;
      rows = replica.durable_rows + Below(rows - replica.durable_rows + 1);
      lost_power_.insert(i);
    }
    replica.rows.resize(rows);
    const std::string boot =
        fmt::format("boot-{}", mutant_ == Mutant::kSuspectsVote ? 0 : replica.boot);
    const ReplicaRecord before = replica.stored;
    replica.machine = ReplicaMachine::Restore(before, replica.rows, {.boot_id = boot});
    replica.data.resize(replica.machine.length());
    // The restart's own latch comes after a sync, like any other.
    replica.durable_rows = rows;
    replica.machine.Synced(replica.machine.length());
    replica.stored = replica.machine.record();
    if (mutant_ == Mutant::kReopenAfterRestart) {
      ReplicaRecord open = replica.machine.record();
      open.state = ReplicaState::kOpen;
      replica.machine.Become(open);
      if (i == 0) {
        sequencer_.emplace(AppendSequencer::Start{.replicas = kReplicas,
                                                  .length = replica.machine.length(),
                                                  .crc = replica.machine.crc(),
                                                  .committed = replica.machine.committed(),
                                                  .producers = replica.machine.producers()});
      }
    }
  }

  void Fence(size_t i) {
    Replica& replica = replicas_[i];
    if (replica.machine.sealed()) return;
    sealing_ = true;
    Latch(&replica);
    if (replica.machine.state() != ReplicaState::kFenced) {
      if (replica.machine.state() == ReplicaState::kCorrupt) trouble_ = "corrupt";
      return;
    }
    answers_[i] = FenceAnswer{.length = replica.machine.length(),
                              .committed = replica.machine.committed(),
                              .suspect = replica.machine.suspect()};
  }

  // The master's decision, from any subset of the answers.
  void Decide() {
    if (!sealing_ || sealed_length_) return;
    std::optional<uint64_t> least;
    uint64_t most = 0;
    uint64_t floor = 0;
    size_t source = 0;
    size_t heard = 0;
    for (size_t i = 0; i < kReplicas; ++i) {
      if (!answers_[i] || (Below(4) == 0)) continue;
      ++heard;
      floor = std::max(floor, answers_[i]->committed);
      if (answers_[i]->length >= most) {
        most = answers_[i]->length;
        if (!least) source = i;
      }
      if (answers_[i]->suspect) continue;
      if (!least || answers_[i]->length < *least) {
        least = answers_[i]->length;
        source = i;
      }
    }
    if (least && *least < floor) trouble_ = "a vote below what is committed";
    if (!least && heard < kReplicas) return;
    lost_tail_ = !least;
    SealAt(least.value_or(most), source);
  }

  void CleanSeal() {
    if (!sequencer_ || !sequencer_->all_committed() || sealed_length_) return;
    Replica& primary = replicas_[0];
    if (primary.machine.state() != ReplicaState::kOpen) return;
    for (Replica& replica : replicas_) {
      if (replica.machine.length() != primary.machine.length()) return;
      if (replica.machine.state() != ReplicaState::kOpen) return;
    }
    for (Replica& replica : replicas_) Latch(&replica);
    SealAt(primary.machine.length(), 0);
  }

  void SealAt(uint64_t length, size_t source) {
    sealed_length_ = length;
    sealed_ = replicas_[source].data.substr(0, length);
  }

  void Finalize(size_t i) {
    Replica& replica = replicas_[i];
    if (!sealed_length_ || replica.machine.state() == ReplicaState::kStale) return;
    Latch(&replica);
    std::optional<uint32_t> crc;
    if (replica.data.size() >= *sealed_length_)
      crc = Crc32c(replica.data.substr(0, *sealed_length_));
    const uint32_t sealed_crc = Crc32c(sealed_);
    if (replica.machine.Judge(*sealed_length_, sealed_crc, crc) ==
        ReplicaMachine::Verdict::kFinalize) {
      replica.machine.Become(replica.machine.RecordSealed(*sealed_length_, sealed_crc).value());
      replica.data.resize(*sealed_length_);
    }
  }

  static std::string CheckNumbers(std::string_view data) {
    uint64_t last[3] = {0, 0, 0};
    for (size_t at = 0; at + 5 <= data.size(); at += 5) {
      const auto producer = static_cast<size_t>(data[at + 1] - '0');
      const auto seq = static_cast<uint64_t>(data[at + 3] - '0');
      if (seq != last[producer] + 1) return fmt::format("numbers out of order in {}", data);
      last[producer] = seq;
    }
    return "";
  }

  std::string Validate() const {
    if (!trouble_.empty()) return trouble_;
    for (const Replica& a : replicas_) {
      if (std::string wrong = CheckNumbers(a.data); !wrong.empty()) return wrong;
      for (const Replica& b : replicas_) {
        const size_t n = std::min(a.data.size(), b.data.size());
        if (a.data.substr(0, n) != b.data.substr(0, n)) return "replicas diverge";
      }
      const bool final = a.machine.state() == ReplicaState::kFinalized;
      if (final && a.data != sealed_) return "a final replica is not what was sealed";
    }
    if (!sealed_length_) return "";
    if (lost_tail_) return lost_power_.size() == kReplicas ? "" : "LOST, but one kept its power";
    for (const std::string& message : acknowledged_) {
      if (sealed_.find(message) == std::string::npos)
        return message + " was acknowledged and is lost";
    }
    if (sealed_.compare(0, seen_.size(), seen_) != 0) return "a reader saw what is gone";
    return "";
  }

  Random* const random_;
  const Durability durability_;
  const Mutant mutant_;
  Replica replicas_[kReplicas];
  std::optional<AppendSequencer> sequencer_;  // dies with the primary's process
  std::vector<Message> forwarded_;
  std::vector<Ack> acks_;
  std::optional<FenceAnswer> answers_[kReplicas];
  bool sealing_ = false;
  bool lost_tail_ = false;
  std::optional<uint64_t> sealed_length_;
  std::string sealed_;
  std::set<std::string> acknowledged_;
  std::set<size_t> lost_power_;
  std::string seen_;
  std::string trouble_;
};

class ProtocolWalkTest : public RandomTest {
 protected:
  // The first violation in many walks.
  std::string Walk(Durability durability, Mutant mutant, int walks) {
    for (int i = 0; i < walks; ++i) {
      ProtocolWalk walk(&random_, durability, mutant);
      if (std::string wrong = walk.Run(150); !wrong.empty()) return wrong;
      if (walk.sealed()) ++sealed_;
    }
    return "";
  }
  int sealed_ = 0;
};

TEST_F(ProtocolWalkTest, NothingAcknowledgedIsLostDoubledOrDifferent) {
  EXPECT_EQ(Walk(Durability::kOnClose, Mutant::kNone, 2000), "");
  EXPECT_EQ(Walk(Durability::kSync, Mutant::kNone, 2000), "");
  EXPECT_GT(sealed_, 1000) << "the walks hardly get anywhere";
}

TEST_F(ProtocolWalkTest, EachRuleIsNeeded) {
  constexpr int kWalks = 20'000;
  EXPECT_NE(Walk(Durability::kOnClose, Mutant::kNoDedupe, kWalks), "");
  EXPECT_NE(Walk(Durability::kOnClose, Mutant::kReopenAfterRestart, kWalks), "");
  EXPECT_NE(Walk(Durability::kOnClose, Mutant::kAckWithoutLast, kWalks), "");
  EXPECT_NE(Walk(Durability::kOnClose, Mutant::kReadEverything, kWalks), "");
  EXPECT_NE(Walk(Durability::kOnClose, Mutant::kSuspectsVote, kWalks), "");
  EXPECT_NE(Walk(Durability::kOnClose, Mutant::kFenceWithoutSync, kWalks), "");
}

}  // namespace
}  // namespace quern::chunkserver
