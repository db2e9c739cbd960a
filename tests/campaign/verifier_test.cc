// The campaign's own judge: a good state passes, and each planted violation is found.
#include "tests/campaign/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/campaign/ledger.h"

namespace quern::campaign {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ReplicaSeen Good() {
  return {.state = "FINALIZED",
          .row_length = 10,
          .row_crc = 0xabc,
          .has_file = true,
          .file_length = 10,
          .file_crc = 0xabc};
}

ClusterSeen Healthy() {
  ClusterSeen seen;
  seen.fsck_verdict = "The filesystem under path '/' is HEALTHY";
  seen.chunks[1] = {
      .file = "/a", .length = 10, .crc = 0xabc, .wanted = 2, .servers = {"cs1", "cs2"}};
  seen.disks["cs1"][1] = Good();
  seen.disks["cs2"][1] = Good();
  seen.disks["cs3"] = {};
  return seen;
}

struct Planted {
  const char* finding;
  std::function<void(ClusterSeen*)> plant;
};

const std::vector<Planted>& AllPlanted() {
  static const auto* const kAll = new std::vector<Planted>{
      {"fsck: exit 1", [](ClusterSeen* s) { s->fsck_exit = 1; }},
      {"fsck: exit 0", [](ClusterSeen* s) { s->fsck_verdict = "is UNDER-REPLICATED"; }},
      {"which has no file of it", [](ClusterSeen* s) { s->disks["cs1"].erase(1); }},
      {"which has no file of it", [](ClusterSeen* s) { s->disks["cs1"][1].has_file = false; }},
      {"a row without a file", [](ClusterSeen* s) { s->disks["cs1"][1].has_file = false; }},
      {"on the disk of cs2", [](ClusterSeen* s) { s->disks["cs2"][1].file_crc = 1; }},
      {"on the disk of cs2", [](ClusterSeen* s) { s->disks["cs2"][1].file_length = 9; }},
      {"the row at cs1 says", [](ClusterSeen* s) { s->disks["cs1"][1].row_length = 11; }},
      {"where it is CORRUPT", [](ClusterSeen* s) { s->disks["cs1"][1].state = "CORRUPT"; }},
      {"1 replicas of 2", [](ClusterSeen* s) { s->chunks[1].servers = {"cs1"}; }},
      {"which the master does not list", [](ClusterSeen* s) { s->chunks[1].servers = {"cs1"}; }},
      {"only 1 wanted", [](ClusterSeen* s) { s->chunks[1].wanted = 1; }},
      {"listed twice",
       [](ClusterSeen* s) {
         s->chunks[1].servers = {"cs1", "cs1"};
       }},
      {"which is no server",
       [](ClusterSeen* s) {
         s->chunks[1].servers = {"cs1", "cs9"};
       }},
      {"an orphan file at cs3", [](ClusterSeen* s) { s->disks["cs3"][7].has_file = true; }},
      {"of no file", [](ClusterSeen* s) { s->disks["cs3"][7] = Good(); }},
      {"lost its tail", [](ClusterSeen* s) { s->chunks[1].lost_tail = true; }},
      {"still open", [](ClusterSeen* s) { s->chunks[1].sealed = false; }},
  };
  return *kAll;
}

TEST(Verifier, AHealthyClusterHasNoViolation) { EXPECT_THAT(Verify(Healthy()), IsEmpty()); }

TEST(Verifier, ReplicasThatAreSetAsideAreNone) {
  ClusterSeen seen = Healthy();
  seen.disks["cs3"][1] = Good();
  seen.disks["cs3"][1].state = "QUARANTINED";
  EXPECT_THAT(Verify(seen), IsEmpty());
}

TEST(Verifier, ChunksOfFilesWithoutANameMayBeAnywhere) {
  ClusterSeen seen = Healthy();
  seen.disks["cs3"][7] = Good();
  seen.nameless_chunks = {7};
  EXPECT_THAT(Verify(seen), IsEmpty());
}

TEST(Verifier, FindsEveryPlantedViolation) {
  for (const Planted& planted : AllPlanted()) {
    ClusterSeen seen = Healthy();
    planted.plant(&seen);
    EXPECT_THAT(Verify(seen), Contains(HasSubstr(planted.finding)));
  }
}

constexpr Entry kFile = {.directory = false, .length = 3, .crc = 7};

Ledger WithOneFile() {
  Ledger ledger("/l");
  ledger.Record(Ledger::Outcome::kDone,
                [](Tree* tree) { return PutFile(tree, "/l/a", kFile, false); });
  return ledger;
}

TEST(LedgerTest, AgreesWithWhatWasDone) {
  Ledger ledger = WithOneFile();
  EXPECT_THAT(ledger.Observe({{"/l", {.directory = true}}, {"/l/a", kFile}}), IsEmpty());
}

TEST(LedgerTest, FindsWhatIsLostChangedOrCameBack) {
  const Entry directory = {.directory = true};
  EXPECT_THAT(WithOneFile().Observe({{"/l", directory}}), Contains(HasSubstr("lost")));
  EXPECT_THAT(WithOneFile().Observe({{"/l", directory}, {"/l/a", {.length = 3, .crc = 8}}}),
              Contains(HasSubstr("is 3 bytes with crc 00000008, was")));
  EXPECT_THAT(WithOneFile().Observe({{"/l", directory}, {"/l/a", kFile}, {"/l/b", kFile}}),
              Contains(HasSubstr("came from nowhere")));
  Ledger ledger = WithOneFile();
  ledger.Record(Ledger::Outcome::kDone, [](Tree* tree) { return RemoveTree(tree, "/l/a"); });
  EXPECT_THAT(ledger.Observe({{"/l", directory}, {"/l/a", kFile}}),
              Contains(HasSubstr("came from nowhere")));
}

TEST(LedgerTest, AnUnknownOutcomeMayBeEither) {
  const Entry directory = {.directory = true};
  for (const bool happened : {false, true}) {
    Ledger ledger = WithOneFile();
    ledger.Record(Ledger::Outcome::kUnknown,
                  [](Tree* tree) { return MoveEntry(tree, "/l/a", "/l/b", false); });
    EXPECT_FALSE(ledger.certain());
    Tree seen = {{"/l", directory}, {happened ? "/l/b" : "/l/a", kFile}};
    EXPECT_THAT(ledger.Observe(seen), IsEmpty());
    EXPECT_TRUE(ledger.certain());
    seen[happened ? "/l/a" : "/l/b"] = kFile;  // both is neither
    EXPECT_THAT(ledger.Observe(seen), Contains(HasSubstr("came from nowhere")));
  }
}

TEST(LedgerTest, DirectoriesMoveAndGoWithAllBelow) {
  Tree tree = {{"/l", {.directory = true}}};
  EXPECT_TRUE(MakeDirectory(&tree, "/l/d"));
  EXPECT_TRUE(PutFile(&tree, "/l/d/a", kFile, false));
  EXPECT_TRUE(PutFile(&tree, "/l/d.a", kFile, false));
  EXPECT_TRUE(MoveEntry(&tree, "/l/d", "/l/e", false));
  EXPECT_TRUE(tree.contains("/l/e/a"));
  EXPECT_FALSE(tree.contains("/l/d/a"));
  EXPECT_FALSE(MoveEntry(&tree, "/l/e", "/l/e/f", false));
  EXPECT_FALSE(PutFile(&tree, "/l/e/a", kFile, false));
  EXPECT_FALSE(PutFile(&tree, "/l/gone/a", kFile, true));
  EXPECT_TRUE(RemoveTree(&tree, "/l/e"));
  EXPECT_EQ(tree.size(), 2u);
  EXPECT_FALSE(RemoveTree(&tree, "/l/e"));
}

}  // namespace
}  // namespace quern::campaign
