#include "jobs/search/segment/deletions.h"

#include <bit>
#include <cstring>

#include "common/crc32c.h"
#include "jobs/search/segment/fixed_numbers.h"

// "QDEL", number of documents (4 bytes), a bit for each, to whole words of 8 bytes, CRC32C of all
// that (4 bytes).
namespace quern::search {

namespace {

constexpr std::string_view kMagic = "QDEL";
constexpr size_t kHeaderBytes = 8;
constexpr size_t kCrcBytes = 4;

}  // namespace

std::string Deletions::Serialize() const {
  std::string bytes(kMagic);
  AppendFixed<uint32_t>(documents_, &bytes);
  bytes.append(reinterpret_cast<const char*>(words_.data()), words_.size() * sizeof(uint64_t));
  AppendFixed<uint32_t>(Crc32c(bytes), &bytes);
  return bytes;
}

absl::StatusOr<Deletions> Deletions::Parse(std::string_view bytes) {
  const auto damaged = [] { return DataLossError("deletions: damaged, or no such file"); };
  if (bytes.size() < kHeaderBytes + kCrcBytes || !bytes.starts_with(kMagic)) return damaged();
  const std::string_view body = bytes.substr(0, bytes.size() - kCrcBytes);
  if (Crc32c(body) != ReadFixed<uint32_t>(bytes.substr(body.size()))) return damaged();
  const auto documents = ReadFixed<uint32_t>(bytes.substr(kMagic.size()));
  // Before anything is made of that size: a few bytes may claim four thousand million documents.
  const size_t size = Words(documents) * sizeof(uint64_t);
  if (body.size() != kHeaderBytes + size) return damaged();
  Deletions deletions(documents);
  if (size > 0) std::memcpy(deletions.words_.data(), body.data() + kHeaderBytes, size);
  for (const uint64_t word : deletions.words_) {
    deletions.count_ += static_cast<uint32_t>(std::popcount(word));
  }
  const uint32_t used = deletions.documents_ % 64;
  if (used != 0 && (deletions.words_.back() >> used) != 0) return damaged();
  return deletions;
}

}  // namespace quern::search
