#include "jobs/corpus/kept_tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace quern::corpus {
namespace {

// Counts how many share its vocabulary.
class FakeTokenizer : public Tokenizer {
 public:
  explicit FakeTokenizer(std::shared_ptr<const int> vocabulary)
      : vocabulary_(std::move(vocabulary)) {}

  std::unique_ptr<Tokenizer> Another() const override {
    return std::make_unique<FakeTokenizer>(vocabulary_);
  }
  void Encode(std::string_view, std::vector<uint32_t>*) override {}
  uint32_t size() const override { return static_cast<uint32_t>(*vocabulary_); }
  std::optional<uint32_t> end_of_text() const override { return std::nullopt; }
  std::string NoEndOfText() const override { return ""; }
  std::string name() const override { return "fake"; }

 private:
  const std::shared_ptr<const int> vocabulary_;
};

TEST(KeptTokenizer, GivesTheLastOneToWhoeverAsksForTheSame) {
  KeptTokenizer kept;
  EXPECT_EQ(kept.Get("a"), nullptr);
  const auto first = std::make_shared<const int>(7);
  kept.Keep("a", FakeTokenizer(first));
  ASSERT_NE(kept.Get("a"), nullptr);
  EXPECT_EQ(kept.Get("a")->size(), 7u);
  EXPECT_EQ(kept.Get("b"), nullptr);
  EXPECT_EQ(kept.Get(std::nullopt), nullptr);
  EXPECT_EQ(first.use_count(), 2);  // ours, and the one that is kept
  kept.Keep(std::nullopt, FakeTokenizer(std::make_shared<const int>(8)));
  EXPECT_EQ(kept.Get("a")->size(), 7u);
  kept.Keep("b", FakeTokenizer(std::make_shared<const int>(9)));
  EXPECT_EQ(kept.Get("a"), nullptr);
  EXPECT_EQ(kept.Get("b")->size(), 9u);
  EXPECT_EQ(first.use_count(), 1);
}

TEST(KeptTokenizer, KnowsAFileByItsLinksAndNotAfterAChange) {
  const TempDir dir;
  const std::string path = dir / "vocabulary";
  EXPECT_EQ(IdentityOfFile(path), std::nullopt);
  std::ofstream(path) << "one";
  const auto before = IdentityOfFile(path);
  ASSERT_TRUE(before.has_value());
  std::filesystem::create_hard_link(path, dir / "link");
  EXPECT_EQ(IdentityOfFile(dir / "link"), before);
  EXPECT_EQ(IdentityOfFile(path), before);
  std::ofstream(path) << "three";
  EXPECT_NE(IdentityOfFile(path), before);
}

}  // namespace
}  // namespace quern::corpus
