#include "mapreduce/cli/log_printer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using testing::ElementsAre;

class LogPrinterTest : public testing::Test {
 protected:
  LogPrinter Make(LogPrinter::Mode mode) {
    return {mode,
            {.data = [this](std::string_view text) { out_ += text; },
             .note = [this](std::string_view line) { notes_.emplace_back(line); }}};
  }
  static pb::GetLogResponse Piece(uint32_t task, uint32_t attempt, std::string data) {
    pb::GetLogResponse piece;
    piece.mutable_id()->set_kind(pb::TASK_KIND_MAP);
    piece.mutable_id()->set_task(task);
    piece.mutable_id()->set_attempt(attempt);
    piece.set_node(fmt::format("n{}", task));
    piece.set_data(std::move(data));
    return piece;
  }
  static pb::GetLogResponse End(uint32_t task, uint32_t attempt, std::string missing = "") {
    pb::GetLogResponse piece = Piece(task, attempt, "");
    piece.set_ended(true);
    piece.set_missing(std::move(missing));
    return piece;
  }

  std::string out_;
  std::vector<std::string> notes_;
};

TEST_F(LogPrinterTest, LinesOfSeveralAttemptsAreNotMixed) {
  LogPrinter printer = Make(LogPrinter::Mode::kJob);
  printer.Take(Piece(0, 0, "one\ntw"));
  printer.Take(Piece(1, 0, "un\n"));
  printer.Take(Piece(0, 0, "o\nthr"));
  printer.Take(pb::GetLogResponse());  // a sign of life
  printer.Take(Piece(0, 0, "ee\n"));
  EXPECT_EQ(out_,
            "==> m-00000.0 on n0 <==\none\n"
            "==> m-00001.0 on n1 <==\nun\n"
            "==> m-00000.0 on n0 <==\ntwo\nthree\n");
}

TEST_F(LogPrinterTest, TheLastLineNeedsNoEnd) {
  LogPrinter printer = Make(LogPrinter::Mode::kJob);
  printer.Take(Piece(0, 0, "half"));
  EXPECT_EQ(out_, "");
  printer.Take(End(0, 0));
  EXPECT_EQ(out_, "==> m-00000.0 on n0 <==\nhalf\n");
}

TEST_F(LogPrinterTest, ALineWithoutEndIsShownAllTheSame) {
  LogPrinter printer = Make(LogPrinter::Mode::kJob);
  for (int i = 0; i < 100; ++i) printer.Take(Piece(0, 0, std::string(1'000, 'x')));
  EXPECT_GT(out_.size(), size_t{60'000});
}

TEST_F(LogPrinterTest, OfOneTaskEveryByteIsShownAtOnce) {
  LogPrinter printer = Make(LogPrinter::Mode::kOneTask);
  printer.Take(Piece(3, 0, "reading"));
  EXPECT_EQ(out_, "reading");
  pb::GetLogResponse killed = End(3, 0, "its worker is gone");
  killed.set_state(pb::ATTEMPT_STATE_KILLED);
  printer.Take(killed);
  printer.Take(Piece(3, 1, "reading\n"));
  pb::GetLogResponse failed = End(3, 1);
  failed.set_state(pb::ATTEMPT_STATE_FAILED);
  failed.set_cause("signal 11, at /in:7");
  printer.Take(failed);
  printer.Take(Piece(3, 2, "read"));
  printer.Take(End(3, 2));
  EXPECT_EQ(out_, "reading\nreading\nread");
  EXPECT_THAT(notes_, ElementsAre("m-00003.0 on n3: killed; its worker is gone",
                                  "m-00003.1 on n3: printed what follows",
                                  "m-00003.1 on n3: failed: signal 11, at /in:7",
                                  "m-00003.2 on n3: printed what follows"));
}

TEST_F(LogPrinterTest, KnowsWhatItHasHadOfThoseThatHaveNotEnded) {
  LogPrinter printer = Make(LogPrinter::Mode::kJob);
  printer.Take(Piece(0, 0, "12345"));
  printer.Take(Piece(1, 0, "1"));
  printer.Take(End(1, 0));
  pb::GetLogResponse again = Piece(2, 4, "abc");
  printer.Take(again);
  again.set_restarted(true);
  again.set_data("z");
  printer.Take(again);
  pb::GetLogRequest request;
  printer.FillHad(&request);
  ASSERT_EQ(request.had_size(), 2);
  EXPECT_EQ(request.had(0).bytes(), 5u);
  EXPECT_EQ(request.had(1).id().attempt(), 4u);
  EXPECT_EQ(request.had(1).bytes(), 1u);
  EXPECT_THAT(notes_, ElementsAre("m-00002.4 on n2: its log had grown too long and begins anew"));
}

TEST_F(LogPrinterTest, OfAPipelineTheJobIsNamed) {
  LogPrinter printer = Make(LogPrinter::Mode::kPipeline);
  for (const char* job : {"job-20261122-0001", "job-20261122-0002"}) {
    pb::GetLogResponse piece = Piece(0, 0, "one\n");
    piece.mutable_id()->set_job_id(job);
    printer.Take(piece);
  }
  EXPECT_EQ(out_,
            "==> job-20261122-0001 m-00000.0 on n0 <==\none\n"
            "==> job-20261122-0002 m-00000.0 on n0 <==\none\n");
}

TEST_F(LogPrinterTest, ForProgramsEachLineIsAnObject) {
  LogPrinter printer = Make(LogPrinter::Mode::kJson);
  pb::GetLogResponse piece = Piece(0, 2, "one\n\n\"tw");
  piece.mutable_id()->set_job_id("job-20261122-0001");
  printer.Take(piece);
  piece.set_data("o\"\nlast");
  printer.Take(piece);
  piece.set_data("");
  piece.set_ended(true);
  printer.Take(piece);
  const auto line = [](std::string_view text) {
    return fmt::format(
        R"({{"job":"job-20261122-0001","attempt":"m-00000.2","node":"n0","line":"{}"}})"
        "\n",
        text);
  };
  EXPECT_EQ(out_, line("one") + line("") + line(R"(\"two\")") + line("last"));
}

}  // namespace
}  // namespace quern::mr
