#include "common/cli/progress.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "common/clock.h"

namespace quern {
namespace {

using Style = ProgressOptions::Style;

// What a step of two items writes.
std::string ProgressLines(Style style,
                          const std::function<void(Progress*, SimulatedClock*)>& step) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* const file = open_memstream(&text, &size);
  SimulatedClock clock;
  {
    Progress progress({.name = "job map",
                       .total = 2,
                       .unit = ProgressOptions::Unit::kItems,
                       .style = style,
                       .out = file,
                       .clock = &clock});
    step(&progress, &clock);
  }
  std::fclose(file);
  std::string lines(text, size);
  std::free(text);
  return lines;
}

void TwoSlowItems(Progress* progress, SimulatedClock* clock) {
  clock->AdvanceTime(absl::Seconds(20));
  progress->Add(1);
  clock->AdvanceTime(absl::Seconds(20));
  progress->Add(1);
}

TEST(Progress, TheEndIsSaidOnceWithItsRate) {
  EXPECT_EQ(ProgressLines(Style::kLines, TwoSlowItems),
            "job map  50%  1/2  0.05/s  ETA 20 s\njob map  100%  2/2  0.05/s  in 40 s\n");
  EXPECT_EQ(ProgressLines(Style::kQuiet, TwoSlowItems), "");
}

TEST(Progress, WhoeverOnlyLooksIsASignOfLife) {
  EXPECT_EQ(ProgressLines(Style::kLines,
                          [](Progress* progress, SimulatedClock* clock) {
                            clock->AdvanceTime(absl::Seconds(5));
                            progress->Add(0);
                            clock->AdvanceTime(absl::Seconds(5));
                            progress->Add(0);
                            progress->Add(0);
                          })
                .substr(0, 21),
            "job map  0%  0/2  0/s");
}

TEST(Progress, AShortStepLeavesNoTrace) {
  EXPECT_EQ(ProgressLines(Style::kLines,
                          [](Progress* progress, SimulatedClock* clock) {
                            clock->AdvanceTime(absl::Milliseconds(900));
                            progress->Add(2);
                          }),
            "");
}

}  // namespace
}  // namespace quern
