#include "mapreduce/worker/output_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr char kJob[] = "job-20261122-0001";

// Entries from..from+n of a table in which map task i was made by attempt `attempt`.
pb::WorkerOrder::OutputDelta Delta(uint64_t from, uint32_t n, uint32_t attempt = 0) {
  pb::WorkerOrder::OutputDelta delta;
  delta.set_job_id(kJob);
  delta.set_from(from);
  delta.set_to(from + n);
  if (from == 0) {
    auto* holder = delta.add_holders();
    holder->set_id(3);
    holder->set_address("host:1");
    holder->set_node("n1");
    holder->set_directory("/disk/jobs/" + std::string(kJob));
  }
  for (uint32_t i = 0; i < n; ++i) {
    delta.add_map_tasks(static_cast<uint32_t>(from) + i);
    delta.add_attempts(attempt);
    delta.add_holder_ids(3);
  }
  return delta;
}

int Count(const OutputTables::Outputs& outputs) {
  int count = 0;
  for (const auto& message : outputs) count += message.outputs_size();
  return count;
}

TEST(OutputTablesTest, AsksOnceForWhatComesAfterWhatItHas) {
  OutputTables tables;
  auto want = tables.Ask(kJob);
  ASSERT_TRUE(want);
  EXPECT_EQ(want->version(), 0u);
  EXPECT_FALSE(tables.Ask(kJob)) << "one request at a time";
  EXPECT_EQ(Count(tables.Apply(Delta(0, 5), 1)), 5);
  want = tables.Ask(kJob);
  ASSERT_TRUE(want);
  EXPECT_EQ(want->term(), 1u);
  EXPECT_EQ(want->version(), 5u);
  EXPECT_EQ(Count(tables.Apply(Delta(5, 2), 1)), 2) << "holders are named once";
  EXPECT_EQ(Count(tables.Known(kJob)), 7) << "for the next reducer";
}

TEST(OutputTablesTest, SaysWhereAnOutputLies) {
  OutputTables tables;
  tables.Ask(kJob);
  const auto outputs = tables.Apply(Delta(0, 18, 1), 1);
  ASSERT_THAT(outputs, SizeIs(1));
  const pb::MapOutput& last = outputs[0].outputs(17);
  EXPECT_EQ(last.map_task(), 17u);
  EXPECT_EQ(last.attempt(), 1u);
  EXPECT_EQ(last.address(), "host:1");
  EXPECT_EQ(last.node(), "n1");
  EXPECT_EQ(last.data_path(), "/disk/jobs/job-20261122-0001/m-00017.1/output.data");
}

TEST(OutputTablesTest, ALaterEntryReplacesAnEarlierOne) {
  OutputTables tables;
  tables.Ask(kJob);
  tables.Apply(Delta(0, 3), 1);
  pb::WorkerOrder::OutputDelta again = Delta(3, 1, 7);
  again.set_map_tasks(0, 1);
  tables.Apply(again, 1);
  const auto known = tables.Known(kJob);
  EXPECT_EQ(Count(known), 3);
  EXPECT_EQ(known[0].outputs(1).attempt(), 7u);
}

TEST(OutputTablesTest, BeginsAnewAfterAGapAndWithAnotherCoordinator) {
  OutputTables tables;
  tables.Ask(kJob);
  tables.Apply(Delta(0, 3), 1);
  tables.Ask(kJob);
  EXPECT_THAT(tables.Apply(Delta(4, 3), 1), IsEmpty());
  EXPECT_EQ(tables.Ask(kJob)->version(), 0u);
  tables.Apply(Delta(0, 3), 1);
  tables.Ask(kJob);
  EXPECT_THAT(tables.Apply(Delta(3, 3), 2), IsEmpty()) << "another coordinator's table";
  EXPECT_EQ(tables.Ask(kJob)->version(), 0u);
  EXPECT_EQ(Count(tables.Apply(Delta(0, 2), 2)), 2);
  EXPECT_EQ(Count(tables.Known(kJob)), 2);
}

TEST(OutputTablesTest, ANewSessionKnowsOfNoRequests) {
  OutputTables tables;
  tables.Ask(kJob);
  tables.StartSession();
  EXPECT_TRUE(tables.Ask(kJob));
}

TEST(OutputTablesTest, MessagesAreOfBoundedSize) {
  OutputTables tables;
  tables.Ask(kJob);
  EXPECT_THAT(tables.Apply(Delta(0, 5'000), 1), SizeIs(3));
  EXPECT_THAT(tables.Known(kJob), SizeIs(3));
}

TEST(OutputTablesTest, WhatNobodyAskedForIsIgnored) {
  OutputTables tables;
  EXPECT_THAT(tables.Apply(Delta(0, 5), 1), IsEmpty());
  EXPECT_THAT(tables.Known(kJob), IsEmpty());
}

}  // namespace
}  // namespace quern::mr
