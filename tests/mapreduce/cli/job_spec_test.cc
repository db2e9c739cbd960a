#include "mapreduce/cli/job_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/cli/command_line.h"
#include "mapreduce/cli/addition.h"

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kFull[] = R"(
name = "inverted index"
plugin = "libinverted_index.so"
arguments = ["params.pattern", "params.mode"]

[[input]]
path = "/in/*.txt"
mapper = "InvertedIndexMapper"

[[input]]
path = "/fixed"
format = "fixed"
record_bytes = 100

[reduce]
tasks = 8
class = "InvertedIndexReducer"
partitioner = "range"

[output]
path = "/out"
format = "raw"
replication = 2

[limits]
memory = "256MiB"
attempts = 2
timeout = "90s"

[params]
stopwords = "the,of"
depth = 3
)";

TEST(JobSpec, DeclaresNamedOutputs) {
  SpecFile file = *ParseSpec(R"(
[output]
path = "/out"
files = "train-{i:05}.zst"
[outputs.rejected]
path = "/bad"
codec = "zstd"
[outputs.rest]
)",
                             "job.toml");
  EXPECT_TRUE(SetSpecKey("outputs.rest.format=raw", &file).ok());
  EXPECT_TRUE(SetSpecKey("outputs.new.files={i}.gz", &file).ok());
  EXPECT_EQ(file.spec.output().files(), "train-{i:05}.zst");
  ASSERT_EQ(file.spec.outputs_size(), 3);
  EXPECT_EQ(file.spec.outputs(0).name(), "rejected");
  EXPECT_EQ(file.spec.outputs(0).output().path(), "/bad");
  EXPECT_EQ(file.spec.outputs(0).output().codec(), "zstd");
  EXPECT_EQ(file.spec.outputs(1).output().format(), "raw");
  EXPECT_EQ(file.spec.outputs(2).output().files(), "{i}.gz");
  for (const char* wrong : {"outputs.rejected.pth=/x", "outputs.rejected=/x",
                            "outputs.a=", "outputs.rejected.overwrite=true"}) {
    const absl::Status status = SetSpecKey(wrong, &file);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("unknown key: an output has path, format, codec, files"));
  }
  EXPECT_EQ(file.spec.outputs_size(), 3) << "a wrong key declares nothing";
  EXPECT_THAT(std::string(ParseSpec("[[outputs]]\nname = \"x\"", "j").status().message()),
              HasSubstr("write [outputs.NAME], once for each output"));
  EXPECT_THAT(std::string(ParseSpec("[outputs]\nrejected = \"/x\"", "j").status().message()),
              HasSubstr("write [outputs.NAME], once for each output"));
}

TEST(JobSpec, ParametersThatTheJobDoesNotReadAreRefused) {
  const auto file_with = [](std::string_view toml, std::string_view setting) {
    SpecFile file = *ParseSpec(toml, "job.toml");
    EXPECT_TRUE(SetSpecKey(setting, &file).ok());
    return file;
  };
  constexpr char kGrep[] = "name = \"grep\"\nparameters = [\"pattern\", \"invert\"]\n";
  EXPECT_TRUE(CheckParameters(file_with(kGrep, "params.invert=true")).ok());
  const absl::Status unknown = CheckParameters(file_with(kGrep, "params.inverted=true"));
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.message()),
              HasSubstr("params.inverted: grep has only pattern, invert. Did you mean "
                        "params.invert?"));
  const auto none = CheckParameters(file_with("name = \"sort\"\nparameters = []\n", "params.x=1"));
  EXPECT_THAT(std::string(none.message()), HasSubstr("params.x: sort has no parameters"));
  EXPECT_TRUE(CheckParameters(file_with("name = \"mine\"\n", "params.x=1")).ok())
      << "a spec that does not say what its classes read";
}

