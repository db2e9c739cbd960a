// The files of tokens, read back by readers of their own.
#include "jobs/corpus/token_files.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/jobs/corpus/token_readers.h"
#include "tests/support/random_test.h"

namespace quern::corpus {
namespace {

using Documents = std::vector<std::vector<uint32_t>>;

class TokenFilesTest : public RandomTest {
 protected:
  // Adds all; the file of tokens, and the index.
  void Write(const Documents& documents, TokenFiles* files) {
    for (const auto& document : documents) tokens_ += files->Add(document);
    files->WriteIndex([this](std::string_view piece) { index_ += piece; });
  }
  Documents RandomDocuments(size_t count, uint32_t vocabulary) {
    Documents documents(count);
    for (auto& document : documents) {
      for (uint64_t i = 1 + Below(30); i > 0; --i) {
        document.push_back(static_cast<uint32_t>(Below(vocabulary)));
      }
    }
    return documents;
  }

  std::string tokens_;
  std::string index_;
};

TEST_F(TokenFilesTest, MegatronsBytes) {
  TokenFiles files(TokenForm::kMegatron, 50'257);
  Write({{464, 50'256}, {}, {1}}, &files);
  EXPECT_EQ(tokens_, std::string("\xd0\x01\x50\xc4\x01\x00", 6));
  EXPECT_EQ(index_, std::string("MMIDIDX\0\0"
                                "\1\0\0\0\0\0\0\0"
                                "\x8"
                                "\2\0\0\0\0\0\0\0"
                                "\3\0\0\0\0\0\0\0"
                                "\2\0\0\0\1\0\0\0"
                                "\0\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0"
                                "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0",
                                9 + 8 + 1 + 16 + 8 + 16 + 24));
}

TEST_F(TokenFilesTest, AVocabularyThatDoesNotFitTakesFourBytes) {
  EXPECT_EQ(TokenFiles(TokenForm::kMegatron, 65'499).token_bytes(), 2u);
  EXPECT_EQ(TokenFiles(TokenForm::kMegatron, 65'500).token_bytes(), 4u);
  for (const TokenForm form : {TokenForm::kNanoGpt, TokenForm::kDatatrove}) {
    EXPECT_EQ(TokenFiles(form, 65'536).token_bytes(), 2u);
    EXPECT_EQ(TokenFiles(form, 65'537).token_bytes(), 4u);
  }
}

// More documents than one piece of an index holds.
TEST_F(TokenFilesTest, AreReadBackAsTheyWere) {
  for (const uint32_t vocabulary : {65'000u, 200'000u}) {
    const Documents documents = RandomDocuments(20'000, vocabulary);
    for (const TokenForm form : {TokenForm::kMegatron, TokenForm::kDatatrove}) {
      TokenFiles files(form, vocabulary);
      tokens_.clear();
      index_.clear();
      Write(documents, &files);
      const auto read = form == TokenForm::kMegatron
                            ? ReadMegatron(tokens_, index_)
                            : ReadDatatrove(tokens_, index_, files.token_bytes());
      ASSERT_TRUE(read == documents) << vocabulary;
      EXPECT_EQ(files.documents(), documents.size());
    }
  }
}

TEST_F(TokenFilesTest, NanoGptHasNoIndex) {
  TokenFiles files(TokenForm::kNanoGpt, 50'257);
  Write({{1, 2}, {3}}, &files);
  EXPECT_EQ(tokens_, std::string("\1\0\2\0\3\0", 6));
  EXPECT_EQ(index_, "");
}

TEST_F(TokenFilesTest, NoDocumentsAreAnIndexToo) {
  TokenFiles files(TokenForm::kMegatron, 100);
  Write({}, &files);
  EXPECT_EQ(index_.size(), 9u + 8 + 1 + 16 + 8);
  EXPECT_TRUE(ReadMegatron(tokens_, index_).empty());
}

TEST_F(TokenFilesTest, MetadataSayHowManyTokens) {
  const auto metadata = [this](size_t tokens) {
    TokenFiles files(TokenForm::kDatatrove, 100);
    Write({std::vector<uint32_t>(tokens, 1)}, &files);
    return files.Metadata("gpt2");
  };
  EXPECT_EQ(metadata(0), "gpt2|2\n0\n0 T");
  EXPECT_EQ(metadata(999), "gpt2|2\n999\n999 T");
  EXPECT_EQ(metadata(1'500), "gpt2|2\n1500\n1.50 kT");
  EXPECT_EQ(metadata(99'960), "gpt2|2\n99960\n100 kT");
  EXPECT_EQ(metadata(4'516'191), "gpt2|2\n4516191\n4.52 MT");
}

}  // namespace
}  // namespace quern::corpus
