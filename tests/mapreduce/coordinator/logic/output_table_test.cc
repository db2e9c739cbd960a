#include "mapreduce/coordinator/logic/output_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

OutputHolder Holder(uint32_t worker) { return {WorkerKey(worker), "a:1", "n", "/scratch"}; }

TEST(OutputTable, TellsAReaderEachOutputAndEachHolderOnce) {
  OutputTable table;
  table.Add(0, 0, Holder(1));
  table.Add(1, 0, Holder(2));
  OutputTable::Piece piece = table.Read(0, 100);
  EXPECT_THAT(piece.entries, SizeIs(2));
  EXPECT_THAT(piece.new_holders, ElementsAre(0, 1));
  table.Add(2, 0, Holder(1));
  piece = table.Read(piece.to, 100);
  EXPECT_THAT(piece.entries, SizeIs(1));
  EXPECT_THAT(piece.new_holders, IsEmpty());
  EXPECT_THAT(table.Read(piece.to, 100).entries, IsEmpty());
}

TEST(OutputTable, LeavesOutWhatHasBeenReplaced) {
  OutputTable table;
  table.Add(0, 0, Holder(1));
  table.Add(0, 1, Holder(2));
  const OutputTable::Piece piece = table.Read(0, 100);
  ASSERT_THAT(piece.entries, SizeIs(1));
  EXPECT_EQ(piece.entries[0].attempt, 1u);
}

TEST(OutputTable, ReadersAtAnyPaceEndWithTheNewestOfEverything) {
  std::mt19937_64 random(7);
  OutputTable table;
  std::map<uint32_t, uint32_t> truth;
  struct Reader {
    uint64_t version = 0;
    std::map<uint32_t, uint32_t> known;
    std::set<uint32_t> holders;
  };
  std::vector<Reader> readers(5);
  const auto read = [&](Reader* reader, size_t most) {
    const OutputTable::Piece piece = table.Read(reader->version, most);
    reader->holders.insert(piece.new_holders.begin(), piece.new_holders.end());
    for (const OutputTable::Entry& entry : piece.entries) {
      ASSERT_TRUE(reader->holders.contains(entry.holder)) << "a holder that nobody introduced";
      reader->known[entry.map_task] = entry.attempt;
    }
    reader->version = piece.to;
  };
  for (int step = 0; step < 2'000; ++step) {
    const auto task = static_cast<uint32_t>(random() % 50);
    const auto attempt = static_cast<uint32_t>(step);
    table.Add(task, attempt, Holder(static_cast<uint32_t>(random() % 9)));
    truth[task] = attempt;
    if (step % 3 == 0) read(&readers[random() % readers.size()], 1 + random() % 20);
  }
  for (Reader& reader : readers) {
    while (reader.version < table.version()) read(&reader, 64);
    EXPECT_EQ(reader.known, truth);
  }
}

TEST(OutputReaders, AnswersTogetherInIntervals) {
  const absl::Time start = absl::UnixEpoch();
  OutputReaders readers;
  readers.Want(WorkerKey(1), 0, 3);
  readers.Want(WorkerKey(2), 3, 3);
  EXPECT_THAT(readers.TakeDue(3, false, start), SizeIs(1)) << "the other knows everything";
  EXPECT_EQ(readers.NextDue(3), absl::InfiniteFuture());
  readers.Want(WorkerKey(1), 3, 3);
  EXPECT_THAT(readers.TakeDue(4, false, start), IsEmpty()) << "told just now";
  const absl::Time due = readers.NextDue(4);
  EXPECT_GT(due, start);
  EXPECT_THAT(readers.TakeDue(4, false, due), SizeIs(2));
  EXPECT_TRUE(readers.empty());
}

TEST(OutputReaders, DoesNotWaitWhenNothingMoreWillCome) {
  OutputReaders readers;
  readers.Want(WorkerKey(1), 0, 3);
  EXPECT_THAT(readers.TakeDue(3, false, absl::UnixEpoch()), SizeIs(1));
  readers.Want(WorkerKey(1), 3, 3);
  EXPECT_THAT(readers.TakeDue(4, true, absl::UnixEpoch()), SizeIs(1));
}

TEST(OutputReaders, LetsOneThatIsFarBehindCatchUpAtOnce) {
  OutputReaders readers;
  const uint64_t version = 3 * OutputReaders::kPieceEntries;
  readers.Want(WorkerKey(1), 0, version);
  EXPECT_THAT(readers.TakeDue(version, false, absl::UnixEpoch()), SizeIs(1));
  readers.Want(WorkerKey(1), OutputReaders::kPieceEntries, version);
  EXPECT_THAT(readers.TakeDue(version, false, absl::UnixEpoch()), SizeIs(1));
  readers.Want(WorkerKey(2), version + 7, version);
  EXPECT_THAT(readers.TakeDue(version, false, absl::UnixEpoch()), SizeIs(1))
      << "of a table that is no more";
}

}  // namespace
}  // namespace quern::mr