TEST(JobSpec, WhatAJobNeedsIsMissedBeforeItIsSubmitted) {
  const auto problem = [](std::vector<std::string> settings, std::vector<std::string> files) {
    SpecFile file = *ParseSpec(
        "name = \"j\"\n"
        "needs = [\"a.json if tokens unless model\", \"b.bpe if tokens unless model\", \"c\", "
        "\"params.lang if stem\"]\n",
        "job.toml");
    for (const std::string& setting : settings) EXPECT_TRUE(SetSpecKey(setting, &file).ok());
    for (const std::string& path : files) AddSideFile(path, "", &file);
    return std::string(CheckParameters(file).message());
  };
  EXPECT_EQ(problem({}, {"/x/c"}), "");
  EXPECT_EQ(problem({}, {}), "files: the job reads c, which nobody has named. Try: --files DIR/c");
  EXPECT_EQ(problem({"params.tokens=TRUE"}, {"c"}),
            "files: the job reads a.json and b.bpe, which nobody has named. Try: --files "
            "DIR/a.json,DIR/b.bpe");
  EXPECT_EQ(problem({"params.tokens=true"}, {"c", "/v/a.json", "/v/b.bpe"}), "");
  EXPECT_EQ(problem({"params.tokens=true", "params.model=m"}, {"c"}), "");
  for (const char* const off : {"params.tokens=false", "params.tokens=False", "params.tokens=no"}) {
    EXPECT_EQ(problem({off}, {"c"}), "") << off;
  }
  EXPECT_EQ(problem({"params.tokens=${x}"}, {"c"}), "") << "not known yet";
  EXPECT_EQ(problem({"params.stem=true"}, {"c"}),
            "params.lang: must be set with params.stem=true. Try: --set params.lang=VALUE");
  EXPECT_EQ(problem({"params.stem=true", "params.lang=en"}, {"c"}), "");
  for (const char* const none : {"a if", "a when b", "a b"}) {
    const auto parsed = ParseSpec(fmt::format("needs = [\"{}\"]\n", none), "job.toml");
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("is no need of a job")) << none;
  }
}

constexpr char kWithFlags[] = R"(
parameters = ["stop_words: flag", "lang: de|en", "n: 1..9", "fields: list title|body", "other"]
arguments = ["params.other"]
[flags]
fields = "what is searched in"
n = "how many"
lang = "of the stemmer"
stop_words = "are left out"
)";

struct ParsedFlags {
  absl::Status status;
  std::vector<std::string> settings;
  std::string text;
};

ParsedFlags ParseFlags(const std::vector<std::string>& words) {
  CommandLine line;
  std::vector<std::string> arguments;
  line.Arguments(&arguments, 0);
  JobFlags flags;
  flags.Define(ParseSpec(kWithFlags, "job.toml")->flags, &line);
  ParsedFlags parsed{.status = line.Parse(words), .settings = {}, .text = flags.Text()};
  if (!parsed.status.ok()) return parsed;
  auto settings = flags.Settings();
  parsed.status = settings.status();
  if (settings.ok()) parsed.settings = *std::move(settings);
  return parsed;
}

TEST(JobSpec, ParametersAreFlagsWhereTheSpecSaysSo) {
  EXPECT_THAT(ParseFlags({"/in"}).settings, ElementsAre());
  const ParsedFlags all = ParseFlags({"-n", "3", "--lang=de", "--stop-words", "--fields", "a b"});
  EXPECT_TRUE(all.status.ok()) << all.status;
  EXPECT_THAT(all.settings, ElementsAre("params.stop_words=true", "params.lang=de", "params.n=3",
                                        "params.fields=a b"));
  EXPECT_EQ(all.text, " --stop-words --lang de -n 3 --fields 'a b'");
  EXPECT_THAT(std::string(ParseFlags({"--stop-word"}).status.message()),
              HasSubstr("no such flag: --stop-word. Did you mean --stop-words?"));
  EXPECT_EQ(ParseFlags({"--lang", "de", "--lang", "en"}).status.message(),
            "--lang: was given 2 times. Try: once");
  EXPECT_THAT(std::string(ParseFlags({"--fields=a", "--fields=b"}).status.message()),
              HasSubstr("once, as A,B"));
  const std::string help = JobFlagHelp(ParseSpec(kWithFlags, "job.toml")->flags);
  EXPECT_THAT(help, HasSubstr("  --stop-words             are left out\n"
                              "  --lang de|en             of the stemmer\n"
                              "  -n N                     how many\n"
                              "  --fields title|body,...  what is searched in\n"))
      << "in the order of the parameters";
  EXPECT_EQ(JobFlagHelp({}), "");
}

