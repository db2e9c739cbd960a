// What the specs of the ready-made jobs say of the values of parameters, against the classes of the
// jobs themselves: a value is good for `mr run` if and only if the job's tasks begin with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/cli/cli.h"
#include "mapreduce/cli/job_source.h"
#include "mapreduce/cli/parameter_form.h"
#include "mapreduce/task/plugin.h"
#include "tests/jobs/text/small_sentencepiece.h"
#include "tests/jobs/text/small_vocabulary.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

// What stands in a spec, or in a stage that is one.
struct FormedJob {
  std::string name;
  std::string plugin;
  std::string help;
  Values forms;  // of parameters; empty where the spec says nothing of the value
  struct Class {
    ClassKind kind;
    std::string name;
    std::string format, tag;  // of a mapper's input
  };
  std::vector<Class> classes;
  uint32_t reduce_tasks = 1;
  std::vector<std::string> counters;  // whose meaning the spec says
};

std::string TextOf(const toml::table& table, std::string_view key) {
  return table[key].value_or(std::string());
}

FormedJob ReadFormedJob(const std::string& name, const toml::table& spec) {
  FormedJob job{.name = name, .plugin = TextOf(spec, "plugin"), .help = TextOf(spec, "help")};
  for (const toml::node& entry : *spec["parameters"].as_array()) {
    const std::vector<std::string> parts = SplitList(*entry.value<std::string>(), ':');
    job.forms[parts[0]] = parts.size() > 1 ? parts[1] : "";
  }
  if (const toml::array* const inputs = spec["input"].as_array()) {
    for (const toml::node& input : *inputs) {
      const toml::table& table = *input.as_table();
      const std::string format = TextOf(table, "format");
      job.classes.push_back({ClassKind::kMapper, TextOf(table, "mapper"),
                             format.empty() ? "text" : format, TextOf(table, "tag")});
    }
  }
  const std::string reducer = spec["reduce"]["class"].value_or(std::string());
  if (!reducer.empty()) job.classes.push_back({ClassKind::kReducer, reducer, "", ""});
  job.reduce_tasks = static_cast<uint32_t>(spec["reduce"]["tasks"].value_or(int64_t{1}));
  if (const toml::table* const meanings = spec["counters"].as_table()) {
    for (const auto& [key, names] : *meanings) {
      for (const toml::node& one : *names.as_array()) {
        job.counters.push_back(one.value_or(std::string()));
      }
    }
  }
  return job;
}

// All that come with Quern, the stages of pipelines that are specs of their own too.
std::vector<FormedJob> FormedJobs() {
  std::vector<FormedJob> jobs;
  for (const auto& file : std::filesystem::directory_iterator(std::getenv("QUERN_JOBS"))) {
    if (file.path().extension() != ".toml") continue;
    const toml::table spec = toml::parse_file(file.path().string());
    const std::string name = file.path().stem();
    if (spec.contains("plugin")) jobs.push_back(ReadFormedJob(name, spec));
    const toml::array* const stages = spec["stage"].as_array();
    if (stages == nullptr) continue;
    for (const toml::node& stage : *stages) {
      const toml::table& table = *stage.as_table();
      if (!table.contains("plugin")) continue;
      jobs.push_back(ReadFormedJob(name + "." + TextOf(table, "name"), table));
    }
  }
  return jobs;
}

// The host of objects that are made, begun and thrown away.
class FormTask : public quern_task {
 public:
  FormTask(const FormedJob& job, const FormedJob::Class& of, const Values& params,
           const Values& files)
      : quern_task{}, params_(params), files_(files) {
    size = sizeof(quern_task);
    kind = static_cast<uint32_t>(of.kind);
    host = &kHost;
    output = &output_;
    job_id = {"job-local", 9};
    reduce_tasks = job.reduce_tasks;
    if (of.kind == ClassKind::kMapper) input_format = {of.format.data(), of.format.size()};
    input_tag = {of.tag.data(), of.tag.size()};
  }
  FormTask(const FormTask&) = delete;
  FormTask& operator=(const FormTask&) = delete;

