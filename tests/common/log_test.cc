#include "common/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/hash.h"
#include "common/ids.h"

namespace quern {
namespace {

TEST(LogTest, TextIsOneLineOfWords) {
  EXPECT_EQ(
      FormatLogLine(LogFormat::kText, "chunk_sealed",
                    {{"chunk", ChunkId(42)},
                     {"bytes", 17},
                     {"share", 0.5},
                     {"last", true},
                     {"path", "/a b/\"c\"\n"},
                     {"empty", ""},
                     {"took", absl::Milliseconds(1500)},
                     {"status", NotFoundError("no such chunk")}}),
      "chunk_sealed chunk=0x2a bytes=17 share=0.5 last=true path=\"/a b/\\\"c\\\"\\n\" empty=\"\" "
      "took=1.5s status=\"NOT_FOUND: no such chunk\"");
  EXPECT_EQ(FormatLogLine(LogFormat::kText, "x", {{"name", "名前"}, {"status", absl::OkStatus()}}),
            "x name=名前 status=OK");
}

TEST(LogTest, JsonParsesWhateverTheValues) {
  const std::string line = FormatLogLine(LogFormat::kJson, "read_failed",
                                         {{"bytes", 17}, {"last", true}, {"path", "\xff\"\\\n"}});
  const auto parsed = nlohmann::json::parse("{" + line + "}");
  EXPECT_EQ(parsed["event"], "read_failed");
  EXPECT_EQ(parsed["bytes"], 17);
  EXPECT_EQ(parsed["last"], true);
  EXPECT_EQ(parsed["path"], "\ufffd\"\\\n");
}

// Stored and sent: these values may never change.
TEST(HashTest, IsTheSameInEveryProcess) {
  EXPECT_EQ(Hash64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(Hash64("quern"), Hash64("quern", 0));
  EXPECT_NE(Hash64("quern", 1), Hash64("quern", 2));
  EXPECT_EQ(HashBytes128("").ToString(), "99aa06d3014798d86001c324468d497f");
  Hasher128 hasher;
  hasher.Update("que");
  hasher.Update("rn");
  EXPECT_EQ(hasher.Digest(), HashBytes128("quern"));
}

TEST(IdsTest, PrintInTheirFixedForms) {
  EXPECT_EQ(fmt::format("{} {} {}", ChunkId(0x2a), InodeId(7), ServerId(3)), "0x2a i7 cs3");
  EXPECT_FALSE(ChunkId());
  EXPECT_LT(ChunkId(1), ChunkId(2));
}

}  // namespace
}  // namespace quern