TEST(JobSpec, AnOutputIsAddedWhereTheSpecSaysHow) {
  SpecFile file = *ParseSpec(
      "name = \"index\"\n[append]\nadd = \"my-index add -v\"\nmerge = \"my-index merge\"\n",
      "job.toml");
  file.spec.mutable_output()->set_path("/an index//");
  Addition addition;
  ASSERT_TRUE(addition.Prepare(/*merge=*/true, &file).ok());
  const std::string path = file.spec.output().path();
  ASSERT_TRUE(path.starts_with("/an index/added-")) << path;
  const std::string name = path.substr(std::string("/an index/").size());
  EXPECT_THAT(addition.commands(),
              ElementsAre(ElementsAre("my-index", "add", "-v", "/an index", name),
                          ElementsAre("my-index", "merge", "/an index")));
  file.spec.mutable_output()->set_path("/an index");
  Addition another;
  ASSERT_TRUE(another.Prepare(/*merge=*/false, &file).ok());
  EXPECT_EQ(another.commands().size(), 1u);
  EXPECT_NE(file.spec.output().path(), path) << "a name of its own";
  SpecFile other = *ParseSpec("name = \"sort\"", "job.toml");
  EXPECT_EQ(Addition().Prepare(false, &other).message(),
            "--append: sort does not say how its output is added to another");
  EXPECT_TRUE(IsUsageError(Addition().Prepare(false, &other)));
}

TEST(JobSpec, FlagsThatDoNotGoWithAnAdditionAreRefused) {
  EXPECT_TRUE(Addition::CheckFlags({}).ok());
  EXPECT_TRUE(Addition::CheckFlags({.detach = true, .overwrite = true}).ok());
  EXPECT_TRUE(Addition::CheckFlags({.append = true, .merge = true}).ok());
  EXPECT_TRUE(IsUsageError(Addition::CheckFlags({.merge = true})));
  EXPECT_TRUE(IsUsageError(Addition::CheckFlags({.append = true, .detach = true})));
  EXPECT_TRUE(IsUsageError(Addition::CheckFlags({.append = true, .overwrite = true})));
  EXPECT_TRUE(IsUsageError(Addition::CheckFlags({.append = true, .some_tasks = true})));
}

TEST(JobSpec, FlagsThatCannotBeAreRefusedWhenTheSpecIsRead) {
  const auto told = [](std::string_view flags) {
    const std::string spec = fmt::format(
        "parameters = [\"memory\", \"json\", \"a.b\", \"lang\", \"x\", \"help\"]\n"
        "arguments = [\"params.x\"]\n{}",
        flags);
    return std::string(ParseSpec(spec, "job.toml").status().message());
  };
  EXPECT_EQ(told("[flags]\nlang = \"l\"\n"), "");
  EXPECT_EQ(told("[flags]\nmemory = \"m\"\n"),
            "job.toml:4: flags.memory: mr run has a flag --memory itself. Try: leave it out; --set "
            "params.memory=... sets it");
  EXPECT_THAT(told("[flags]\njson = \"j\"\n"), HasSubstr("mr run has a flag --json itself"));
  EXPECT_THAT(told("[flags]\nhelp = \"h\"\n"), HasSubstr("mr run has a flag --help itself"));
  EXPECT_THAT(told("[flags]\nlanf = \"l\"\n"),
              HasSubstr("`parameters` names no such parameter. Did you mean lang?"));
  EXPECT_THAT(told("[flags]\n\"a.b\" = \"l\"\n"), HasSubstr("has letters, digits and _"));
  EXPECT_THAT(told("[flags]\nx = \"l\"\n"), HasSubstr("an argument sets it already"));
  EXPECT_THAT(told("flags = [\"lang\"]\n"), HasSubstr("job.toml:3: flags: write [flags]"));
  const auto none = ParseSpec("[flags]\nlang = \"l\"\n", "job.toml");
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("names no such parameter"))
      << "a spec that does not say what its classes read";
  SpecFile file = *ParseSpec(kWithFlags, "job.toml");
  EXPECT_FALSE(SetSpecKey("flags.lang=x", &file).ok()) << "is of the file alone";
}

