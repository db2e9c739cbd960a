// Readers of token files, written from the layouts alone.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace quern::corpus {

inline uint64_t ReadNumber(std::string_view bytes, size_t at, size_t size) {
  uint64_t number = 0;
  EXPECT_LE(at + size, bytes.size());
  for (size_t i = size; i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

inline std::vector<uint32_t> ReadTokens(std::string_view bytes, size_t token_bytes) {
  EXPECT_EQ(bytes.size() % token_bytes, 0u);
  std::vector<uint32_t> tokens;
  for (size_t at = 0; at < bytes.size(); at += token_bytes) {
    tokens.push_back(static_cast<uint32_t>(ReadNumber(bytes, at, token_bytes)));
  }
  return tokens;
}

inline std::vector<std::vector<uint32_t>> ReadMegatron(std::string_view bin, std::string_view idx) {
  constexpr size_t kHead = 9 + 8 + 1 + 8 + 8;
  EXPECT_EQ(idx.substr(0, 9), std::string_view("MMIDIDX\0\0", 9));
  EXPECT_EQ(ReadNumber(idx, 9, 8), 1u);
  const uint64_t type = ReadNumber(idx, 17, 1);
  EXPECT_TRUE(type == 8 || type == 4) << type;
  const size_t token_bytes = type == 8 ? 2 : 4;
  const size_t sequences = ReadNumber(idx, 18, 8);
  const size_t bounds = ReadNumber(idx, 26, 8);
  EXPECT_EQ(bounds, sequences + 1);
  EXPECT_EQ(idx.size(), kHead + sequences * 12 + bounds * 8);
  std::vector<std::vector<uint32_t>> documents;
  for (size_t i = 0; i < sequences; ++i) {
    const size_t length = ReadNumber(idx, kHead + i * 4, 4);
    const size_t offset = ReadNumber(idx, kHead + sequences * 4 + i * 8, 8);
    EXPECT_EQ(ReadNumber(idx, kHead + sequences * 12 + i * 8, 8), i);
    documents.push_back(ReadTokens(bin.substr(offset, length * token_bytes), token_bytes));
  }
  EXPECT_EQ(ReadNumber(idx, kHead + sequences * 20, 8), sequences);
  return documents;
}

inline std::vector<std::vector<uint32_t>> ReadDatatrove(std::string_view ds, std::string_view index,
                                                        size_t token_bytes) {
  std::vector<std::vector<uint32_t>> documents;
  size_t begin = 0;
  for (size_t at = 0; at < index.size(); at += 8) {
    const size_t end = ReadNumber(index, at, 8) * token_bytes;
    documents.push_back(ReadTokens(ds.substr(begin, end - begin), token_bytes));
    begin = end;
  }
  EXPECT_EQ(begin, ds.size());
  return documents;
}

}  // namespace quern::corpus
