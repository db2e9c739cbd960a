#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/text/bpe.h"
#include "tests/jobs/local_jobs.h"
#include "tests/jobs/text/small_sentencepiece.h"
#include "tests/jobs/text/small_vocabulary.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

class TokenizeJobTest : public LocalJobsTest {
 protected:
  TokenizeJobTest() {
    std::ofstream(dir_ / "encoder.json") << files_.encoder_json;
    std::ofstream(dir_ / "vocab.bpe") << files_.vocab_bpe;
  }
  pb::JobSpec TokenizeSpec(const std::string& documents) {
    std::ofstream(dir_ / "docs", std::ios::binary) << documents;
    pb::JobSpec spec = Spec("tokenize", dir_ / "docs");
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_tasks(0);
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_overwrite(true);
    AddFile("encoder.json", &spec);
    AddFile("vocab.bpe", &spec);
    return spec;
  }
  // One of tests/jobs/text/sentencepiece/ instead of the vocabulary.
  static void UseModel(const std::string& name, pb::JobSpec* spec) {
    UseFile("sentencepiece/" + name, spec);
  }
  // One below tests/jobs/text/.
  static void UseFile(const std::string& path, pb::JobSpec* spec) {
    const std::string name = path.substr(path.rfind('/') + 1);
    spec->clear_files();
    pb::JobSpec::SideFile* const file = spec->add_files();
    file->set_name(name);
    file->mutable_file()->set_path("file://" QUERN_SOURCE_DIR "/tests/jobs/text/" + path);
    (*spec->mutable_params())["model"] = name;
  }
  void AddFile(const std::string& name, pb::JobSpec* spec) {
    pb::JobSpec::SideFile* const file = spec->add_files();
    file->set_name(name);
    file->mutable_file()->set_path("file://" + dir_ / name);
  }
  std::string Output() { return Shell("cat " + dir_ / "out/part-m-*").out; }
  // As the job writes them.
  std::string TokensOf(std::string_view text) {
    std::vector<uint32_t> tokens;
    text::BpeEncoder(&vocabulary_).Encode(text, &tokens);
    return fmt::format("[{}]", fmt::join(tokens, ", "));
  }

  const text::Trained files_ = text::Train("the cat sat on the mat and that was that", 20);
  const text::BpeVocabulary vocabulary_{files_.encoder_json, files_.vocab_bpe};
};

