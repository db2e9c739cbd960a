#include "client/shell/mode_change.h"

#include <gtest/gtest.h>

namespace quern::shell {
namespace {

TEST(ModeChange, DoesWhatChmodDoes) {
  const struct {
    const char* change;
    uint32_t before;
    bool directory;
    uint32_t after;
  } cases[] = {
      {"644", 0777, false, 0644}, {"0644", 01777, false, 0644},  {"1777", 0, true, 01777},
      {"u+x", 0644, false, 0744}, {"+x", 0644, false, 0755},     {"go-rw", 0666, false, 0600},
      {"a=r", 0777, false, 0444}, {"u=rw,go=r", 0, false, 0644}, {"g+w,o-r", 0644, false, 0660},
      {"a+X", 0644, false, 0644}, {"a+X", 0744, false, 0755},    {"a+X", 0644, true, 0755},
      {"+t", 0777, true, 01777},  {"u=", 0777, false, 0077},     {"u=rwx", 01000, true, 01700},
  };
  for (const auto& test : cases) {
    const auto change = ModeChange::Parse(test.change);
    ASSERT_TRUE(change.ok()) << test.change;
    EXPECT_EQ(change->Apply(test.before, test.directory), test.after) << test.change;
  }
}

TEST(ModeChange, RefusesWhatIsNoMode) {
  for (const char* text : {"", "8", "99999", "u", "u+q", "rwx", "u~x"}) {
    const auto change = ModeChange::Parse(text);
    EXPECT_EQ(change.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace quern::shell
