#include "jobs/corpus/shuffle.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>

#include "jobs/params.h"

namespace quern::corpus {

namespace {

void AppendBigEndian(uint64_t number, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(number >> shift));
}

}  // namespace

void ShuffleKeys::Start(TaskContext& context) {
  seed_ = static_cast<uint64_t>(NumberParam(context, "seed", "0", 0, INT64_MAX));
}

std::string_view ShuffleKeys::KeyOf(std::string_view id, std::string_view text,
                                    std::string_view line) {
  const XXH128_hash_t text_hash = XXH3_128bits(text.data(), text.size());
  key_.clear();
  AppendBigEndian(XXH3_64bits_withSeed(id.data(), id.size(), seed_), &key_);
  AppendBigEndian(text_hash.high64, &key_);
  AppendBigEndian(text_hash.low64, &key_);
  AppendBigEndian(XXH3_64bits(line.data(), line.size()), &key_);
  return key_;
}

std::string PlaceOf(std::string_view id) {
  std::string place;
  AppendBigEndian(XXH3_64bits(id.data(), id.size()), &place);
  return place;
}

uint32_t ShardOf(std::string_view key, uint32_t shards) {
  uint64_t place = 0;
  for (size_t i = 0; i < 4; ++i) {
    place = place << 8 | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0);
  }
  return static_cast<uint32_t>(place * shards >> 32);
}

}  // namespace quern::corpus