TEST(JobSpec, AWrongSideFileIsToldByHowItBegins) {
  const auto problem = [](const std::string& path, const std::string& start) {
    SpecFile file = *ParseSpec(
        "file_kinds = [\"a.json: json\", \"params.lists: text\", \"params.model: tokenizer\"]\n"
        "[params]\nlists = \"b.txt, c.txt\"\nmodel = \"m\"\n"
        "[files]\n\"/d/a.json\" = \"\"\n\"b.txt\" = \"\"\n\"file:///c.txt\" = \"\"\n\"x/mine\" = "
        "\"m\"\n",
        "job.toml");
    file.parameter_of_file["m"] = "sentencepiece";
    const auto read = [&](const std::string& of) -> absl::StatusOr<std::optional<std::string>> {
      return of == path ? std::optional<std::string>(start) : std::nullopt;
    };
    return std::string(CheckKindsOfFiles(file, read).message());
  };
  EXPECT_EQ(problem("/d/a.json", " \n{\"a\": 1}"), "");
  EXPECT_EQ(problem("/d/a.json", "[]"), "files: /d/a.json: does not begin with an object of JSON");
  EXPECT_EQ(problem("b.txt", "words"), "");
  EXPECT_EQ(problem("b.txt", ""), "params.lists: b.txt: is empty");
  EXPECT_EQ(problem("file:///c.txt", std::string("a\0b", 3)),
            "params.lists: file:///c.txt: is no text");
  for (const char* const good : {"{\"version\": 1}", "IQ== 0\nIg== 1\n", "\n\x0e\n\x05<unk>"}) {
    EXPECT_EQ(problem("x/mine", good), "") << good;
  }
  for (const char* const wrong : {"root:x:0:0:root", "IQ== x",
                                  "\x7f"
                                  "ELF",
                                  " "}) {
    EXPECT_EQ(problem("x/mine", wrong),
              "params.sentencepiece: x/mine: begins neither as a tokenizer.json, nor as a "
              ".tiktoken file or a SentencePiece model");
  }
  EXPECT_EQ(problem("not/listed", ""), "") << "and none of those that are not looked at";
  for (const char* const none : {"a", "a: b", "a b: text", ": text", "a: text text"}) {
    const auto parsed = ParseSpec(fmt::format("file_kinds = [\"{}\"]\n", none), "job.toml");
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("is no kind of a file")) << none;
  }
}

TEST(JobSpec, ASpecSaysWhatItsCountersMean) {
  SpecFile file = *ParseSpec(
      "[counters]\nread = [\"documents\", \"pages\"]\nunread = \"bad\"\nkept = [\"kept\"]\n"
      "rejected = [\"rejected\", \"rejected.short\"]\n",
      "job.toml");
  const pb::JobSpec::CounterMeanings& meanings = file.spec.counter_meanings();
  EXPECT_THAT(meanings.read(), ElementsAre("documents", "pages"));
  EXPECT_THAT(meanings.unread(), ElementsAre("bad"));
  EXPECT_THAT(meanings.kept(), ElementsAre("kept"));
  EXPECT_THAT(meanings.rejected(), ElementsAre("rejected", "rejected.short"));
  EXPECT_TRUE(SetSpecKey("counters.read=lines", &file).ok());
  EXPECT_THAT(meanings.read(), ElementsAre("lines")) << "instead of those of the file";
  EXPECT_TRUE(SetSpecKey("counters.read=", &file).ok());
  EXPECT_THAT(meanings.read(), ElementsAre());
  EXPECT_EQ(SetSpecKey("counters.reed=x", &file).message(),
            "counters.reed: unknown key. Did you mean counters.read?");
  for (const char* const wrong : {"[counters]\nseen = [\"a\"]\n", "counters = [\"a\"]\n",
                                  "[counters.read]\ndocuments = true\n"}) {
    const auto parsed = ParseSpec(wrong, "job.toml");
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("job.toml:")) << wrong;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("counters")) << wrong;
  }
}

