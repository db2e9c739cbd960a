#include "tests/campaign/random_jobs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/campaign/campaign_inputs.h"
#include "tests/cluster/cluster.h"

namespace quern::campaign {
namespace {

using testing::JobPath;

// Rounds of a graph job after which faults come; it has more.
constexpr uint64_t kMostRounds = 4;

void Append(const std::vector<std::string>& more, std::vector<std::string>* words) {
  words->insert(words->end(), more.begin(), more.end());
}

// Stages with gates: log lines by severity, words of two of the outputs, words again, the most
// frequent. And beside them a table of the words of all lines.
//
// {0}: where plugins lie; {1}, {2}: formats of what lies between; {3}: of what top reads, with its
// codec; {4} to {6}: reduce tasks; {7} to {9}: gates.
constexpr std::string_view kGatedPipeline = R"(
[[stage]]
name = "split"
plugin = "{0}/liblog_split.so"
input = [{{ path = "@in", format = "text", mapper = "SplitLog" }}]
reduce = {{ tasks = {4}, class = "FoldLines" }}
output = "programs"
[stage.outputs.errors]
format = "{1}"
[stage.outputs.warnings]
path = "warnings"
files = "warnings-{{i:05}}-of-{{n:05}}.log.zst"
[stage.outputs.others]
format = "{1}"
[stage.outputs.rare]
path = "rare"
format = "record"

[[stage]]
name = "words"
plugin = "{0}/libgated_words.so"
input = [
  {{ path = "@split.errors", format = "{1}", mapper = "GatedWords" }},
  {{ path = "@split.others", format = "{1}", mapper = "GatedWords" }},
]
reduce = {{ tasks = {5}, class = "GatedSum" }}
output = {{ format = "{2}" }}
params = {{ map_gate = "{7}", reduce_gate = "{8}" }}

[[stage]]
name = "again"
plugin = "{0}/libgated_words.so"
input = [{{ path = "@words", mapper = "GatedWords" }}]
reduce = {{ tasks = {6}, class = "GatedSum" }}
output = {{ format = "text", codec = "{3}" }}
params = {{ map_gate = "{9}" }}

[[stage]]
name = "top"
job = "top-n"
input = ["@again"]
output = "top"
params = {{ n = 100 }}

[[stage]]
name = "table"
job = "wordcount"
input = ["@in"]
reduce = {{ tasks = {6} }}
output = "."
limits = {{ split = 300000 }}
)";

}  // namespace

bool HasParquet() {
  const std::filesystem::path bin = std::filesystem::path(testing::BinaryPath("mr")).parent_path();
  return std::filesystem::exists(bin.parent_path() / "lib/quern/formats/libquern_parquet.so");
}

RandomJobs::RandomJobs(std::string dir, uint64_t seed)
    : dir_(std::move(dir)), seed_(seed), random_(seed) {}

void RandomJobs::WriteInputs() { WriteCampaignInputs(InputDir(), seed_); }

std::string RandomJobs::Pick(std::initializer_list<const char*> choices) {
  return choices.begin()[Below(choices.size())];
}

std::vector<std::string> RandomJobs::Cuts() {
  const uint64_t split = (uint64_t{64} << 10) << Below(4);
  return {"--reduce", std::to_string(1 + Below(5)), "--set", fmt::format("limits.split={}", split)};
}

std::string RandomJobs::WriteSpec(const std::string& name, const std::string& text) {
  const std::string path = fmt::format("{}/{}.toml", dir_, name);
  std::ofstream(path) << text;
  return path;
}

RandomJob RandomJobs::Next(const std::string& gate) {
  switch (Below(HasParquet() ? 15 : 14)) {
    case 0:
      return Lines();
    case 1:
      return Words();
    case 2:
      return Batches();
    case 3:
      return Objects();
    case 4:
      return Visits();
    case 5:
      return Joined();
    case 6:
      return Severities();
    case 7:
    case 8:
      return GatedJob(gate);
    case 9:
    case 10:
    case 11:
      return GatedPipeline(gate);
    case 12:
      return Graph();
    case 13:
      return Corpus();
    default:
      return Rows();
  }
}

