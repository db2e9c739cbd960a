// What a map task reads when its input is not any more what the job was planned over.
#include "mapreduce/task/split_runner.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mapreduce/task/user_code.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using OnRead = std::function<void()>;

class WatchedStream final : public ByteStream {
 public:
  WatchedStream(std::unique_ptr<ByteStream> of, const OnRead& on_read)
      : of_(std::move(of)), on_read_(on_read) {}
  absl::StatusOr<std::string_view> Next() override {
    on_read_();
    return of_->Next();
  }

 private:
  const std::unique_ptr<ByteStream> of_;
  const OnRead on_read_;
};

class NamedFile final : public ReadableFile {
 public:
  NamedFile(std::string contents, std::string id, OnRead on_read)
      : file_(std::move(contents), 4), id_(std::move(id)), on_read_(std::move(on_read)) {}
  uint64_t length() const override { return file_.length(); }
  std::string id() const override { return id_; }
  std::unique_ptr<ByteStream> Stream(uint64_t offset, uint64_t length) override {
    return std::make_unique<WatchedStream>(file_.Stream(offset, length), on_read_);
  }

 private:
  MemoryFile file_;
  const std::string id_;
  const OnRead on_read_;
};

class ForgetfulFile final : public WritableFile {
 public:
  absl::Status Append(std::string_view) override { return absl::OkStatus(); }
  absl::Status Close() override { return absl::OkStatus(); }
};

// One file.
class OneFileStorage final : public Storage {
 public:
  std::string contents;
  std::string id = "i1";
  OnRead on_read = [] {};

  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string&) override {
    return std::make_unique<NamedFile>(contents, id, on_read);
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string&,
                                                       const WriteOptions&) override {
    return std::make_unique<ForgetfulFile>();
  }
  absl::Status Rename(const std::string&, const std::string&, bool) override {
    return absl::OkStatus();
  }
  absl::Status RenameAll(const Moves&, bool) override { return absl::OkStatus(); }
  absl::Status RemoveTree(const std::string&) override { return absl::OkStatus(); }
};

// A mapper that keeps the values it gets.
using Lines = std::vector<std::string>;
quern_class Collects() {
  quern_class made = {};
  made.size = sizeof(made);
  made.kind = QUERN_MAPPER;
  made.name = "Collects";
  made.map = [](void*, quern_task* task, const quern_record* record) {
    const quern_bytes value = record->value;
    if (value.size == 0) return QUERN_SKIPPED;
    return quern_emit(task->output, nullptr, 0, value.data, value.size);
  };
  return made;
}

class KeepsValues final : public EmitBuffer {
 public:
  Lines lines;
  std::function<void()> on_emit = [] {};

 private:
  void AppendSlow(std::string_view, std::string_view value) override {
    lines.emplace_back(value);
    on_emit();
  }
};

class SplitRunnerTest : public ::testing::Test {
 protected:
  SplitRunnerTest() {
    pb::JobSpec::Input* const input = spec_.mutable_job()->add_inputs();
    input->set_format("text");
    environment_.storage = &storage_;
    environment_.scratch_dir = dir_.path();
    environment_.position = position_.get();
    environment_.progress = &progress_;
  }
  // The job was planned when the file held `planned`.
  absl::Status Run(const std::string& planned, uint64_t offset, uint64_t length) {
    pb::Split* const split = spec_.mutable_split();
    split->clear_pieces();
    pb::InputPiece* const piece = split->add_pieces();
    piece->set_path("/in");
    piece->set_offset(offset);
    piece->set_length(length);
    piece->set_file_length(planned.size());
    piece->set_file_id("i1");
    kept_.lines.clear();
    UserContext context(spec_, &progress_);
    ASSIGN_OR_RETURN(const auto mapper, UserObject::Create(Collects(), "", &context, &kept_));
    SplitRunner runner(spec_, environment_, MemoryPlan::For(0, false), &context, sample_bytes_);
    const absl::Status status = runner.Run(mapper.get());
    skipped_ = runner.skipped().reasons().total();
    return status;
  }

  const TempDir dir_;
  OneFileStorage storage_;
  const std::unique_ptr<RecordPositionWriter> position_ = RecordPositionWriter::Private();
  TaskProgress progress_{Clock::Real()};
  TaskEnvironment environment_;
  pb::TaskSpec spec_;
  KeepsValues kept_;
  uint64_t skipped_ = 0;
  uint64_t sample_bytes_ = UINT64_MAX;
};

TEST_F(SplitRunnerTest, AFileThatHasGrownIsReadAsItWas) {
  const std::string planned = "one\ntwo\nthr";
  storage_.contents = planned + "ee\nfour\n";
  ASSERT_OK(Run(planned, 0, planned.size()));
  EXPECT_EQ(kept_.lines, (std::vector<std::string>{"one", "two", "thr"}));
  ASSERT_OK(Run(planned, 5, planned.size() - 5));
  EXPECT_EQ(kept_.lines, (std::vector<std::string>{"thr"}));
}

TEST_F(SplitRunnerTest, ARecordThatUserCodeSkipsIsCounted) {
  storage_.contents = "one\n\ntwo\n";
  ASSERT_OK(Run(storage_.contents, 0, storage_.contents.size()));
  EXPECT_EQ(kept_.lines, (Lines{"one", "two"}));
  EXPECT_EQ(skipped_, 1u);
}

TEST_F(SplitRunnerTest, WhileTheInputIsReadNoRecordIsNamed) {
  storage_.contents = "one\n\ntwo\nthree\n";
  int reads = 0;
  storage_.on_read = [&] {
    const RecordPosition at = position_->Get();
    EXPECT_EQ(at.phase, RecordPhase::kReading);
    EXPECT_EQ(at.source, "/in");
    ++reads;
  };
  std::vector<uint64_t> mapped;
  kept_.on_emit = [&] {
    EXPECT_EQ(position_->phase(), RecordPhase::kMap);
    mapped.push_back(position_->Get().position);
  };
  position_->SetPhase(RecordPhase::kCallback);
  ASSERT_OK(Run(storage_.contents, 0, storage_.contents.size()));
  EXPECT_EQ(mapped, (std::vector<uint64_t>{0, 5, 9}));
  EXPECT_GT(reads, 3);
}

TEST_F(SplitRunnerTest, AnotherFileOfTheSameLengthEndsTheJob) {
  storage_.contents = "new\n";
  storage_.id = "i2";
  const absl::Status status = Run("old\n", 0, 4);
  EXPECT_TRUE(IsJobError(status)) << status;
  EXPECT_TRUE(kept_.lines.empty());
}

TEST_F(SplitRunnerTest, AShorterFileEndsTheJob) {
  storage_.contents = "on";
  EXPECT_TRUE(IsJobError(Run("one\n", 0, 4)));
}

TEST_F(SplitRunnerTest, ASampleReadsItsWindowAndNothingInTheMiddleOfACompressedFile) {
  sample_bytes_ = 8;
  storage_.contents = "one\ntwo\nthree\nfour\n";
  ASSERT_OK(Run(storage_.contents, 6, 8));
  EXPECT_EQ(kept_.lines, (std::vector<std::string>{"three"}));
  storage_.contents = "\x1f\x8b is what gzip files begin with\n";
  ASSERT_OK(Run(storage_.contents, 6, 8));
  EXPECT_TRUE(kept_.lines.empty());
}

}  // namespace
}  // namespace quern::mr