TEST(JobSpec, AKeyThatIsAParameterSaysSo) {
  SpecFile file =
      *ParseSpec("parameters = [\"n: 1..9\", \"gap_seconds\"]\n[params]\nmine = 1", "j");
  const auto told = [&file](const char* setting) {
    return std::string(SetSpecKey(setting, &file).message());
  };
  EXPECT_EQ(told("n=5"), "n: unknown key. Did you mean params.n?");
  EXPECT_EQ(told("mine=5"), "mine: unknown key. Did you mean params.mine?");
  EXPECT_EQ(told("gap_second=5"), "gap_second: unknown key. Did you mean params.gap_seconds?");
  EXPECT_EQ(told("limits.memori=5"), "limits.memori: unknown key. Did you mean limits.memory?");
  EXPECT_EQ(told("nothing.of.it=5"), "nothing.of.it: unknown key");
  EXPECT_EQ(file.spec.params().size(), 1u) << "a wrong key sets nothing";
}

TEST(JobSpec, ValuesThatTheJobCannotReadAreRefused) {
  constexpr char kSpec[] =
      "parameters = [\"pattern: regex\", \"invert: flag\", \"n: 1..20\", \"gap: 0..\", \"any\"]\n";
  const auto told = [&](const std::string& setting) {
    SpecFile file = *ParseSpec(kSpec, "job.toml");
    EXPECT_TRUE(SetSpecKey("params." + setting, &file).ok());
    return std::string(CheckParameters(file).message());
  };
  for (const char* good : {"pattern=a(b|c)*", "invert=TRUE", "invert=false", "n=1", "n=20",
                           "gap=9223372036854775807", "any=(", "n=${round}"}) {
    EXPECT_EQ(told(good), "") << good;
  }
  EXPECT_THAT(told("pattern=a(b"), HasSubstr("params.pattern: 'a(b': missing )"));
  EXPECT_EQ(told("pattern="), "params.pattern: the pattern is empty");
  EXPECT_EQ(told("invert=yes"), "params.invert: 'yes' is neither true nor false");
  EXPECT_EQ(told("n=0"), "params.n: '0' is not a whole number from 1 to 20");
  EXPECT_THAT(told("gap=-1"), HasSubstr("params.gap: '-1' is not"));
  EXPECT_THAT(told("nn=1"), HasSubstr("has only pattern, invert, n, gap, any"));
  for (const char* wrong : {"n: many", "n: 1", "n: x..2", "a: b: c"}) {
    const auto file = ParseSpec(fmt::format("parameters = [\"{}\"]", wrong), "job.toml");
    EXPECT_THAT(std::string(file.status().message()), HasSubstr("job.toml:1: parameters: '"));
  }
}

