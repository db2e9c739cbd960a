#include "tests/campaign/campaign_inputs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/random.h"
#include "mapreduce/formats/encoders.h"
#include "tests/cluster/test_data.h"

namespace quern::campaign {
namespace {

constexpr size_t kTextBytes = size_t{3} << 20;
constexpr size_t kPackedBytes = size_t{1} << 20;
constexpr int kLogLines = 20'000;
constexpr int kVisits = 20'000;
constexpr int kObjects = 5'000;
constexpr int kPages = 120;
constexpr int kEdges = 8'000;
constexpr int kNodes = 6'000;

class Inputs {
 public:
  Inputs(std::string dir, uint64_t seed) : dir_(std::move(dir)), random_(seed) {
    std::filesystem::create_directories(dir_ + "/packed");
  }

  void WriteAll() {
    Write("text", testing::RandomText(kTextBytes, random_()));
    Write("packed/plain", testing::RandomText(kPackedBytes, random_()));
    Write("packed/a.gz", Packed("gzip"));
    Write("packed/b.zst", Packed("zstd"));
    Write("log", Log());
    Write("visits", Visits());
    Write("objects", Objects());
    Write("pages", Pages());
    Write("edges", Edges());
    Write("left", Columns(4'000));
    Write("right", Columns(500));
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }

  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream file(dir_ + "/" + name, std::ios::binary);
    file << bytes;
    EXPECT_TRUE(file.flush().good()) << name;
  }

  std::string Words(uint64_t count) {
    constexpr std::string_view kWords[] = {"river", "the",  "mill",  "of",    "and",
                                           "wheel", "that", "has",   "stone", "to",
                                           "water", "with", "grain", "be",    "bread"};
    std::string text;
    for (uint64_t i = 0; i < count; ++i) {
      if (!text.empty()) text += i % 12 == 0 ? ". The " : " ";
      text += Below(8) == 0 ? fmt::format("w{:x}", Below(5000)) : kWords[Below(std::size(kWords))];
    }
    return text;
  }

  std::string Packed(std::string_view codec) {
    const auto encoder = mr::MakeEncoder(codec);
    std::string packed;
    const auto sink = [&](std::string_view bytes) {
      packed += bytes;
      return absl::OkStatus();
    };
    EXPECT_TRUE((*encoder)->Add(testing::RandomText(kPackedBytes, random_()), sink).ok());
    EXPECT_TRUE((*encoder)->Finish(sink).ok());
    return packed;
  }

  std::string Log() {
    constexpr std::string_view kSeverities[] = {"ERROR", "WARN", "INFO", "DEBUG"};
    std::string text;
    for (int i = 0; i < kLogLines; ++i) {
      text += fmt::format("{} p{}: {}\n", kSeverities[Below(4)], Below(Below(2) == 0 ? 9 : 9000),
                          Words(8));
    }
    return text;
  }

  std::string Visits() {
    std::string text;
    for (int i = 0; i < kVisits; ++i) {
      const uint64_t second = Below(86'400);
      text += Below(100) == 0 ? "no line of a log\n"
                              : fmt::format(
                                    "host{} - - [17/May/2015:{:02}:{:02}:{:02} +0200] \"GET /at/{} "
                                    "HTTP/1.1\" 200 {} \"-\" \"x\"\n",
                                    Below(Below(2) == 0 ? 3 : 2000), second / 3600,
                                    second / 60 % 60, second % 60, Below(300), Below(10'000));
    }
    return text;
  }

  std::string Objects() {
    constexpr std::string_view kLanguages[] = {"en", "de", "fr", "zh"};
    std::string text;
    for (int i = 0; i < kObjects; ++i) {
      text += Below(200) == 0 ? "[1]\n"
                              : fmt::format(
                                    "{{\"id\": \"d{}\", \"lang\": \"{}\", \"size\": {}, "
                                    "\"text\": \"{}\"}}\n",
                                    i, kLanguages[Below(4)], Below(1'000'000), Words(15));
    }
    return text;
  }

  std::string Pages() {
    std::string text;
    std::string last;
    for (int i = 0; i < kPages; ++i) {
      // Copies, and copies of which some words are others.
      if (last.empty() || Below(4) != 0) last = Words(120);
      text += fmt::format(
          "{{\"id\": \"d{0}\", \"url\": \"http://h{1}/{0}\", \"html\": "
          "\"<title>T</title><p>{2}{3}. "
          "The end.\"}}\n",
          i, i % 7, last, Below(2) == 0 ? "" : " with grain");
    }
    return text;
  }

  std::string Edges() {
    std::string text;
    for (int i = 0; i < kEdges; ++i) {
      text += fmt::format("n{}\tn{}\n", Below(kNodes), Below(Below(3) == 0 ? 20 : kNodes));
    }
    return text;
  }

  std::string Columns(int lines) {
    std::string text;
    for (int i = 0; i < lines; ++i) {
      text += fmt::format("k{}\t{}\t{}\n", Below(800), Below(100), Words(3));
    }
    return text;
  }

  const std::string dir_;
  Random random_;
};

}  // namespace

void WriteCampaignInputs(const std::string& dir, uint64_t seed) { Inputs(dir, seed).WriteAll(); }

}  // namespace quern::campaign
