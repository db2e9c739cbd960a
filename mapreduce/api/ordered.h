// Keys that sort as their values do: Emit(quern::Ordered(host, time), line);
//
// Keys are sorted as bytes, so the decimal text 10 stands before 9. Ordered writes values so that
// the order of the bytes is the order of the values, part after part:
//
//   integer, bool   the bytes from high to low, the sign bit turned over; as wide as its type
//   double, float   the bits, turned over so that they sort as numbers: -inf ... -0 0 ... inf, and
//                   behind that all that is no number, as one value. -0 and 0 are two keys.
//   text            its bytes, each zero byte followed by FF, closed by 00 00
//   optional        none, or the value: none stands first
//   Desc(x)         the bytes of x, turned over
//
// No part is the beginning of another of its type, so that a key of fewer parts sorts directly
// before all keys that begin with it: `[reduce] group = N` cuts keys behind N parts, and a key of
// fewer is a group of its own. In front of each part stands one byte that says what it is (kind,
// and whether it is turned over), so that the engine finds the parts.
//
// Decode<int64_t, std::string>(key) reads them back: the types that were written, as wide as they
// were, without Desc.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace quern {

// A part that sorts the other way round.
template <typename T>
struct Descending {
  const T& value;
};
template <typename T>
Descending<T> Desc(const T& value) {
  return {value};
}

namespace internal {

// The byte in front of a part. Numbers are part of the format; descending ones have their bits
// turned over, as the rest of the part has.
enum class OrderedKind : uint8_t {
  kText = 0x02,
  kNone = 0x05,   // an optional without a value
  kSome = 0x06,   // an optional: a whole part follows
  kFixed = 0x10,  // and the number of bytes that follow: 1, 2, 4, 8
};
constexpr uint8_t FixedKind(size_t bytes) {
  return static_cast<uint8_t>(static_cast<size_t>(OrderedKind::kFixed) + bytes);
}
inline constexpr char kOrderedFlip = '\xff';

template <typename T>
struct OrderedPart;

template <size_t kBytes>
struct OrderedBits {
  static void Put(uint64_t bits, std::string* out) {
    out->push_back(static_cast<char>(FixedKind(kBytes)));
    for (size_t i = kBytes; i-- > 0;) out->push_back(static_cast<char>(bits >> (8 * i)));
  }
};

// Takes parts off the front of a key; `flip` for one that is turned over.
class OrderedReader {
 public:
  explicit OrderedReader(std::string_view bytes) : bytes_(bytes) {}

  // The kind of the next part; sees whether it is turned over.
  uint8_t Kind() {
    flip_ = 0;
    const uint8_t byte = Byte();
    if (byte < 0x80) return byte;
    flip_ = 0xff;
    return byte ^ 0xff;
  }
  uint64_t Bits(size_t count) {
    uint64_t bits = 0;
    for (size_t i = 0; i < count; ++i) bits = bits << 8 | static_cast<uint8_t>(Byte() ^ flip_);
    return bits;
  }
  std::string Text() {
    std::string text;
    while (true) {
      const uint8_t byte = Byte() ^ flip_;
      if (byte == 0 && static_cast<uint8_t>(Byte() ^ flip_) == 0) return text;
      text.push_back(static_cast<char>(byte));
    }
  }
  void Expect(bool fits) const {
    if (!fits) throw std::invalid_argument("the key has no part of this type here");
  }

 private:
  uint8_t Byte() {
    if (at_ == bytes_.size()) throw std::invalid_argument("the key ends within an ordered part");
    return static_cast<uint8_t>(bytes_[at_++]);
  }