  // Why the class would not begin; empty when it would.
  std::string Start(const quern_class& of) {
    void* self = nullptr;
    if (of.create != nullptr && of.create(this, &self) != QUERN_OK) return "create: " + why_;
    if (of.start != nullptr && of.start(self, this) != QUERN_OK && why_.empty()) why_ = "failed";
    of.destroy(self);
    return why_;
  }
  // Those that the class has made.
  std::set<std::string> Counters() const {
    std::set<std::string> names;
    for (const auto& [name, counter] : counters_) names.insert(name);
    return names;
  }

 private:
  static FormTask* Of(quern_task* task) { return static_cast<FormTask*>(task); }
  static quern_bytes Find(const Values& values, std::string_view name) {
    const auto found = values.find(name);
    if (found == values.end()) return {nullptr, 0};
    return {found->second.data(), found->second.size()};
  }
  static const quern_host kHost;

  const Values& params_;
  const Values& files_;
  std::map<std::string, quern_counter, std::less<>> counters_;
  // What a class emits while it begins goes nowhere.
  quern_output output_ = {
      sizeof(quern_output), 0, nullptr, nullptr,
      [](quern_output*, const char*, size_t, const char*, size_t) { return QUERN_OK; }};
  std::string why_;
};

const quern_host FormTask::kHost = {
    .size = sizeof(quern_host),
    .api = QUERN_API_VERSION,
    .param =
        [](quern_task* task, const char* name, size_t size) {
          return Find(Of(task)->params_, {name, size});
        },
    .counter = [](quern_task* task, const char* name,
                  size_t size) { return &Of(task)->counters_[std::string(name, size)]; },
    .set_status = [](quern_task*, const char*, size_t) {},
    .report =
        [](quern_task* task, int result, const char* reason, size_t size) {
          Of(task)->why_ = std::string(reason, size);
          return result;
        },
    .header =
        [](quern_task*, const char*, size_t) {
          return quern_bytes{nullptr, 0};
        },
    .file =
        [](quern_task* task, const char* name, size_t size) {
          return Find(Of(task)->files_, {name, size});
        },
    .named_output = [](quern_task* task, const char*, size_t) { return &Of(task)->output_; },
};

// Around every number that the form names, every word of it, and what is often meant instead.
std::set<std::string> CandidatesFor(const std::string& form) {
  std::set<std::string> candidates = {"",
                                      " ",
                                      "abc",
                                      "nan",
                                      "inf",
                                      "-inf",
                                      "true",
                                      "FALSE",
                                      "off",
                                      "OFF",
                                      "ALL",
                                      "Any",
                                      "0",
                                      "1",
                                      "-1",
                                      "1.5",
                                      "0.5",
                                      "1e999",
                                      "1e3",
                                      "(",
                                      "a,,",
                                      "en",
                                      "english",
                                      "zh-Hant",
                                      "7x",
                                      "evaluation.jsonl",
                                      "99999999999999999999"};
  re2::StringPiece rest(form);
  std::string number;
  while (RE2::FindAndConsume(&rest, "(-?[0-9]+(?:\\.[0-9]+)?(?:e[0-9]+)?)", &number)) {
    const double value = std::atof(number.c_str());
    for (const double near : {value - 0.001, value + 0.001, value * 1.001, value * 0.999}) {
      candidates.insert(fmt::format("{}", near));
    }
    candidates.insert(number);
    const auto whole = ParseNumber(number, {INT64_MIN + 1, INT64_MAX - 1});
    if (!whole.ok()) continue;
    candidates.insert(std::to_string(*whole - 1));
    candidates.insert(std::to_string(*whole + 1));
  }
  rest = form;
  std::string word;
  while (RE2::FindAndConsume(&rest, "([a-z][a-z0-9_-]*)", &word)) {
    for (const char* behind : {"", "x", "(a)", "()", "("}) candidates.insert(word + behind);
    candidates.insert(word + ", " + word + "x");
  }
  return candidates;
}

class ParameterFormsTest : public ::testing::Test {
 protected:
  ParameterFormsTest() {
    const text::Trained vocabulary = text::FilesOf({});
    AddFile("encoder.json", vocabulary.encoder_json);
    AddFile("vocab.bpe", vocabulary.vocab_bpe);
    AddFile("tokenizer.model",
            text::ModelOf({.pieces = {{"<unk>", 0, text::SentencePieceModel::Type::kUnknown},
                                      {"</s>", 0, text::SentencePieceModel::Type::kControl},
                                      {"a", -1}}}));
    AddFile("bytes.tiktoken", text::TiktokenOfBytes());
    AddFile("adult.txt", "example.com\n");
    // As many words as a run may have.
    std::string words;
    for (int i = 0; i <= 1000; ++i) words += fmt::format("w{} ", i);
    AddFile("evaluation.jsonl", fmt::format("{{\"text\": \"{}\"}}\n", words));
  }
  void AddFile(const std::string& name, const std::string& contents) {
    std::ofstream(dir_ / name, std::ios::binary) << contents;
    files_[name] = dir_ / name;
    names_.push_back(name);
  }

