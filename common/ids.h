// Strong types for every id that could be mistaken for another. Plain values: compare, hash, print.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace quern {

// An integer that only mixes with itself. `Tag::Format(value)` gives its printed form.
template <typename Tag, typename Rep>
class StrongId {
 public:
  using Value = Rep;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr explicit operator bool() const { return value_ != 0; }
  auto operator<=>(const StrongId&) const = default;
  std::string ToString() const { return Tag::Format(value_); }

  template <typename H>
  friend H AbslHashValue(H state, StrongId id) {
    return H::combine(std::move(state), id.value_);
  }

 private:
  Rep value_ = 0;
};

namespace id_tags {
struct Chunk {
  static std::string Format(uint64_t v) { return fmt::format("0x{:x}", v); }
};
struct Inode {
  static std::string Format(uint64_t v) { return fmt::format("i{}", v); }
};
struct Server {
  static std::string Format(uint32_t v) { return fmt::format("cs{}", v); }
};
struct Order {
  static std::string Format(uint64_t v) { return fmt::format("o{}", v); }
};
}  // namespace id_tags

// 0 is "none" in each of them. Ids are given out once and never used again.
using ChunkId = StrongId<id_tags::Chunk, uint64_t>;    // prints 0x2a
using InodeId = StrongId<id_tags::Inode, uint64_t>;    // prints i7
using ServerId = StrongId<id_tags::Server, uint32_t>;  // prints cs3
using OrderId = StrongId<id_tags::Order, uint64_t>;    // prints o9

}  // namespace quern

template <typename Tag, typename Rep>
struct std::hash<quern::StrongId<Tag, Rep>> {
  size_t operator()(quern::StrongId<Tag, Rep> id) const { return std::hash<Rep>()(id.value()); }
};

template <typename Tag, typename Rep>
struct fmt::formatter<quern::StrongId<Tag, Rep>> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(quern::StrongId<Tag, Rep> id, Context& context) const {
    return fmt::formatter<std::string>::format(id.ToString(), context);
  }
};
