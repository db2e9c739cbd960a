// Files of tokens, from documents to what a training program reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "jobs/text/bpe.h"
#include "jobs/text/json.h"
#include "tests/jobs/corpus/token_readers.h"
#include "tests/jobs/local_jobs.h"
#include "tests/jobs/text/small_vocabulary.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using Documents = std::vector<std::vector<uint32_t>>;

class TokenShardsTest : public LocalJobsTest {
 protected:
  TokenShardsTest() {
    std::ofstream(dir_ / "encoder.json") << files_.encoder_json;
    std::ofstream(dir_ / "vocab.bpe") << files_.vocab_bpe;
    std::string lines;
    for (uint64_t i = 0; i < 400; ++i) {
      std::string text;
      for (uint64_t word = Below(30); word > 0; --word)
        text += (word % 2 == 0) ? " that" : "the cat";
      lines += fmt::format("{{\"id\": \"d{}\", \"text\": \"{}\"}}\n", Below(300), text);
    }
    std::ofstream(dir_ / "docs") << lines;
  }
  pb::JobSpec TokensSpec(const std::string& reducer, const std::string& extension) {
    pb::JobSpec spec = Spec("token_shards", dir_ / "docs");
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_reducer(reducer);
    spec.mutable_reduce()->set_partitioner("ShardPartitioner");
    spec.mutable_output()->set_format("bytes");
    spec.mutable_output()->set_files("t-{i}" + extension);
    spec.mutable_output()->set_overwrite(true);
    for (const char* name : {"encoder.json", "vocab.bpe"}) {
      pb::JobSpec::SideFile* const file = spec.add_files();
      file->set_name(name);
      file->mutable_file()->set_path("file://" + dir_ / name);
    }
    return spec;
  }
  static void AddOutput(const std::string& name, const std::string& extension, pb::JobSpec* spec) {
    pb::JobSpec::NamedOutput* const output = spec->add_outputs();
    output->set_name(name);
    output->mutable_output()->set_path(".");
    output->mutable_output()->set_format("bytes");
    output->mutable_output()->set_files("t-{i}" + extension);
  }
  std::string File(const std::string& name) { return Shell("cat " + dir_ / "out/" + name).out; }

  // What the job `shards` makes of the same documents, its texts as tokens.
  Documents TokensOfShards() {
    pb::JobSpec spec = Spec("shards", dir_ / "docs");
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_partitioner("ShardPartitioner");
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_overwrite(true);
    ExpectSucceeds(spec);
    std::istringstream lines(File("part-r-*"));
    Documents documents;
    for (std::string line; std::getline(lines, line);) {
      const auto fields = text::ReadJsonObject(line);
      const auto text = text::ReadJsonString(text::FindField(*fields, "text")->value);
      text::BpeEncoder(&vocabulary_).Encode(*text, &documents.emplace_back());
      documents.back().push_back(*vocabulary_.end_of_text());
    }
    return documents;
  }

  const text::Trained files_ = text::Train("the cat sat on the mat and that was that", 20);
  const text::BpeVocabulary vocabulary_{files_.encoder_json, files_.vocab_bpe};
};