  // What has to be set for the job to begin, and for it to look at the value of `of`.
  static Values Needed(const std::string& job, const std::string& of) {
    if (job == "grep") return {{"pattern", "x"}};
    if (job == "connect") return {{"step", "large"}};
    if (job == "corpus-explain") return {{"document", "x"}};
    if (job == "join") return {{"key", "a"}};
    // Only of a .tiktoken file.
    if (of == "pattern")
      return {{"model", "bytes.tiktoken"}, {"tokens", "true"}, {"end_of_text", "0"}};
    if (job == "report") return {{"tokens", "true"}};
    if (job == "search-index" && of == "stem") return {{"lang", "en"}, {"stop_words", "true"}};
    if (job == "search-index") return {{"lang", "en"}, {"stem", "true"}};
    if (job == "pagerank.graph" || job == "connected-components.write") {
      return {{"lines_that_are_edges", "1"}, {"lines_that_are_no_edges", "0"}};
    }
    if (job == "pagerank.ranks") {
      return {{"damping", "0.85"},
              {"tolerance", "0"},
              {"nodes", "1"},
              {"nodes_without_links", "0"},
              {"dangling", "-1"}};
    }
    return {};
  }
  // Keys of columns are numbers, those of objects are names; edges may be records.
  static std::string FormatOf(const FormedJob& job, const FormedJob::Class& of,
                              const Values& params) {
    if (job.name == "join" && of.kind == ClassKind::kMapper) return "jsonl";
    const auto records = params.find("records");
    const bool on = records != params.end() && (records->second == "true");
    return job.name == "connect" && on ? "record" : of.format;
  }
  std::string StartOf(const FormedJob& job, const Values& params) {
    Values files = files_;
    // For a job that reads a model, or lists of URLs, the side file of any name is one.
    for (const auto& [parameter, file] :
         {std::pair("model", "tokenizer.model"), std::pair("url_lists", "adult.txt")}) {
      if (!params.contains(parameter) || params.contains("pattern")) continue;
      for (const std::string& name : names_) files[name] = files_[file];
    }
    for (FormedJob::Class of : job.classes) {
      of.format = FormatOf(job, of, params);
      const quern_class* const found = PluginOf(job).FindIfThere(of.kind, of.name);
      if (found == nullptr) continue;  // a fold, which has no Start
      const std::string why = FormTask(job, of, params, files).Start(*found);
      if (!why.empty()) return why;
    }
    return "";
  }
  // That its classes make when they begin.
  std::set<std::string> CountersOf(const FormedJob& job) {
    std::set<std::string> names;
    const Values params = Needed(job.name, "");
    for (FormedJob::Class of : job.classes) {
      of.format = FormatOf(job, of, params);
      const quern_class* const found = PluginOf(job).FindIfThere(of.kind, of.name);
      if (found == nullptr) continue;
      FormTask task(job, of, params, files_);
      EXPECT_EQ(task.Start(*found), "") << job.name;
      names.merge(task.Counters());
    }
    return names;
  }
  const Plugin& PluginOf(const FormedJob& job) {
    std::unique_ptr<Plugin>& plugin = plugins_[job.plugin];
    if (plugin == nullptr) {
      auto loaded = Plugin::Load(std::string(std::getenv("QUERN_JOBS")) + "/" + job.plugin);
      EXPECT_TRUE(loaded.ok()) << loaded.status();
      plugin = *std::move(loaded);
    }
    return *plugin;
  }

  const TempDir dir_;
  Values files_;
  std::vector<std::string> names_;
  std::map<std::string, std::unique_ptr<Plugin>> plugins_;
};

