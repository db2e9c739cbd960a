// What comes out of user code: errors, and what it must not do.
#include "mapreduce/task/user_object.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/fd.h"
#include "mapreduce/api/class_table.h"
#include "mapreduce/task/attempt.h"
#include "mapreduce/task/user_code.h"
#include "tests/support/status_matchers.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

class OneValue final : public GroupSource {
 public:
  OneValue() {
    StartGroup("key");
    SetRun("value", 2);
  }

 private:
  bool NextRun() override { return false; }
};

template <typename Class, typename Base = Reducer>
absl::Status CombineWith(std::vector<std::string>* emitted) {
  pb::TaskSpec spec;
  spec.mutable_id()->set_kind(pb::TASK_KIND_REDUCE);
  TaskProgress progress{Clock::Real()};
  UserContext context(spec, &progress);
  const quern_class of = quern::internal::MakeClass<Class, Base>(QUERN_COMBINER, "C");
  ASSIGN_OR_RETURN(const auto combiner, UserCombiner::Create(of, &context));
  OneValue group;
  return combiner->Combine(&group, [&](std::string_view key, std::string_view value) {
    emitted->push_back(fmt::format("{}={}", key, value));
    return emitted->size() < 3 ? absl::OkStatus() : UnavailableError("full");
  });
}

TEST(UserCombinerTest, HandsOnWhatIsUnderTheGroupsKey) {
  class Repeats : public Reducer {
    void Reduce(ReduceInput* in) override {
      for (std::string_view value : in->values()) Emit(value);
    }
  };
  std::vector<std::string> emitted;
  EXPECT_OK(CombineWith<Repeats>(&emitted));
  EXPECT_EQ(emitted, (std::vector<std::string>{"key=value", "key=value"}));
}

TEST(UserCombinerTest, AClassOfItsOwnKindHasNoOtherKey) {
  class Joins : public quern::Combiner {
    void Combine(ReduceInput* in) override {
      std::string joined;
      for (std::string_view value : in->values()) joined += value;
      Emit(joined);
    }
  };
  static_assert(std::is_same_v<quern::internal::CombinerBase<Joins>, quern::Combiner>);
  std::vector<std::string> emitted;
  EXPECT_OK((CombineWith<Joins, quern::Combiner>(&emitted)));
  EXPECT_EQ(emitted, std::vector<std::string>{"key=valuevalue"});
}

TEST(UserCombinerTest, RefusesAnotherKey) {
  class Renames : public Reducer {
    void Reduce(ReduceInput*) override { Emit("other", 1); }
  };
  std::vector<std::string> emitted;
  EXPECT_THAT(CombineWith<Renames>(&emitted),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("under its group's key")));
  EXPECT_TRUE(emitted.empty());
}

TEST(UserCombinerTest, AnErrorOfTheEngineStopsUserCodeAndStaysWhatItIs) {
  class EmitsForEver : public Reducer {
    void Reduce(ReduceInput*) override {
      while (true) Emit(1);
    }
  };
  std::vector<std::string> emitted;
  EXPECT_THAT(CombineWith<EmitsForEver>(&emitted),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("full")));
  EXPECT_EQ(emitted.size(), 3u);
}

TEST(UserCombinerTest, AnExceptionNamesTheCall) {
  class Throws : public Reducer {
    void Reduce(ReduceInput*) override { throw std::runtime_error("no good"); }
  };
  std::vector<std::string> emitted;
  const absl::Status status = CombineWith<Throws>(&emitted);
  EXPECT_TRUE(IsUserError(status));
  EXPECT_EQ(Message(status), "the combiner's Combine failed: no good");
}

TEST(UserCombinerTest, AConstructorThatThrowsIsNamed) {
  class Throws : public Reducer {
   public:
    Throws() { throw std::runtime_error("no good"); }
    void Reduce(ReduceInput*) override {}
  };
  std::vector<std::string> emitted;
  EXPECT_THAT(Message(CombineWith<Throws>(&emitted)), HasSubstr("C's constructor failed: no good"));
}

TEST(UserCombinerTest, AJobErrorStandsAlsoWhenItIsSwallowed) {
  class Swallows : public Reducer {
    void Reduce(ReduceInput*) override {
      try {
        context().Fail("as it says");
      } catch (...) {
      }
      throw std::runtime_error("something else");
    }
  };
  std::vector<std::string> emitted;
  const absl::Status status = CombineWith<Swallows>(&emitted);
  EXPECT_TRUE(IsJobError(status));
  EXPECT_EQ(Message(status), "as it says");
}

TEST(UserCombinerTest, AnEmitThatWasRefusedFailsAlsoWhenThatIsSwallowed) {
  class Swallows : public Reducer {
    void Reduce(ReduceInput*) override {
      try {
        Emit("other", 1);
      } catch (...) {
      }
    }
  };
  std::vector<std::string> emitted;
  EXPECT_THAT(CombineWith<Swallows>(&emitted),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("under its group's key")));
}

