// The order of the bytes is the order of the values, for every type and every sequence of parts.
#include "mapreduce/api/ordered.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/random_test.h"

namespace quern {
namespace {

// -1, 0, 1. Equal values have equal keys.
int Sign(int order) { return (order > 0) - (order < 0); }
int CompareKeys(const std::string& a, const std::string& b) { return Sign(a.compare(b)); }
template <typename T>
struct IsOptionalNumber : std::false_type {};
template <std::floating_point T>
struct IsOptionalNumber<std::optional<T>> : std::true_type {};

// -0 before 0, and what is no number behind everything.
template <typename T>
int CompareValues(const T& a, const T& b) {
  if constexpr (std::floating_point<T>) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) - std::isnan(b);
    if (a != b) return a < b ? -1 : 1;
    return std::signbit(b) - std::signbit(a);
  } else if constexpr (IsOptionalNumber<T>::value) {
    return a && b ? CompareValues(*a, *b) : a.has_value() - b.has_value();
  } else {
    return (b < a) - (a < b);
  }
}

class OrderedTest : public RandomTest {
 protected:
  // Small alphabets, so that texts begin alike; zeros and FF, which the encoding knows.
  std::string RandomText() {
    std::string text(Below(6), '\0');
    for (char& c : text)
      c = std::string(
          "\0\1\xff\xfe"
          "a",
          5)[Below(5)];
    return text;
  }
  template <typename T>
  T RandomInt() {
    const auto bits = static_cast<T>(Below(UINT64_MAX) >> Below(64));
    return OneIn(2) ? bits : static_cast<T>(~bits);
  }
  double RandomDouble() {
    static const std::vector<double> kSpecial = {0.0,
                                                 -0.0,
                                                 1.0,
                                                 -1.0,
                                                 std::numeric_limits<double>::infinity(),
                                                 -std::numeric_limits<double>::infinity(),
                                                 std::numeric_limits<double>::quiet_NaN(),
                                                 -std::numeric_limits<double>::quiet_NaN(),
                                                 std::numeric_limits<double>::denorm_min(),
                                                 -std::numeric_limits<double>::denorm_min(),
                                                 std::numeric_limits<double>::max()};
    return OneIn(2) ? kSpecial[Below(kSpecial.size())]
                    : std::bit_cast<double>(RandomInt<uint64_t>());
  }
  template <typename T>
  std::optional<T> Maybe(T value) {
    return OneIn(3) ? std::nullopt : std::optional<T>(value);
  }
  // Values that `make` makes, two by two, up and down.
  template <typename Make>
  void Check(Make make) {
    using T = decltype(make());
    for (int round = 0; round < 3000; ++round) {
      const T a = make();
      const T b = OneIn(10) ? a : make();
      ASSERT_EQ(CompareKeys(Ordered(a), Ordered(b)), CompareValues(a, b));
      ASSERT_EQ(CompareKeys(Ordered(Desc(a)), Ordered(Desc(b))), CompareValues(b, a));
      ASSERT_EQ(CompareValues(Decode<T>(Ordered(a)), a), 0);
      ASSERT_EQ(CompareValues(Decode<T>(Ordered(Desc(a))), a), 0);
    }
  }
};

TEST_F(OrderedTest, IntegersOfEveryWidth) {
  Check([&] { return RandomInt<int8_t>(); });
  Check([&] { return RandomInt<uint16_t>(); });
  Check([&] { return RandomInt<int32_t>(); });
  Check([&] { return RandomInt<int64_t>(); });
  Check([&] { return RandomInt<uint64_t>(); });
  Check([&] { return OneIn(2); });
  EXPECT_LT(Ordered(9), Ordered(10));
  EXPECT_LT(Ordered(INT64_MIN), Ordered(INT64_MAX));
}

TEST_F(OrderedTest, DoublesWithAllTheirOddOnes) {
  Check([&] { return RandomDouble(); });
  Check([&] { return static_cast<float>(RandomDouble()); });
  EXPECT_LT(Ordered(-0.0), Ordered(0.0));
  EXPECT_LT(Ordered(std::numeric_limits<double>::infinity()), Ordered(std::nan("1")));
  EXPECT_EQ(Ordered(std::nan("1")), Ordered(-std::nan("2")));
}

TEST_F(OrderedTest, TextsWithZeroBytes) {
  Check([&] { return RandomText(); });
  EXPECT_EQ(Ordered("a"), Ordered(std::string("a")));
  EXPECT_EQ(Ordered(Desc("a")), Ordered(Desc(std::string_view("a"))));
}