TEST_F(ParameterFormsTest, TakeWhatTheJobsTake) {
  size_t compared = 0;
  for (const FormedJob& job : FormedJobs()) {
    ASSERT_EQ(StartOf(job, Needed(job.name, "")), "") << job.name;
    for (const auto& [name, text] : job.forms) {
      if (text.empty()) continue;
      const auto form = ParameterForm::Parse(text);
      ASSERT_TRUE(form.ok()) << job.name << ": " << form.status();
      for (const std::string& value : CandidatesFor(text)) {
        Values params = Needed(job.name, name);
        params[name] = value;
        const absl::Status said = form->Check(value, names_);
        const std::string why = StartOf(job, params);
        EXPECT_EQ(said.ok(), why.empty())
            << job.name << ": params." << name << " = '" << value << "': the spec says '"
            << said.message() << "', the job '" << why << "'";
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 2000u);
}

// One that is called otherwise would count nothing, and the end of every run would warn of that.
TEST_F(ParameterFormsTest, TheCountersThatSpecsNameAreMadeByTheirJobs) {
  std::set<std::string> jobs;
  for (const FormedJob& job : FormedJobs()) {
    if (job.counters.empty()) continue;
    jobs.insert(job.name);
    const std::set<std::string> made = CountersOf(job);
    for (const std::string& name : job.counters) {
      EXPECT_TRUE(made.contains(name)) << job.name << ": " << name;
    }
  }
  for (const char* const name : {"extract", "filter", "inverted-index", "search-index", "tag"}) {
    EXPECT_TRUE(jobs.contains(name)) << name;
  }
}

// What the help of a job shows is what people type, also of the job before or behind it. Words in
// capitals stand for others.
TEST_F(ParameterFormsTest, TakeWhatTheHelpShows) {
  const std::vector<FormedJob> jobs = FormedJobs();
  std::set<std::string> known;
  for (const FormedJob& job : jobs) {
    for (const auto& [name, form] : job.forms) known.insert(name);
  }
  size_t shown = 0;
  for (const FormedJob& job : jobs) {
    re2::StringPiece rest(job.help);
    std::string name;
    std::string value;
    // "sum(bytes)" is a value, the bracket behind "(params.gap_seconds=600)" is none.
    while (RE2::FindAndConsume(&rest,
                               "params\\.([a-z0-9_.]+)="
                               "((?:[a-z0-9_.,-]|\\([a-z_]+\\))*(?:[a-z0-9]|\\([a-z_]+\\)))",
                               &name, &value)) {
      EXPECT_TRUE(known.contains(name)) << job.name << ": params." << name;
      const auto text = job.forms.find(name);
      if (text == job.forms.end() || text->second.empty()) continue;
      const auto form = ParameterForm::Parse(text->second);
      ASSERT_TRUE(form.ok()) << job.name << ": " << form.status();
      const absl::Status said = form->Check(value, SplitList(value, ','));
      EXPECT_TRUE(said.ok()) << job.name << ": params." << name << ": " << said;
      ++shown;
    }
  }
  EXPECT_GT(shown, 30u);
}

// `mr run` reads them for their flags before it looks at anything else.
TEST_F(ParameterFormsTest, FlagsOfTheReadyMadeJobsAreNoFlagsOfMrRun) {
  size_t flags = 0;
  for (const std::string& job : ReadyMadeJobs()) {
    const auto own = FlagsOfJob(job);
    ASSERT_TRUE(own.ok()) << job << ": " << own.status();
    flags += own->size();
  }
  EXPECT_GT(flags, 20u);
  EXPECT_EQ(FlagsOfJob("search-indx").status().code(), absl::StatusCode::kNotFound);
  for (const char* const other : {"my_job.cc", "libjob.so", "/in/words"}) {
    const auto none = FlagsOfJob(other);
    EXPECT_TRUE(none.ok() && none->empty()) << other;
  }
}

// Of those that have none any text is good, or it depends on others whether it is.
TEST_F(ParameterFormsTest, AreThereForAllParametersThatCanBeWrong) {
  std::set<std::string> without;
  for (const FormedJob& job : FormedJobs()) {
    for (const auto& [name, text] : job.forms) {
      if (text.empty()) without.insert(job.name + " " + name);
    }
  }
  EXPECT_THAT(without, ::testing::ElementsAre("datatrove-tokens tokenizer", "group-by by",
                                              "parquet-shards source", "shards source"));
}

}  // namespace
}  // namespace quern::mr
