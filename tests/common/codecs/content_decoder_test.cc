#include "common/codecs/content_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace quern {
namespace {

using std::string_literals::operator""s;

struct Decoded {
  std::string bytes;
  absl::Status damage;
};

Decoded Decode(std::string bytes) {
  const auto decoder =
      ContentDecoder::Open([rest = std::move(bytes),
                            given = std::string()]() mutable -> absl::StatusOr<std::string_view> {
        given = std::exchange(rest, "");
        return std::string_view(given);
      });
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  Decoded decoded;
  while (true) {
    const auto next = (*decoder)->Next();
    EXPECT_TRUE(next.ok()) << next.status();
    if (!next.ok() || next->empty()) break;
    decoded.bytes += *next;
  }
  decoded.damage = (*decoder)->damage();
  EXPECT_EQ((*decoder)->damaged(), !decoded.damage.ok());
  return decoded;
}

// A zstd frame of one block as it is; the window is 1 KiB shifted by the upper five bits of its
// byte.
std::string ZstdFrame(char window) { return "\x28\xb5\x2f\xfd\0"s + window + "\x29\0\0hello"s; }

TEST(ContentDecoderTest, SaysWhatIsWrong) {
  EXPECT_EQ(Decode(ZstdFrame('\x88')).bytes, "hello") << "128 MiB";
  EXPECT_TRUE(Decode(ZstdFrame('\x88')).damage.ok());
  EXPECT_EQ(Message(Decode(ZstdFrame('\x88').substr(0, 11)).damage), "zstd data end too early");
  EXPECT_EQ(Message(Decode("\x28\xb5\x2f\xfd\x08\x88\x29\0\0hello"s).damage),
            "zstd data are damaged: Unsupported frame parameter");
}

// As `zstd --long=28` and `xz --lzma2=dict=256MiB` make them: they are as they should be.
TEST(ContentDecoderTest, WhatNeedsMuchMemoryIsNotCalledDamaged) {
  const std::string xz =
      "\xfd\x37\x7a\x58\x5a\0\0\0\xff\x12\xd9\x41"
      "\x02\0\x21\x01\x20\0\0\0\x09\x88\xa5\x76"s;
  EXPECT_EQ(Message(Decode(ZstdFrame('\x90')).damage),
            "zstd data need more than 128 MiB of memory to unpack");
  EXPECT_EQ(Message(Decode(xz + std::string(100, '\0')).damage),
            "xz data need more than 128 MiB of memory to unpack");
}

}  // namespace
}  // namespace quern