TEST_F(OrderedTest, Optionals) {
  Check([&] { return Maybe(RandomText()); });
  Check([&] { return Maybe(RandomDouble()); });
  Check([&] { return Maybe(Maybe(RandomInt<int16_t>())); });
}

TEST_F(OrderedTest, PartsOneAfterAnother) {
  using Parts = std::tuple<std::string, int32_t, std::optional<std::string>>;
  for (int round = 0; round < 5000; ++round) {
    const Parts a = {RandomText(), static_cast<int32_t>(Below(3)) - 1, Maybe(RandomText())};
    const Parts b = {RandomText(), static_cast<int32_t>(Below(3)) - 1, Maybe(RandomText())};
    const auto key = [](const Parts& p) {
      return Ordered(std::get<0>(p), std::get<1>(p), std::get<2>(p));
    };
    ASSERT_EQ(CompareKeys(key(a), key(b)), CompareValues(a, b));
    const auto back = Decode<std::string, int32_t, std::optional<std::string>>(key(a));
    ASSERT_EQ(back, a);
    ASSERT_EQ(Decode<std::string>(key(a)), std::get<0>(a)) << "fewer parts than there are";
    // Up and down in one key.
    const auto mixed = [](const Parts& p) {
      return Ordered(Desc(std::get<0>(p)), std::get<1>(p), Desc(std::get<2>(p)));
    };
    const int want =
        std::get<0>(a) != std::get<0>(b)   ? CompareValues(std::get<0>(b), std::get<0>(a))
        : std::get<1>(a) != std::get<1>(b) ? CompareValues(std::get<1>(a), std::get<1>(b))
                                           : CompareValues(std::get<2>(b), std::get<2>(a));
    ASSERT_EQ(CompareKeys(mixed(a), mixed(b)), want);
    // The parts are found again, and what stands behind them does not matter.
    const std::string first = Ordered(Desc(std::get<0>(a)));
    const std::string two = Ordered(Desc(std::get<0>(a)), std::get<1>(a));
    ASSERT_EQ(OrderedPrefix(mixed(a), 1), first.size());
    ASSERT_EQ(OrderedPrefix(mixed(a), 2), two.size());
    ASSERT_EQ(OrderedPrefix(mixed(a), 3), mixed(a).size());
    ASSERT_EQ(OrderedPrefix(mixed(a), 9), mixed(a).size());
  }
}

TEST_F(OrderedTest, RefusesOtherTypesAndBrokenKeys) {
  EXPECT_THROW(Decode<int64_t>(Ordered("text")), std::invalid_argument);
  EXPECT_THROW(Decode<int32_t>(Ordered(int64_t{1})), std::invalid_argument);
  EXPECT_THROW((Decode<int64_t, int64_t>(Ordered(int64_t{1}))), std::invalid_argument);
  EXPECT_EQ(OrderedPrefix("plain text", 1), kNotOrdered);
  EXPECT_EQ(OrderedPrefix("42", 1), kNotOrdered);
  EXPECT_EQ(OrderedPrefix("", 1), 0u);
  const std::string cut_optional = Ordered(std::optional<int32_t>(1)).substr(0, 1);
  EXPECT_EQ(OrderedPrefix(cut_optional, 1), kNotOrdered);
  const std::string key = Ordered(Maybe(RandomText()), RandomDouble(), Desc(RandomText()));
  for (size_t size = 0; size < key.size(); ++size) {
    const std::string cut = key.substr(0, size);
    using Text = std::optional<std::string>;
    EXPECT_THROW((Decode<Text, double, std::string>(cut)), std::invalid_argument) << size;
    OrderedPrefix(cut, 3);  // reads nothing beyond it
  }
}

// Keys lie in outputs that live for long.
TEST_F(OrderedTest, StaysTheSameForEver) {
  EXPECT_EQ(Ordered(int32_t{1}), std::string("\x14\x80\0\0\1", 5));
  EXPECT_EQ(Ordered("a"), std::string("\2a\0\0", 4));
  EXPECT_EQ(Ordered(std::string("\0", 1)), std::string("\2\0\xff\0\0", 5));
  EXPECT_EQ(Ordered(Desc("a")), std::string("\xfd\x9e\xff\xff", 4));
  EXPECT_EQ(Ordered(1.0), std::string("\x18\xbf\xf0\0\0\0\0\0\0", 9));
  EXPECT_EQ(Ordered(std::optional<int8_t>(), std::optional<int8_t>(-1)),
            std::string("\5\6\x11\x7f", 4));
}

}  // namespace
}  // namespace quern