TEST_F(TokenizeJobTest, GivesTheTokensOfEachDocument) {
  const pb::JobSpec spec = TokenizeSpec(
      "{\"id\": \"a\", \"text\": \"the cat \\u4e2d\"}\n"
      "{\"text\": \"that mat\", \"id\": 7}\n"
      "\n"
      "{\"id\": \"none\"}\n"
      "{\"text\": \"cut\n"
      "{\"id\": \"empty\", \"text\": \"\"}\n");
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(), "{\"id\": \"a\", \"tokens\": " + TokensOf("the cat 中") +
                          "}\n{\"id\": \"7\", \"tokens\": " + TokensOf("that mat") +
                          "}\n{\"id\": \"empty\", \"tokens\": []}\n");
  for (const char* counter : {"user.documents = 3", "user.documents_without_text = 1",
                              "user.lines_of_bad_json = 1", "user.bytes_of_text = 19"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
}

TEST_F(TokenizeJobTest, TakesOtherFieldsAndEndsDocuments) {
  pb::JobSpec spec = TokenizeSpec("{\"id\": \"a\", \"body\": \"that\", \"text\": \"no\"}\n");
  (*spec.mutable_params())["field"] = "body";
  (*spec.mutable_params())["end_of_text"] = "true";
  ExpectSucceeds(spec);
  std::string tokens = TokensOf("that");
  tokens.insert(tokens.size() - 1, fmt::format(", {}", *vocabulary_.end_of_text()));
  EXPECT_EQ(Output(), "{\"id\": \"a\", \"tokens\": " + tokens + "}\n");
  (*spec.mutable_params())["end_of_text"] = "";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.end_of_text = '': must be true or false"));
}

TEST_F(TokenizeJobTest, LinesAndBytesOfAnyKindAreText) {
  pb::JobSpec spec = TokenizeSpec("the\xff mat\n");
  spec.mutable_inputs(0)->set_format("text");
  ExpectSucceeds(spec);
  EXPECT_THAT(Output(), HasSubstr(":0\", \"tokens\": " + TokensOf("the\xff mat") + "}\n"));
}

TEST_F(TokenizeJobTest, SaysWhatIsWrongWithTheVocabulary) {
  pb::JobSpec spec = TokenizeSpec("{\"text\": \"x\"}\n");
  spec.clear_files();
  EXPECT_THAT(Run(spec).out, HasSubstr("files: the job has none called 'encoder.json'"));
  AddFile("encoder.json", &spec);
  AddFile("vocab.bpe", &spec);
  std::ofstream(dir_ / "vocab.bpe") << "t h\nq z\n";
  EXPECT_THAT(Run(spec).out, HasSubstr("files: vocab.bpe: line 2 'q z': one of the two"));
  std::ofstream(dir_ / "encoder.json") << "{\"a\": 1}";
  EXPECT_THAT(Run(spec).out, HasSubstr("encoder.json: no token stands for the byte 0"));
  std::ofstream(dir_ / "encoder.json").close();
  EXPECT_THAT(Run(spec).out, HasSubstr("encoder.json: is empty or cannot be read. Try: "));
  EXPECT_EQ(Run(spec).exit_code, 1);
}

// The ids are those of tests/jobs/text/sentencepiece_test.cc.
TEST_F(TokenizeJobTest, SentencePieceModelsTakeThePlaceOfTheVocabulary) {
  pb::JobSpec spec = TokenizeSpec(
      "{\"id\": \"a\", \"text\": \"  blanks  at   both ends  \"}\n"
      "{\"id\": \"b\", \"text\": \" \"}\n"
      "{\"id\": \"c\", \"text\": \"\"}\n");
  UseModel("unigram.model", &spec);
  ExpectSucceeds(spec);
  EXPECT_EQ(Output(),
            "{\"id\": \"a\", \"tokens\": [336, 301, 307, 445, 262, 259, 286, 259, 282, 340, 259, "
            "316, 260, 262]}\n"
            "{\"id\": \"b\", \"tokens\": []}\n{\"id\": \"c\", \"tokens\": []}\n");
  UseModel("bpe.model", &spec);
  (*spec.mutable_params())["end_of_text"] = "true";
  ExpectSucceeds(spec);
  EXPECT_EQ(Output(),
            "{\"id\": \"a\", \"tokens\": [336, 336, 25, 347, 36, 361, 345, 336, 133, 336, 336, "
            "25, 58, 343, 336, 337, 14, 345, 336, 336, 2]}\n"
            "{\"id\": \"b\", \"tokens\": [336, 336, 2]}\n{\"id\": \"c\", \"tokens\": [2]}\n");
}

// The ids are those of tests/jobs/text/tokenizers/expected.jsonl.
TEST_F(TokenizeJobTest, FilesOfOtherLibrariesTakeThePlaceOfTheVocabularyToo) {
  pb::JobSpec spec = TokenizeSpec("{\"id\": \"a\", \"text\": \"1 12 123 the cat\"}\n");
  UseFile("tokenizers/qwen2.json", &spec);
  (*spec.mutable_params())["end_of_text"] = "true";
  ExpectSucceeds(spec);
  EXPECT_EQ(Output(),
            "{\"id\": \"a\", \"tokens\": [17, 221, 17, 18, 221, 17, 18, 19, 259, 417, 0]}\n");
  (*spec.mutable_params())["pattern"] = "cl100k";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.pattern: is for a .tiktoken file, and qwen2.json"));
  UseFile("tokenizers/small.tiktoken", &spec);
  EXPECT_THAT(Run(spec).out, HasSubstr("params.end_of_text: small.tiktoken is a file of tiktoken, "
                                       "and those have no such token. Try: --set "
                                       "params.end_of_text=ID"));
  (*spec.mutable_params())["end_of_text"] = "70000";
  ExpectSucceeds(spec);
  EXPECT_EQ(Output(),
            "{\"id\": \"a\", \"tokens\": [16, 220, 271, 220, 310, 258, 220, 341, 70000]}\n");
  (*spec.mutable_params())["pattern"] = "cl200k";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.pattern = 'cl200k': small.tiktoken is a file of "
                                       "tiktoken, which does not say how text is cut"));
}

TEST_F(TokenizeJobTest, SaysWhatIsWrongWithAModel) {
  pb::JobSpec spec = TokenizeSpec("{\"text\": \"x\"}\n");
  (*spec.mutable_params())["model"] = "t.model";
  EXPECT_THAT(Run(spec).out, HasSubstr("files: the job has none called 't.model'"));
  AddFile("t.model", &spec);
  std::ofstream(dir_ / "t.model") << "neither of them";
  EXPECT_THAT(Run(spec).out,
              HasSubstr("files: t.model: is no SentencePiece model, or a damaged one. Try: "
                        "--files DIR/FILE --set params.model=FILE, a tokenizer.json, a .tiktoken "
                        "file or a model that sentencepiece has trained"));
  std::ofstream(dir_ / "t.model") << "{\"model\": {\"type\": \"WordPiece\"}}";
  EXPECT_THAT(Run(spec).out, HasSubstr("files: t.model: pre_tokenizer: null is not supported"));
  std::ofstream(dir_ / "t.model").close();
  EXPECT_THAT(Run(spec).out, HasSubstr("t.model: is empty or cannot be read. Try: --files"));
  const text::ModelParts endless{
      .pieces = {{"<unk>", 0, text::SentencePieceModel::Type::kUnknown}, {"x", -1}}};
  std::ofstream(dir_ / "t.model", std::ios::binary) << text::ModelOf(endless);
  ExpectSucceeds(spec);
  (*spec.mutable_params())["end_of_text"] = "true";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.end_of_text: t.model has no piece </s>"));
}

}  // namespace
}  // namespace quern::mr
