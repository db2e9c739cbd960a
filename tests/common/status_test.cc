#include "common/status.h"

#include <cerrno>
#include <memory>

#include "tests/support/status_matchers.h"

namespace quern {
namespace {

using testing::HasSubstr;

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return InvalidArgumentError("{} is odd", n);
  return n / 2;
}

absl::StatusOr<int> Quarter(int n) {
  ASSIGN_OR_RETURN(const int half, Half(n));
  return Half(half);
}

absl::StatusOr<std::unique_ptr<int>> Boxed(int n) {
  ASSIGN_OR_RETURN(auto half, Half(n));
  ASSIGN_OR_RETURN(auto box, absl::StatusOr<std::unique_ptr<int>>(std::make_unique<int>(half)));
  return box;
}

TEST(StatusTest, MacrosPassValuesAndErrorsOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_THAT(Quarter(6), StatusIs(absl::StatusCode::kInvalidArgument, "3 is odd"));
  EXPECT_EQ(**Boxed(4), 2);  // also of types that only move
}

TEST(StatusTest, AnnotateKeepsTheCodeAndPutsTheStepInFront) {
  const absl::Status inner = NotFoundError("{}: no such chunk", "0x2a");
  EXPECT_THAT(Annotate(inner, "read"),
              StatusIs(absl::StatusCode::kNotFound, "read: 0x2a: no such chunk"));
  EXPECT_OK(Annotate(absl::OkStatus(), "read"));
}

TEST(StatusTest, ErrnoBecomesTheCodeThatCallersActOn) {
  EXPECT_THAT(ErrnoStatus(ENOENT, "open /x"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("open /x: No such file")));
  EXPECT_THAT(ErrnoStatus(ENOSPC, "write"), StatusIs(absl::StatusCode::kResourceExhausted));
  for (const int lacking : {EMFILE, ENFILE, ENOMEM, EINTR}) {
    EXPECT_THAT(ErrnoStatus(lacking, "open"), StatusIs(absl::StatusCode::kUnavailable));
  }
  EXPECT_THAT(ErrnoStatus(EIO, "fsync"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ErrnoStatus(EEXIST, "open"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(ErrnoStatus(EACCES, "open"), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(StatusTest, OnlyTransientCodesAreRetried) {
  EXPECT_TRUE(IsRetryable(UnavailableError("x")));
  EXPECT_TRUE(IsRetryable(AbortedError("x")));
  EXPECT_FALSE(IsRetryable(NotFoundError("x")));
  EXPECT_FALSE(IsRetryable(DataLossError("x")));
  EXPECT_FALSE(IsRetryable(absl::OkStatus()));
}

}  // namespace
}  // namespace quern
