// The names of some documents that follow one another (docs/formats/inverted-index.md):
//   of each name: how many bytes it shares with the one before, how many others it has (varints),
//   and those
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quern::inverted {

// Of longer names that much is kept, up to the end of a character.
inline constexpr size_t kMaxNameBytes = 64 << 10;

// Used by one thread.
class NameBlock {
 public:
  void Add(std::string_view name);
  uint32_t names() const { return names_; }
  const std::string& bytes() const { return bytes_; }
  void Clear();

 private:
  std::string bytes_;
  std::string last_;
  uint32_t names_ = 0;
};

// Name `index` of a block, from 0; nothing when it has none, or the bytes are no block.
std::optional<std::string> NameInBlock(std::string_view block, uint32_t index);

}  // namespace quern::inverted
