// CRC32C (Castagnoli, RFC 3720 B.4) by ISA-L: about 25 GB/s from memory on one core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quern {

// Checksum of the bytes so far (0 for none) extended by `size` more bytes.
uint32_t ExtendCrc32c(uint32_t crc, const void* data, size_t size);
inline uint32_t Crc32c(std::string_view bytes) {
  return ExtendCrc32c(0, bytes.data(), bytes.size());
}
// Checksum of A followed by B, from the checksums of A and B and the length of B in bytes.
uint32_t ConcatCrc32c(uint32_t crc_a, uint32_t crc_b, uint64_t length_b);

}  // namespace quern