  const std::string_view bytes_;
  size_t at_ = 0;
  uint8_t flip_ = 0;
};

template <typename T>
requires std::integral<T>
struct OrderedPart<T> {
  static constexpr uint64_t kSign =
      std::is_signed_v<T> ? uint64_t{1} << (8 * sizeof(T) - 1) : uint64_t{0};
  static void Put(T value, std::string* out) {
    OrderedBits<sizeof(T)>::Put(static_cast<uint64_t>(value) ^ kSign, out);
  }
  static T Take(OrderedReader* in) {
    in->Expect(in->Kind() == FixedKind(sizeof(T)));
    return static_cast<T>(in->Bits(sizeof(T)) ^ kSign);
  }
};

template <typename T>
requires std::floating_point<T>
struct OrderedPart<T> {
  static_assert(sizeof(T) == 8 || sizeof(T) == 4, "no long double");
  using Bits = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  static constexpr Bits kSign = Bits{1} << (8 * sizeof(T) - 1);
  static void Put(T value, std::string* out) {
    if (value != value) value = std::numeric_limits<T>::quiet_NaN();
    const Bits bits = std::bit_cast<Bits>(value);
    OrderedBits<sizeof(T)>::Put(bits & kSign ? static_cast<Bits>(~bits) : bits | kSign, out);
  }
  static T Take(OrderedReader* in) {
    in->Expect(in->Kind() == FixedKind(sizeof(T)));
    const Bits bits = static_cast<Bits>(in->Bits(sizeof(T)));
    return std::bit_cast<T>(bits & kSign ? static_cast<Bits>(bits ^ kSign)
                                         : static_cast<Bits>(~bits));
  }
};

// Anything that is a string_view: literals, std::string, views.
template <typename T>
requires std::convertible_to<const T&, std::string_view>
struct OrderedPart<T> {
  static void Put(std::string_view text, std::string* out) {
    out->push_back(static_cast<char>(OrderedKind::kText));
    for (const char c : text) {
      out->push_back(c);
      if (c == '\0') out->push_back('\xff');
    }
    out->append(2, '\0');
  }
  static std::string Take(OrderedReader* in) {
    in->Expect(in->Kind() == static_cast<uint8_t>(OrderedKind::kText));
    return in->Text();
  }
};

template <typename T>
struct OrderedPart<std::optional<T>> {
  static void Put(const std::optional<T>& value, std::string* out) {
    out->push_back(static_cast<char>(value ? OrderedKind::kSome : OrderedKind::kNone));
    if (value) OrderedPart<T>::Put(*value, out);
  }
  static std::optional<T> Take(OrderedReader* in) {
    const uint8_t kind = in->Kind();
    if (kind == static_cast<uint8_t>(OrderedKind::kNone)) return std::nullopt;
    in->Expect(kind == static_cast<uint8_t>(OrderedKind::kSome));
    return OrderedPart<T>::Take(in);
  }
};

template <typename T>
struct OrderedPart<Descending<T>> {
  static void Put(const Descending<T>& part, std::string* out) {
    const size_t begin = out->size();
    OrderedPart<std::remove_cvref_t<T>>::Put(part.value, out);
    for (size_t i = begin; i < out->size(); ++i) (*out)[i] ^= kOrderedFlip;
  }
};

}  // namespace internal

// The parts as one key.
template <typename... Parts>
std::string Ordered(const Parts&... parts) {
  std::string key;
  (internal::OrderedPart<std::decay_t<Parts>>::Put(parts, &key), ...);
  return key;
}

// The first parts of a key made by Ordered; there may be more. Throws std::invalid_argument when
// they are others. One type gives the value itself, several a std::tuple.
template <typename First, typename... Rest>
auto Decode(std::string_view key) {
  static_assert((std::is_same_v<First, std::string_view> || ... ||
                 std::is_same_v<Rest, std::string_view>) == false,
                "Decode text as std::string");
  internal::OrderedReader reader(key);
  if constexpr (sizeof...(Rest) == 0) {
    return First(internal::OrderedPart<First>::Take(&reader));
  } else {
    // Braces: from left to right.
    return std::tuple<First, Rest...>{First(internal::OrderedPart<First>::Take(&reader)),
                                      Rest(internal::OrderedPart<Rest>::Take(&reader))...};
  }
}

inline constexpr size_t kNotOrdered = SIZE_MAX;

// Bytes of the first `parts` parts of a key, all when there are fewer. kNotOrdered for a key that
// was not made by Ordered.
inline size_t OrderedPrefix(std::string_view key, uint32_t parts) {
  size_t at = 0;
  while (parts > 0 && at < key.size()) {
    const auto first = static_cast<uint8_t>(key[at++]);
    const uint8_t flip = first < 0x80 ? 0 : 0xff;
    const uint8_t kind = first ^ flip;
    if (kind == static_cast<uint8_t>(internal::OrderedKind::kSome)) {
      if (at == key.size()) return kNotOrdered;
      continue;  // its value follows
    }
    if (kind == static_cast<uint8_t>(internal::OrderedKind::kText)) {
      const char end[2] = {static_cast<char>(flip), static_cast<char>(flip)};
      while (true) {
        at = key.find(end[0], at);
        if (at == std::string_view::npos || at + 1 == key.size()) return kNotOrdered;
        at += 2;  // behind the zero byte and what follows it
        if (key[at - 1] == end[1]) break;
      }
    } else if (kind != static_cast<uint8_t>(internal::OrderedKind::kNone)) {
      const size_t bytes = kind - static_cast<size_t>(internal::OrderedKind::kFixed);
      if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) return kNotOrdered;
      if (bytes > key.size() - at) return kNotOrdered;
      at += bytes;
    }
    --parts;
  }
  return at;
}

}  // namespace quern
