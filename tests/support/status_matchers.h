// Statuses in expectations, with the names that later versions of Abseil gave them:
//
//   EXPECT_THAT(fs.Open(path), IsOk());
//   EXPECT_THAT(fs.Open(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
//   ASSERT_OK_AND_ASSIGN(auto file, fs.Open(path));
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>

#include "common/status.h"

namespace quern {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  *result_listener << "which is " << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P(StatusIs, code, "has status " + absl::StatusCodeToString(code)) {
  *result_listener << "which is " << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code;
}

MATCHER_P2(StatusIs, code, message_matcher, "has status " + absl::StatusCodeToString(code)) {
  *result_listener << "which is " << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code &&
         ::testing::ExplainMatchResult(message_matcher, std::string(Message(StatusOf(arg))),
                                       result_listener);
}

}  // namespace quern

#define EXPECT_OK(expression) EXPECT_THAT(expression, ::quern::IsOk())
#define ASSERT_OK(expression) ASSERT_THAT(expression, ::quern::IsOk())
#define ASSERT_OK_AND_ASSIGN(left, expression) \
  QUERN_ASSERT_OK_AND_ASSIGN(QUERN_CONCAT(quern_statusor_, __LINE__), left, expression)
#define QUERN_ASSERT_OK_AND_ASSIGN(temporary, left, expression) \
  auto temporary = (expression);                                \
  ASSERT_TRUE(temporary.ok()) << temporary.status().ToString(); \
  left = std::move(temporary).value()
