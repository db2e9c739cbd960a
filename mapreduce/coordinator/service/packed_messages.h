// A list of messages that only grows, kept serialized in a few large blocks.
//
// A message takes several times its encoded size and many small pieces of memory: 200,000 splits
// would take a tenth of a second to free, and be freed under a lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quern::mr {

template <typename Message>
class PackedMessages {
 public:
  void Add(const Message& message) {
    const size_t bytes = message.ByteSizeLong();
    if (blocks_.empty() || blocks_.back().size() + bytes > kBlockBytes) {
      blocks_.emplace_back();
      blocks_.back().reserve(bytes > kBlockBytes ? bytes : kBlockBytes);
    }
    places_.push_back({static_cast<uint32_t>(blocks_.size() - 1),
                       static_cast<uint32_t>(blocks_.back().size()), static_cast<uint32_t>(bytes)});
    message.AppendToString(&blocks_.back());
  }
  Message Get(size_t index) const {
    const Place& place = places_[index];
    Message message;
    message.ParseFromArray(blocks_[place.block].data() + place.begin,
                           static_cast<int>(place.bytes));
    return message;
  }
  size_t size() const { return places_.size(); }
  bool empty() const { return places_.empty(); }
  // Of the encoded message.
  size_t bytes(size_t index) const { return places_[index].bytes; }

 private:
  static constexpr size_t kBlockBytes = size_t{1} << 18;
  struct Place {
    uint32_t block = 0;
    uint32_t begin = 0;
    uint32_t bytes = 0;
  };
  std::vector<std::string> blocks_;
  std::vector<Place> places_;
};

}  // namespace quern::mr