TEST(JobSpec, ValuesAreNumbersWordsNamesAndListsOfThem) {
  constexpr char kSpec[] =
      "parameters = [\"d: real 0..1\", \"t: real|off\", \"m: real 0.5..\", \"keep: first|longest\","
      "\"step: large|small|0..\", \"in: list any|language\", \"of: list count|sum(*)\","
      "\"field: name\", \"stop: file\"]\n[files]\n\"/lists/stop.txt\" = \"stop\"\n";
  const auto told = [&](const std::string& setting) {
    SpecFile file = *ParseSpec(kSpec, "job.toml");
    EXPECT_TRUE(SetSpecKey("params." + setting, &file).ok());
    return std::string(CheckParameters(file).message());
  };
  for (const char* good :
       {"d=0", "d=1", "d=0.85", "d=1e-10", "t=off", "t=-7.5", "m=0.5", "m=1e300", "keep=longest",
        "step=small", "step=7", "in=en", "in=zh-Hant, any", "of=count", "of=sum(a b),count",
        "field=a", "stop=stop", "d=${counter:moved}"}) {
    EXPECT_EQ(told(good), "") << good;
  }
  for (const char* wrong : {"1.5", "-0.1", "abc", "nan", "inf", "", "0.5x", " 1", "1e999"}) {
    EXPECT_EQ(told(fmt::format("d={}", wrong)),
              fmt::format("params.d: '{}' is not a number from 0 to 1", wrong));
  }
  EXPECT_EQ(told("t=inf"), "params.t: 'inf' is not a number or off");
  EXPECT_EQ(told("m=0"), "params.m: '0' is not a number from 0.5");
  EXPECT_EQ(told("keep="), "params.keep: '' is not first or longest");
  EXPECT_EQ(told("step=-1"), "params.step: '-1' is not large, small or a whole number from 0");
  EXPECT_EQ(told("in=en,english"),
            "params.in: 'english' is not any or the code of a language such as en or zh-Hant");
  EXPECT_THAT(told("in=en,,de"), HasSubstr("params.in: '' is not"));
  EXPECT_EQ(told("of=sum()"), "params.of: 'sum()' is not count or sum(*)");
  EXPECT_EQ(told("field="), "params.field: must not be empty");
  EXPECT_EQ(told("stop=none"), "params.stop: 'none' is not the name of a file given with --files");
  for (const char* wrong : {"n: first", "n: real x..1", "n: real0..1", "n: list", "n: A|B"}) {
    const auto file = ParseSpec(fmt::format("parameters = [\"{}\"]", wrong), "job.toml");
    EXPECT_THAT(std::string(file.status().message()), HasSubstr("is no form of a value")) << wrong;
  }
}