RandomJob RandomJobs::Lines() {
  RandomJob job;
  job.inputs = {Pick({"text", "packed"})};
  job.what = Pick({"sort", "grep", "command"});
  job.argv = Cuts();
  if (job.what == "command") {
    job.argv.insert(job.argv.begin(), {"--map", "tr ' ' '\\n'", "--reduce", "uniq -c"});
    return job;
  }
  job.argv.insert(job.argv.begin(), job.what);
  if (job.what == "grep") {  // map-only, whatever its spec says
    job.argv.erase(job.argv.begin() + 1, job.argv.begin() + 3);
    job.argv.push_back("w1[0-9a-f]*7");
  }
  return job;
}

// A fold, and every form of output.
RandomJob RandomJobs::Words() {
  RandomJob job;
  const std::string format = Pick({"text", "raw", "record", "table"});
  const bool lines = format == "text" || format == "raw";
  const std::string codec = lines ? Pick({"none", "gzip", "zstd"}) : Pick({"none", "lz4", "zstd"});
  job.what = fmt::format("wordcount to {} {}", format, codec);
  job.argv = {"wordcount", "--memory", "64MiB"};
  Append({"--set", "output.format=" + format, "--set", "output.codec=" + codec}, &job.argv);
  Append(Cuts(), &job.argv);
  job.inputs = {Pick({"text", "packed"})};
  return job;
}

// Records by the thousand in one call, through the interface of C.
RandomJob RandomJobs::Batches() {
  RandomJob job{.what = "batches", .argv = {JobPath("c_words"), "--mapper", "CBatchWords"}};
  Append({"--reducer", "CSum", "--combiner", "CSum"}, &job.argv);
  Append({"--partitioner", Pick({"hash", "range", "CByLetter"})}, &job.argv);
  Append(Cuts(), &job.argv);
  return job;
}

RandomJob RandomJobs::Objects() {
  RandomJob job;
  job.inputs = {"objects"};
  job.what = Pick({"group-by", "ngrams"});
  job.argv = {job.what};
  if (job.what == "group-by") {
    Append({"--set", "params.by=lang", "--set",
            "params.aggregates=count,sum(size),min(size),max(size),mean(size)"},
           &job.argv);
  }
  if (job.what == "ngrams") Append({"--format", "jsonl", "--set", "params.n=3"}, &job.argv);
  Append(Cuts(), &job.argv);
  return job;
}

// Keys of parts with a group of all that begin alike; and a fold.
RandomJob RandomJobs::Visits() {
  RandomJob job{.what = Pick({"sessions", "url-frequency"}), .inputs = {"visits"}};
  job.argv = {job.what};
  Append(Cuts(), &job.argv);
  return job;
}

RandomJob RandomJobs::Joined() {
  RandomJob job{.what = "join", .argv = {"join"}, .inputs = {"left", "right"}};
  Append({"--set", "params.type=" + Pick({"inner", "left", "semi", "anti"})}, &job.argv);
  Append(Cuts(), &job.argv);
  return job;
}

// Named outputs of mappers and of a fold.
RandomJob RandomJobs::Severities() {
  RandomJob job{.what = "severities", .inputs = {"log"}};
  job.argv = {
      WriteSpec("split", fmt::format("name = \"split\"\nplugin = \"{}\"\n"
                                     "[reduce]\nclass = \"{}\"\n"
                                     "[outputs.errors]\n[outputs.warnings]\n"
                                     "files = \"w-{{i:05}}-of-{{n:05}}.log.zst\"\n"
                                     "[outputs.others]\nformat = \"record\"\n"
                                     "[outputs.rare]\nformat = \"table\"\n",
                                     JobPath("log_split"), Pick({"CountLines", "FoldLines"})))};
  Append(Cuts(), &job.argv);
  job.outputs = {"", "-errors", "-warnings", "-others", "-rare"};
  return job;
}