TEST_F(TokenShardsTest, MegatronsFilesHaveTheShardsInTheirOrder) {
  const Documents want = TokensOfShards();
  ASSERT_EQ(want.size(), 400u);
  pb::JobSpec spec = TokensSpec("MegatronReducer", ".bin");
  AddOutput("index", ".idx", &spec);
  for (const uint64_t split_bytes : {1'000, 1'000'000}) {
    spec.mutable_limits()->set_split_bytes(split_bytes);
    ExpectSucceeds(spec);
    Documents read;
    for (const char* shard : {"t-0", "t-1", "t-2"}) {
      for (auto& document : corpus::ReadMegatron(File(std::string(shard) + ".bin"),
                                                 File(std::string(shard) + ".idx"))) {
        read.push_back(std::move(document));
      }
    }
    EXPECT_EQ(read, want);
  }
}

TEST_F(TokenShardsTest, DatatrovesAndNanoGptsToo) {
  const Documents want = TokensOfShards();
  pb::JobSpec spec = TokensSpec("DatatroveReducer", ".ds");
  AddOutput("index", ".ds.index", &spec);
  AddOutput("metadata", ".ds.metadata", &spec);
  (*spec.mutable_params())["tokenizer"] = "small";
  ExpectSucceeds(spec);
  Documents read;
  std::vector<uint32_t> all;
  for (const char* shard : {"t-0.ds", "t-1.ds", "t-2.ds"}) {
    size_t tokens = 0;
    for (auto& document :
         corpus::ReadDatatrove(File(shard), File(std::string(shard) + ".index"), 2)) {
      tokens += document.size();
      all.insert(all.end(), document.begin(), document.end());
      read.push_back(std::move(document));
    }
    EXPECT_THAT(File(std::string(shard) + ".metadata"),
                HasSubstr(fmt::format("small|2\n{}\n", tokens)));
  }
  EXPECT_EQ(read, want);
  ExpectSucceeds(TokensSpec("NanoGptReducer", ".bin"));
  EXPECT_EQ(corpus::ReadTokens(File("t-*.bin"), 2), all);
}

TEST_F(TokenShardsTest, AShardWithoutDocumentsHasItsFiles) {
  std::ofstream(dir_ / "docs") << "{\"id\": \"a\", \"text\": \"\"}\n";
  pb::JobSpec spec = TokensSpec("DatatroveReducer", ".ds");
  AddOutput("index", ".ds.index", &spec);
  AddOutput("metadata", ".ds.metadata", &spec);
  (*spec.mutable_params())["end_of_text"] = "false";
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("user.documents_without_tokens = 1"));
  EXPECT_EQ(Shell("cd " + dir_ / "out" + "; ls -1 t-*").out,
            "t-0.ds\nt-0.ds.index\nt-0.ds.metadata\nt-1.ds\nt-1.ds.index\nt-1.ds.metadata\n"
            "t-2.ds\nt-2.ds.index\nt-2.ds.metadata\n");
  EXPECT_EQ(File("t-1.ds.metadata"), "quern-bpe|2\n0\n0 T");
}

// The ids are those of tests/jobs/text/sentencepiece_test.cc.
TEST_F(TokenShardsTest, SentencePieceModelsEndDocumentsToo) {
  std::ofstream(dir_ / "docs") << "{\"id\": \"a\", \"text\": \"  blanks  at   both ends  "
                                  "\"}\n{\"id\": \"b\", \"text\": \" \"}\n";
  pb::JobSpec spec = TokensSpec("DatatroveReducer", ".ds");
  AddOutput("index", ".ds.index", &spec);
  AddOutput("metadata", ".ds.metadata", &spec);
  spec.mutable_reduce()->set_tasks(1);
  spec.clear_files();
  pb::JobSpec::SideFile* const file = spec.add_files();
  file->set_name("unigram.model");
  file->mutable_file()->set_path("file://" QUERN_SOURCE_DIR
                                 "/tests/jobs/text/sentencepiece/unigram.model");
  (*spec.mutable_params())["model"] = "unigram.model";
  ExpectSucceeds(spec);
  const Documents read = corpus::ReadDatatrove(File("t-0.ds"), File("t-0.ds.index"), 2);
  const std::vector<uint32_t> blanks = {336, 301, 307, 445, 262, 259, 286, 259,
                                        282, 340, 259, 316, 260, 262, 2};
  EXPECT_THAT(read, ::testing::UnorderedElementsAre(blanks, std::vector<uint32_t>{2}));
  EXPECT_THAT(File("t-0.ds.metadata"), HasSubstr("unigram.model|2\n16\n"));
}

TEST_F(TokenShardsTest, AVocabularyWithoutAnEndIsRefused) {
  std::ofstream(dir_ / "encoder.json")
      << files_.encoder_json.substr(0, files_.encoder_json.find(", \"<|endoftext|>\"")) + "}";
  EXPECT_THAT(Run(TokensSpec("NanoGptReducer", ".bin")).out,
              HasSubstr("params.end_of_text: encoder.json has no token <|endoftext|>. Try: --set "
                        "params.end_of_text=false"));
}

}  // namespace
}  // namespace quern::mr