TEST(UserCombinerTest, AFailureThatIsSwallowedStands) {
  class Swallows : public Reducer {
    void Reduce(ReduceInput*) override {
      try {
        context().Fail("as it says");
      } catch (...) {
      }
    }
  };
  std::vector<std::string> emitted;
  EXPECT_TRUE(IsJobError(CombineWith<Swallows>(&emitted)));
}

// An object of a class in C with one function; its output is that of a combiner outside of Combine,
// which takes nothing.
absl::Status StartAndFinish(const quern_class& of) {
  pb::TaskSpec spec;
  spec.mutable_id()->set_kind(pb::TASK_KIND_REDUCE);
  TaskProgress progress{Clock::Real()};
  UserContext context(spec, &progress);
  ASSIGN_OR_RETURN(const auto combiner, UserCombiner::Create(of, &context));
  RETURN_IF_ERROR(combiner->Start());
  return combiner->Finish();
}

TEST(UserObjectTest, AnEmitThatFailsIsSeenWhereverItWasIgnored) {
  const auto ignores = [](void*, quern_task* task) {
    quern_emit(task->output, "k", 1, "v", 1);
    return QUERN_OK;
  };
  quern_class constructs = {}, starts = {}, finishes = {};
  for (quern_class* of : {&constructs, &starts, &finishes}) {
    of->size = sizeof(quern_class);
    of->kind = QUERN_COMBINER;
    of->name = "C";
  }
  constructs.create = [](quern_task* task, void**) {
    quern_emit(task->output, "k", 1, "v", 1);
    return QUERN_OK;
  };
  starts.start = ignores;
  finishes.finish = ignores;
  for (const quern_class* of : {&constructs, &starts, &finishes}) {
    EXPECT_THAT(StartAndFinish(*of), StatusIs(absl::StatusCode::kFailedPrecondition,
                                              HasSubstr("in Start or Finish of a combiner")));
  }
}

template <typename Class>
absl::Status PartitionWith() {
  pb::TaskSpec spec;
  spec.mutable_id()->set_kind(pb::TASK_KIND_REDUCE);
  TaskProgress progress{Clock::Real()};
  UserContext context(spec, &progress);
  const quern_class of =
      quern::internal::MakeClass<Class, quern::Partitioner>(QUERN_PARTITIONER, "P");
  ASSIGN_OR_RETURN(const auto object,
                   UserObject::Create(of, "the partitioner's", &context, nullptr));
  RETURN_IF_ERROR(object->Start());
  return CatchEngineError([&] { UserPartitioner(object.get()).Partition("k", 4); });
}

TEST(UserPartitionerTest, AnExceptionIsItsOwnError) {
  class Throws : public quern::Partitioner {
    uint32_t Partition(std::string_view key, uint32_t) const override {
      throw std::runtime_error("odd key " + std::string(key));
    }
  };
  EXPECT_EQ(Message(PartitionWith<Throws>()), "the partitioner's Partition failed: odd key k");
}

TEST(UserPartitionerTest, AFailureThatIsSwallowedStands) {
  class Swallows : public quern::Partitioner {
    void Start(TaskContext& task) override { task_ = &task; }
    uint32_t Partition(std::string_view, uint32_t) const override {
      try {
        task_->Fail("as it says");
      } catch (...) {
      }
      return 0;
    }
    TaskContext* task_ = nullptr;
  };
  EXPECT_TRUE(IsJobError(PartitionWith<Swallows>()));
}

// A connection that finds no descriptor looks like a cluster that is away.
TEST(DescribeFailure, AFileThatIsNotOpenAnyMoreWasClosedByUserCode) {
  const auto position = RecordPositionWriter::Private();
  const auto message = [&](const absl::Status& status) {
    return DescribeFailure(status, *position).message();
  };
  const absl::Status status = ErrnoStatus(EBADF, "read /in");
  EXPECT_THAT(message(status), HasSubstr("its code closed a descriptor that belongs to the engine "
                                         "(read /in: Bad file descriptor). Try: close only"));
  EXPECT_EQ(message(UserError(Message(status))), Message(status)) << "its own words";
  EXPECT_EQ(message(UnavailableError("{}", Message(status))), Message(status))
      << "another machine's";
}

TEST(DescribeFailure, FilesThatUserCodeLeavesOpenAreItsOwnFault) {
  const auto position = RecordPositionWriter::Private();
  const absl::Status status = UnavailableError("connect: Too many open files");
  EXPECT_TRUE(DescribeFailure(status, *position).environment());
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(before.rlim_cur, 256);  // it does not take long
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  std::vector<UniqueFd> files;
  do {
    files.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  } while (files.back());
  const pb::AttemptFailure failure = DescribeFailure(status, *position);
  files.clear();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(failure.environment()) << "or it is tried for an hour";
  EXPECT_THAT(failure.message(), HasSubstr("Does its code close what it opens? connect:"));
  EXPECT_TRUE(DescribeFailure(status, *position).environment());
}

}  // namespace
}  // namespace quern::mr
