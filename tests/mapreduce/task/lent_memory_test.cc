// Loans end when they are taken back, and what was done with them is known afterwards.
#include "mapreduce/task/lent_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mapreduce/api/class_table.h"
#include "mapreduce/task/user_context.h"
#include "mapreduce/task/user_object.h"
#include "tests/support/status_matchers.h"

namespace quern::mr {
namespace {

class LentMemoryTest : public ::testing::Test {
 protected:
  LentMemoryTest() : memory_(*LentMemory::Create(&note_)) {}
  LentMemory::Loan Lend(std::string_view bytes) {
    return memory_->Lend(bytes, "Words::Map", "the value", "Map had returned");
  }

  const FaultNote note_;
  const std::unique_ptr<LentMemory> memory_;
};

TEST_F(LentMemoryTest, AnAccessIsDescribedByWhatTheLoanIsThen) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, size_t{10'000}}) {
    const std::string bytes(size, 'x');
    const LentMemory::Loan loan = Lend(bytes);
    ASSERT_TRUE(loan.is_copy);
    EXPECT_EQ(loan.bytes, bytes);
    const char* const end = loan.bytes.data() + size;
    EXPECT_EQ(memory_->Describe(end), "Words::Map read past the end of the value");
    if (size > 0) {
      EXPECT_EQ(memory_->Describe(loan.bytes.data()),
                "Words::Map wrote into the value, which is only to be read");
    }
    memory_->TakeBack(loan);
    for (const char* at : {loan.bytes.data(), end}) {
      EXPECT_EQ(memory_->Describe(at),
                "Words::Map kept a view of the value and it was used after Map had returned");
    }
  }
  EXPECT_EQ(memory_->Describe(&note_), "");
  EXPECT_EQ(note_.Read(), "");
}

TEST_F(LentMemoryTest, WhatIsStillLentStaysThroughAnyNumberOfOtherLoans) {
  const LentMemory::Loan kept = Lend("the key of a long group");
  const LentMemory::Loan large = Lend(std::string(3 << 20, 'l'));
  for (int i = 0; i < 40'000; ++i) {
    const LentMemory::Loan loan = Lend("a value");
    ASSERT_TRUE(loan.is_copy);
    ASSERT_EQ(loan.bytes, "a value");
    memory_->TakeBack(loan);
  }
  EXPECT_EQ(kept.bytes, "the key of a long group");
  EXPECT_EQ(large.bytes, std::string(3 << 20, 'l'));
}

TEST_F(LentMemoryTest, WhatThereIsNoRoomForIsLentAsItIs) {
  const std::string large(100 << 20, 'x');
  const LentMemory::Loan loan = Lend(large);
  EXPECT_FALSE(loan.is_copy);
  EXPECT_EQ(loan.bytes.data(), large.data());
  memory_->TakeBack(loan);
  std::vector<LentMemory::Loan> loans;
  while (loans.empty() || loans.back().is_copy) loans.push_back(Lend(large.substr(0, 32 << 20)));
  EXPECT_GE(loans.size(), 5u);
  for (const LentMemory::Loan& each : loans) memory_->TakeBack(each);
  EXPECT_TRUE(Lend("small").is_copy);
}

// The process has a limit of mappings, and user code needs some.
TEST_F(LentMemoryTest, ManyLoansAtOnceLeaveRoomForOtherMappings) {
  std::vector<LentMemory::Loan> loans;
  for (uint32_t i = 0; i < LentMemory::kMaxLoans; ++i) {
    loans.push_back(Lend("x"));
    ASSERT_TRUE(loans.back().is_copy) << i;
  }
  EXPECT_FALSE(Lend("one more").is_copy);
  memory_->TakeBack(loans[7]);
  EXPECT_TRUE(Lend("instead of it").is_copy);
  EXPECT_FALSE(Lend("one more").is_copy);
}

// Of threads that fault at once each has a line.
TEST(FaultNoteTest, TellsTheFirstFaultWhole) {
  const FaultNote note;
  const std::string_view first[] = {"Words::Map", " kept a view of ", "the key"};
  const std::string_view second[] = {"Others::Map", ""};
  note.Add(first);
  note.Add(second);
  EXPECT_EQ(note.Read(), "Words::Map kept a view of the key");
}

// Of a run of equal values, each.
TEST_F(LentMemoryTest, AGroupIsSeenAsItIsAndEachValueEndsWithTheNext) {
  class ThreeValues final : public GroupSource {
   public:
    ThreeValues() {
      StartGroup("key");
      SetRun("twice", 2);
    }

   private:
    bool NextRun() override {
      if (std::exchange(at_end_, true)) return false;
      SetRun("once", 1);
      return true;
    }
    bool at_end_ = false;
  };
  static std::vector<std::string> seen, told;
  static LentMemory* memory;
  memory = memory_.get();
  class Looks : public Reducer {
    void Reduce(ReduceInput* in) override {
      std::string_view before;
      for (const auto& [key, value] : in->records()) {
        seen.push_back(std::string(key) + "=" + std::string(value));
        if (!before.empty()) told.push_back(memory->Describe(before.data()));
        before = value;
      }
    }
  };
  pb::TaskSpec spec;
  spec.mutable_id()->set_kind(pb::TASK_KIND_REDUCE);
  TaskProgress progress{Clock::Real()};
  UserContext context(spec, &progress);
  context.SetLentMemory(memory);
  const quern_class of = quern::internal::MakeClass<Looks, Reducer>(QUERN_REDUCER, "Looks");
  const auto reducer = UserObject::Create(of, "", &context, nullptr);
  ASSERT_OK(reducer.status());
  ThreeValues group;
  EXPECT_EQ((*reducer)->Reduce(group.group()), QUERN_OK);
  EXPECT_EQ(group.group()->repeats, 0u);
  EXPECT_EQ(seen, (std::vector<std::string>{"key=twice", "key=twice", "key=once"}));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1],
            "Looks::Reduce kept a view of value 2 of the key 'key' (r-00000.0) and it was used "
            "after the next value was taken or Reduce had returned");
}

}  // namespace
}  // namespace quern::mr