TEST(JobSpec, ReadsEveryPartOfAFile) {
  const auto file = ParseSpec(kFull, "job.toml");
  ASSERT_TRUE(file.ok()) << file.status();
  const pb::JobSpec& spec = file->spec;
  EXPECT_EQ(spec.name(), "inverted index");
  EXPECT_EQ(file->plugin, "libinverted_index.so");
  EXPECT_THAT(file->arguments, ElementsAre("params.pattern", "params.mode"));
  ASSERT_EQ(spec.inputs_size(), 2);
  EXPECT_EQ(spec.inputs(0).path(), "/in/*.txt");
  EXPECT_EQ(spec.inputs(1).record_bytes(), 100u);
  EXPECT_EQ(spec.reduce().tasks(), 8u);
  EXPECT_EQ(spec.reduce().reducer(), "InvertedIndexReducer");
  EXPECT_EQ(spec.output().replication(), 2u);
  EXPECT_EQ(spec.limits().memory_bytes(), uint64_t{256} << 20);
  EXPECT_EQ(spec.limits().timeout_ms(), 90'000u);
  EXPECT_TRUE(spec.limits().deterministic()) << "unless the spec says otherwise";
  EXPECT_EQ(spec.params().at("stopwords"), "the,of");
  EXPECT_EQ(spec.params().at("depth"), "3");
}

TEST(JobSpec, ValuesOfParamsAreAnyBytesAndTheirNamesAreText) {
  SpecFile file;
  ASSERT_TRUE(SetSpecKey("params.where=caf\xe9", &file).ok());
  ASSERT_TRUE(SetSpecKey("name=caf\xe9", &file).ok());
  ASSERT_FALSE(SetSpecKey("params.caf\xe9=1", &file).ok());
  pb::JobSpec received;
  ASSERT_TRUE(received.ParseFromString(file.spec.SerializeAsString()));
  EXPECT_EQ(received.params().at("where"), "caf\xe9");
  EXPECT_EQ(received.name(), "caf\xe9");
}

TEST(JobSpec, LeavesTheNumberOfReduceTasksOpen) {
  EXPECT_FALSE(ParseSpec("name = \"x\"", "x")->spec.reduce().has_tasks());
  EXPECT_TRUE(ParseSpec("[reduce]\ntasks = 0", "x")->spec.reduce().has_tasks());
}

TEST(JobSpec, NamesFileLineAndKeyOfWhatIsWrong) {
  struct Case {
    std::string toml;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {"name = \"x\"\n[reduce]\ntask = 3",
       "job.toml:3: reduce.task: unknown key. Did you mean "
       "reduce.tasks?"},
      {"[reduces]\ntasks = 3", "reduces.tasks: unknown key. Did you mean reduce.tasks?"},
      {"[reduce]\ntasks = -1", "'-1' is not a whole number"},
      {"[reduce]\ntasks = \"many\"", "reduce.tasks"},
      {"[limits]\nmemory = \"lots\"", "limits.memory"},
      {"[limits]\ntimeout = \"soon\"", "limits.timeout"},
      {"[limits]\ntimeout = \"0s\"", "limits.timeout: '0s' is no limit"},
      {"[limits]\nsplit = \"0\"", "limits.split: '0' is no limit"},
      {"[limits]\nmemory = \"0MiB\"", "limits.memory: '0MiB' is no limit"},
      {"name = \"\"", "name: is empty"},
      {"map = \"cat\"\nreduce = \"-1\"", "reduce: '-1' is a number and no command"},
      {"[output]\noverwrite = \"maybe\"", "'maybe' is neither true nor false"},
      {"[input]\npath = \"/in\"", "write [[input]]"},
      {"map = \" \"", "job.toml:1: map: the command is empty"},
      {"name = ", "job.toml:1"},
  };
  for (const Case& c : cases) {
    const auto file = ParseSpec(c.toml, "job.toml");
    ASSERT_FALSE(file.ok()) << c.toml;
    EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(file.status().ToString(), HasSubstr(c.expected));
  }
}

TEST(JobSpec, NamesSideFilesByTheirPathUnlessTheSpecDoes) {
  const auto file = ParseSpec("[files]\n\"/lists/stop.txt\" = \"stop\"\n\"x/y.bin\" = \"\"", "s");
  ASSERT_TRUE(file.ok()) << file.status();
  const std::vector<std::pair<std::string, std::string>> want = {{"/lists/stop.txt", "stop"},
                                                                 {"x/y.bin", "y.bin"}};
  EXPECT_EQ(file->files, want);
}

TEST(JobSpec, InputsOfOneDirectoryAreNamedByIt) {
  SpecFile file = *ParseSpec(R"(
answers = true
hint = "DIR holds both"
arguments = ["input.under", "params.who"]
[[input]]
path = "kept"
[[input]]
path = "dropped/*"
)",
                             "job.toml");
  EXPECT_TRUE(file.answers);
  EXPECT_EQ(file.hint, "DIR holds both");
  EXPECT_TRUE(SetSpecKey(file.arguments[0], "file:///a dir//", &file).ok());
  EXPECT_EQ(file.spec.inputs(0).path(), "file:///a dir/kept");
  EXPECT_EQ(file.spec.inputs(1).path(), "file:///a dir/dropped/*");
  EXPECT_THAT(ParseSpec("answers = 1", "job.toml").status().message(),
              HasSubstr("answers: '1' is neither true nor false"));
}

TEST(JobSpec, SetsAnyKeyFromTheCommandLine) {
  SpecFile file = *ParseSpec(kFull, "job.toml");
  for (const char* assignment : {"reduce.tasks=2", "limits.memory=64MiB", "input.format=jsonl",
                                 "params.pattern=a=b", "output.overwrite=true"}) {
    EXPECT_TRUE(SetSpecKey(assignment, &file).ok()) << assignment;
  }
  EXPECT_EQ(file.spec.reduce().tasks(), 2u);
  EXPECT_EQ(file.spec.inputs(1).format(), "jsonl") << "all inputs";
  EXPECT_EQ(file.spec.params().at("pattern"), "a=b") << "only the first = divides";
  EXPECT_TRUE(file.spec.output().overwrite());
  EXPECT_FALSE(SetSpecKey("reduce.tasks", &file).ok());
  EXPECT_FALSE(SetSpecKey("=3", &file).ok());
  EXPECT_THAT(SetSpecKey("limits.memori=3", &file).ToString(), HasSubstr("limits.memory?"));
}

}  // namespace
}  // namespace quern::mr