RandomJob RandomJobs::GatedJob(const std::string& gate) {
  RandomJob job{.what = "gated words", .argv = {JobPath("gated_words")}, .gated = true};
  Append({"--mapper", "GatedWords", "--reducer", "GatedSum"}, &job.argv);
  Append({"--set", "params.map_gate=" + gate}, &job.argv);
  Append({"--set", fmt::format("params.map_gate_from={}", Below(6))}, &job.argv);
  Append(Cuts(), &job.argv);
  return job;
}

RandomJob RandomJobs::GatedPipeline(const std::string& gate) {
  RandomJob job{.what = "gated pipeline", .inputs = {"log"}};
  const uint64_t place = Below(3);
  const auto gate_at = [&](uint64_t which) { return which == place ? gate : std::string(); };
  const std::string jobs = std::filesystem::path(JobPath("gated_words")).parent_path();
  const std::string table = Pick({"text", "record", "table"});
  job.argv = {
      WriteSpec("gated", fmt::format(kGatedPipeline, jobs, Pick({"text", "record"}), table,
                                     Pick({"none", "gzip", "zstd"}), 1 + Below(4), 1 + Below(4),
                                     1 + Below(4), gate_at(0), gate_at(1), gate_at(2)))};
  Append({"--set", "words.limits.split=200000"}, &job.argv);
  if (Below(2) == 0) Append({"--set", "table.output.format=table"}, &job.argv);
  job.keeps = Below(4) == 0;
  job.outputs = {"", "/top", "/programs", "/warnings", "/rare"};
  job.gated = true;
  job.is_pipeline = true;
  job.stage = place == 2 ? "again" : "words";
  return job;
}

// Rounds until a counter says that it is enough.
RandomJob RandomJobs::Graph() {
  RandomJob job{.what = Pick({"pagerank", "connected-components"}), .inputs = {"edges"}};
  job.argv = {job.what};
  job.is_pipeline = true;
  job.rounds = static_cast<int>(Below(kMostRounds));
  job.stage = job.what == "pagerank" ? "ranks" : "stars";
  if (job.what == "pagerank") {
    Append({"--set", "tolerance=1e-3"}, &job.argv);
  } else {  // few, so that something is left to do for the rounds
    const std::string nodes = fmt::format("edges.params.nodes_in_memory={}", 2 + Below(50));
    Append({"--set", nodes}, &job.argv);
  }
  const auto tasks = [&](const char* stage) {
    Append({"--set", fmt::format("{}.reduce.tasks={}", stage, 1 + Below(4))}, &job.argv);
  };
  tasks(job.stage.c_str());
  tasks("write");
  return job;
}

RandomJob RandomJobs::Corpus() {
  RandomJob job{.what = "corpus", .argv = {"corpus"}, .inputs = {"pages"}};
  Append({"--set", "extract.input.format=jsonl", "--set", "languages=any", "--set",
          "gopher.words_min=10", "--set", "c4.sentences_min=1", "--set", "shards.reduce.tasks=3"},
         &job.argv);
  job.outputs = {"",
                 "/shards",
                 "/rejected/extract",
                 "/rejected/clean",
                 "/rejected/filter",
                 "/rejected/exact-dedup",
                 "/rejected/near-duplicates"};
  job.is_pipeline = true;
  job.keeps = true;  // its spec says so itself
  job.stage = Pick({"extract", "distinct", "near", "stars", "different", "clean", "shards"});
  return job;
}

RandomJob RandomJobs::Rows() {
  RandomJob job{.what = "parquet", .argv = {"parquet-shards"}, .inputs = {"objects"}};
  Append({"--set", "output.codec=" + Pick({"none", "lz4", "zstd", "gzip"})}, &job.argv);
  Append(Cuts(), &job.argv);
  return job;
}

}  // namespace quern::campaign
