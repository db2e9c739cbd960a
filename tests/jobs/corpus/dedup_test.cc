// Exact and near duplicates: the graph of copies, and the jobs around it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

#include "jobs/corpus/duplicates.h"
#include "jobs/text/json.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using corpus::Edge;
using corpus::StarMaker;
using ::testing::HasSubstr;

TEST(Edges, AreReadBackAsTheyWere) {
  const Edge plain{corpus::MakeNode(0, "b\"\n"), corpus::MakeNode(0, "a\t")};
  EXPECT_EQ(corpus::EdgeLine(plain), "{\"duplicate\": \"b\\\"\\n\", \"of\": \"a\\t\"}");
  const Edge ranked{corpus::MakeNode(4'000'000'000, "a"), corpus::MakeNode(7, "b")};
  EXPECT_EQ(
      corpus::EdgeLine(ranked),
      "{\"duplicate\": \"a\", \"duplicate_rank\": 4000000000, \"of\": \"b\", \"of_rank\": 7}");
  for (const Edge& edge : {plain, ranked})
    EXPECT_EQ(corpus::ReadEdgeLine(corpus::EdgeLine(edge)), edge);
  EXPECT_EQ(corpus::IdOfNode(ranked.duplicate), "a");
  EXPECT_EQ(corpus::ReadEdgeLine("{\"duplicate\": \"a\", \"of\": \"b\"}")->of,
            corpus::MakeNode(0, "a"));
  for (const char* line : {"", "[]", "{\"duplicate\": \"a\"}", "{\"duplicate\": 1, \"of\": \"b\"}",
                           "{\"duplicate\": \"a\", \"of\": \"a\"}",
                           "{\"duplicate\": \"a\", \"of\": \"b\", \"of_rank\": -1}"}) {
    EXPECT_FALSE(corpus::ReadEdgeLine(line).has_value()) << line;
  }
}

class RanksTest : public RandomTest {};

TEST_F(RanksTest, AreInTheOrderOfTheirNumbers) {
  std::vector<double> numbers = {-1e300, -3e38, -100'000, -1.5, -0.65,   -1e-30, 0,
                                 1e-30,  0.65,  0.650001, 1.5,  100'000, 3e38,   1e300};
  for (size_t i = 1; i < numbers.size(); ++i) {
    EXPECT_LT(corpus::RankOfNumber(numbers[i - 1]), corpus::RankOfNumber(numbers[i])) << i;
  }
  EXPECT_EQ(corpus::RankOfNumber(-0.0), corpus::RankOfNumber(0.0));
  EXPECT_LT(corpus::RankOfNumber(1e300), UINT32_MAX);
  for (int i = 0; i < 1000; ++i) {
    numbers.push_back((static_cast<double>(Below(2'000'001)) - 1'000'000) /
                      static_cast<double>(1 + Below(1'000'000)));
  }
  std::sort(numbers.begin(), numbers.end());
  for (size_t i = 1; i < numbers.size(); ++i) {
    EXPECT_LE(corpus::RankOfNumber(numbers[i - 1]), corpus::RankOfNumber(numbers[i]));
  }
}

class StarsTest : public RandomTest {
 protected:
  using Edges = std::set<std::pair<std::string, std::string>>;

  // One step over all nodes, as the job does it.
  static Edges StepOf(StarMaker::Step step, const Edges& edges, size_t* changed) {
    std::map<std::string, std::multiset<std::string>> around;
    for (const auto& [duplicate, of] : edges) {
      around[duplicate].insert(of);
      around[duplicate].insert(of);  // from another band
      if (step == StarMaker::Step::kLarge) around[of].insert(duplicate);
    }
    Edges out;
    const auto emit = [&out](const Edge& edge) {
      EXPECT_LT(edge.of, edge.duplicate);
      out.emplace(edge.duplicate, edge.of);
    };
    for (const auto& [node, neighbours] : around) {
      StarMaker star(step);
      star.Start(node);
      for (const std::string& neighbour : neighbours) star.Add(neighbour, emit);
      *changed += star.changed();
    }
    return out;
  }

  // Every node that an edge touches, and the least of those it is connected with.
  static std::map<std::string, std::string> LeastOf(const Edges& edges) {
    std::map<std::string, std::string> least;
    for (const auto& [a, b] : edges) least[a] = a, least[b] = b;
    for (bool again = true; again;) {
      again = false;
      for (const auto& [a, b] : edges) {
        const std::string both = std::min(least[a], least[b]);
        again = again || least[a] != both || least[b] != both;
        least[a] = least[b] = both;
      }
    }
    return least;
  }

  // A node may have any name, none too.
  Edges RandomEdges(uint64_t nodes, uint64_t count) {
    Edges edges;
    const auto name = [&] { return OneIn(20) ? "" : fmt::format("{:03}", Below(nodes)); };
    for (uint64_t i = 0; i < count; ++i) {
      const std::string a = name();
      const std::string b = name();
      if (a != b) edges.emplace(std::max(a, b), std::min(a, b));
    }
    return edges;
  }

  static void ExpectStars(const Edges& start) {
    Edges edges = start;
    size_t rounds = 0;
    for (size_t changed = 1; changed > 0; ++rounds) {
      ASSERT_LT(rounds, 40u);
      changed = 0;
      edges = StepOf(StarMaker::Step::kLarge, edges, &changed);
      edges = StepOf(StarMaker::Step::kSmall, edges, &changed);
    }
    Edges want;
    for (const auto& [node, least] : LeastOf(start)) {
      if (node != least) want.emplace(node, least);
    }
    ASSERT_EQ(edges, want);
  }
};

TEST_F(StarsTest, EverySetOfCopiesBecomesOne) {
  for (int round = 0; round < 300; ++round) ExpectStars(RandomEdges(2 + Below(60), Below(80)));
}

TEST_F(StarsTest, ALongChainTakesFewRounds) {
  Edges chain;
  for (int i = 1; i < 500; ++i) {
    chain.emplace(fmt::format("{:03}", i), fmt::format("{:03}", i - 1));
  }
  ExpectStars(chain);
}

TEST_F(StarsTest, CopiesAreJoinedToTheLeast) {
  Edges edges;
  const auto emit = [&edges](const Edge& edge) { edges.emplace(edge.duplicate, edge.of); };
  StarMaker star(StarMaker::Step::kJoin);
  for (int again = 0; again < 2; ++again) {
    star.Start("");
    for (const char* node : {"a", "a", "b", "b", "c"}) star.Add(node, emit);
    EXPECT_EQ(edges, (Edges{{"b", "a"}, {"c", "a"}}));
  }
  edges.clear();
  star.Start("");
  for (const char* node : {"", "", "a"}) star.Add(node, emit);
  EXPECT_EQ(edges, (Edges{{"a", ""}}));
}

class DedupJobTest : public LocalJobsTest {
 protected:
  pb::JobSpec JobOver(const std::string& job, const std::string& input, const std::string& output) {
    pb::JobSpec spec = Spec(job, input);
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_group(job == "exact_dedup" ? 2 : 1);
    if (job == "exact_dedup" || job == "drop_duplicates") {
      spec.add_outputs()->set_name("rejected");
      spec.mutable_outputs(0)->mutable_output()->set_format("raw");
    }
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_path("file://" + dir_ / output);
    spec.mutable_output()->set_overwrite(true);
    return spec;
  }
  std::string OutputOf(const pb::JobSpec& spec, const std::string& output) {
    const Outcome outcome = Run(spec);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
    log_ = outcome.out;
    return Shell("sort " + dir_ / output + "/part-*").out;
  }
  static std::string Line(const std::string& id, const std::string& text) {
    text::JsonObjectWriter line;
    line.AddString("id", id);
    line.AddString("text", text);
    return line.Take() + "\n";
  }
  std::string Rejected(const std::string& output) {
    return Shell("sort " + dir_ / output + "-rejected/part-*").out;
  }
  static std::string Copy(const std::string& id, const std::string& text, const std::string& rule,
                          const std::string& of) {
    const std::string line = Line(id, text);
    return line.substr(0, line.size() - 2) +
           fmt::format(", \"rejected\": {{\"rule\": \"{}\", \"of\": \"{}\"}}}}\n", rule, of);
  }
  std::string Write(const std::string& name, const std::string& contents) {
    std::ofstream(dir_ / name, std::ios::binary) << contents;
    return dir_ / name;
  }
  std::string Words(int first, int last) {
    std::string text;
    for (int i = first; i < last; ++i) {
      text += 'w' +
              std::string(static_cast<size_t>(1 + i % 7), static_cast<char>('a' + i / 7 % 26)) +
              ' ';
    }
    return text;
  }

  std::string log_;  // of the last job
};

TEST_F(DedupJobTest, OfEqualTextsTheLeastIdStays) {
  const std::string in = Line("c", "The  Mill") + Line("a", "the mill\n") + Line("b", "THE MILL.") +
                         Line("d", "ﬁne") + Line("a2", "Fine") + "{\"id\": \"z\"}\n";
  pb::JobSpec spec = JobOver("exact_dedup", Write("docs", in), "out");
  EXPECT_EQ(OutputOf(spec, "out"),
            Line("a", "the mill\n") + Line("a2", "Fine") + Line("b", "THE MILL."));
  EXPECT_THAT(log_, HasSubstr("user.kept = 3"));
  EXPECT_EQ(Rejected("out"),
            Copy("c", "The  Mill", "exact-dedup", "a") + Copy("d", "ﬁne", "exact-dedup", "a2"));
  EXPECT_THAT(log_, HasSubstr("user.documents_without_text = 1"));
  (*spec.mutable_params())["normalize"] = "none";
  OutputOf(spec, "out");
  EXPECT_THAT(log_, HasSubstr("user.kept = 5"));
  (*spec.mutable_params())["normalize"] = "some";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.normalize = 'some': must be fold or none"));
}

// A stage before it may have cut them into files another way.
TEST_F(DedupJobTest, DocumentsWithoutIdsAreKeptWhereverTheyStand) {
  const std::string first = "{\"text\": \"The mill\", \"n\": 1}\n";
  const std::string second = "{\"text\": \"the mill\", \"n\": 2}\n";
  const std::string named = Line("0", "the MILL");
  Shell("mkdir " + dir_ / "one" + " " + dir_ / "two");
  Write("one/1", first + named);
  Write("one/2", second);
  Write("two/1", named + second);
  Write("two/2", first);
  EXPECT_EQ(OutputOf(JobOver("exact_dedup", dir_ / "one", "out"), "out"), first);
  EXPECT_THAT(Rejected("out"), HasSubstr("/one/1:0\"}"));
  EXPECT_EQ(OutputOf(JobOver("exact_dedup", dir_ / "two", "out"), "out"), first);
  EXPECT_THAT(Rejected("out"), HasSubstr("/two/2:0\"}"));
  EXPECT_THAT(log_, HasSubstr("user.rejected = 2"));
}

TEST_F(DedupJobTest, BlanksOfAnyKindAreEqual) {
  std::string in = Line("0", "the mill");
  for (const char* blank : {"\t", "\u0085", "\u00a0", "\u1680", "\u2003", "\u2028", "\u2029",
                            "\u202f", "\u205f", "\u3000", " \u2028\n\u2029"}) {
    in += Line(fmt::format("{}", in.size()), std::string("the") + blank + "mill" + blank);
  }
  EXPECT_EQ(OutputOf(JobOver("exact_dedup", Write("docs", in), "out"), "out"),
            Line("0", "the mill"));
  EXPECT_THAT(log_, HasSubstr("user.rejected = 11"));
}

TEST_F(DedupJobTest, OfEqualAddressesTheLeastIdStays) {
  const auto line = [](const char* id, const char* url) {
    return fmt::format("{{\"id\": \"{}\", \"text\": \"t{}\", \"url\": {}}}\n", id, id, url);
  };
  const auto same = [](const char* id) { return Line(id, "of nowhere"); };
  const std::string in = line("b", "\"https://www.h/x?b=1&a=2#top\"") +
                         line("a", "\"http://h/x/?a=2&b=1&utm_source=z\"") +
                         line("c", "\"http://h/y\"") +
                         "{\"id\": \"d\", \"text\": \"of another file\"}\n" + line("d", "\"\"") +
                         line("e", "null") + same("f") + same("g") + same("g");
  pb::JobSpec spec = JobOver("exact_dedup", Write("docs", in), "out");
  (*spec.mutable_params())["by"] = "url";
  EXPECT_EQ(OutputOf(spec, "out"), in.substr(in.find('\n') + 1));
  EXPECT_THAT(log_, HasSubstr("user.documents_without_url = 6"));
  (*spec.mutable_params())["by"] = "host";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.by = 'host': must be text or url"));
}

TEST_F(DedupJobTest, NearCopiesAreFoundConnectedAndDropped) {
  const std::string text = Words(0, 150);
  const std::string documents = Line("m", text) + Line("k", text + "one more") +
                                Line("p", "and " + text) + Line("x", Words(80, 180)) +
                                Line("y", "...") + Line("z", "short");
  Write("docs", documents);
  const std::string edges = OutputOf(JobOver("near_duplicates", dir_ / "docs", "edges"), "edges");
  EXPECT_THAT(edges, HasSubstr("{\"duplicate\": \"m\", \"of\": \"k\"}\n"));
  EXPECT_THAT(log_, HasSubstr("user.documents_without_words = 1"));

  std::string from = "edges";
  for (int step = 0; step < 4; ++step) {
    pb::JobSpec connect = JobOver("connect", dir_ / from, fmt::format("step{}", step));
    (*connect.mutable_params())["step"] = step % 2 == 0 ? "large" : "small";
    from = fmt::format("step{}", step);
    OutputOf(connect, from);
  }
  EXPECT_THAT(log_, HasSubstr("user.changed = 0"));
  EXPECT_EQ(Shell("sort " + dir_ / from + "/part-*").out,
            "{\"duplicate\": \"m\", \"of\": \"k\"}\n{\"duplicate\": \"p\", \"of\": \"k\"}\n");

  pb::JobSpec drop = JobOver("drop_duplicates", dir_ / "docs", "kept");
  *drop.add_inputs() = drop.inputs(0);
  drop.mutable_inputs(1)->set_path("file://" + dir_ / from);
  EXPECT_EQ(OutputOf(drop, "kept"), Line("k", text + "one more") + Line("x", Words(80, 180)) +
                                        Line("y", "...") + Line("z", "short"));
  EXPECT_THAT(log_, HasSubstr("user.dropped = 2"));
  EXPECT_EQ(Rejected("kept"), Copy("m", text, "near-duplicates", "k") +
                                  Copy("p", "and " + text, "near-duplicates", "k"));
  EXPECT_THAT(log_, HasSubstr("user.duplicates_that_are_no_documents = 0"));
}

// What is written of such a document between two jobs is no longer what it was called.
TEST_F(DedupJobTest, IdsThatAreNoUtf8AreTheSameOnAllRoads) {
  const std::string documents = "{\"id\": \"a\xff\", \"text\": \"" + Words(0, 150) +
                                "\"}\n{\"id\": \"b\xe4z\", \"text\": \"" + Words(0, 150) +
                                "more\"}\n";
  Write("docs", documents);
  OutputOf(JobOver("near_duplicates", dir_ / "docs", "edges"), "edges");
  pb::JobSpec drop = JobOver("drop_duplicates", dir_ / "docs", "kept");
  *drop.add_inputs() = drop.inputs(0);
  drop.mutable_inputs(1)->set_path("file://" + dir_ / "edges");
  EXPECT_EQ(OutputOf(drop, "kept"), documents.substr(0, documents.find('\n') + 1));
  EXPECT_THAT(Rejected("kept"),
              HasSubstr("\"rejected\": {\"rule\": \"near-duplicates\", \"of\": \"a\uFFFD\"}}"));
}

TEST_F(DedupJobTest, WhatHasATextIsADocumentThoughItLooksLikeAnEdge) {
  const std::string documents =
      Line("a", "kept") +
      "{\"id\": \"x\", \"text\": \"kept too\", \"duplicate\": \"a\", \"of\": \"b\"}\n";
  pb::JobSpec spec = JobOver("drop_duplicates", Write("docs", documents), "out");
  EXPECT_EQ(OutputOf(spec, "out"), documents);
  EXPECT_THAT(log_, HasSubstr("user.documents = 2"));
  (*spec.mutable_params())["field"] = "of";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.field = 'of': edges have that field too"));
}

// Each line is looked at once, and is one thing alone.
TEST_F(DedupJobTest, ALineIsADocumentAnEdgeOrNeither) {
  const std::string document = Line("a", "kept");
  pb::JobSpec spec = JobOver(
      "drop_duplicates",
      Write("lines", document +
                         "\n \t\nno JSON\n[1]\n{\"id\": \"z\"}\n{\"id\": \"y\", \"text\": 7}\n"
                         "{\"text\": \"\\q\", \"duplicate\": \"a\", \"of\": \"A\"}\n"
                         "{\"text\": null, \"duplicate\": \"x\", \"of\": \"a\"}\n"
                         "{\"duplicate\": \"w\", \"of\": \"a\"}\n"
                         "{\"duplicate\": \"a\", \"duplicate_rank\": 7, \"of\": \"a\"}\n"
                         "{\"duplicate\": 5, \"of\": \"a\"}\n"),
      "out");
  EXPECT_EQ(OutputOf(spec, "out"), document);
  for (const char* counter :
       {"user.documents = 1\n", "user.lines_of_bad_json = 3\n", "user.documents_without_text = 3\n",
        "user.duplicates_that_are_no_documents = 2\n"}) {
    EXPECT_THAT(log_, HasSubstr(counter));
  }
}

TEST_F(DedupJobTest, TheLongestMayStayInstead) {
  const std::string text = Words(0, 150);
  pb::JobSpec spec =
      JobOver("near_duplicates", Write("docs", Line("a", text) + Line("b", text + "more")), "out");
  (*spec.mutable_params())["keep"] = "longest";
  EXPECT_THAT(OutputOf(spec, "out"), HasSubstr("{\"duplicate\": \"a\", \"duplicate_rank\": "));
  (*spec.mutable_params())["keep"] = "best";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.keep = 'best': must be first, longest, earliest, "
                                       "most(TAG) or least(TAG)"));
}

TEST_F(DedupJobTest, TheEarliestMayStayInstead) {
  const std::string text = Words(0, 150);
  const auto line = [&](const std::string& id, const std::string& fields) {
    return "{\"id\": \"" + id + "\", \"text\": \"" + text + "\"" + fields + "}\n";
  };
  Write("docs", line("a", "") + line("b", R"(, "crawled": "2026-11-22T06:05:28Z")") +
                    line("c", R"(, "crawled": "2026-11-22T06:05:27Z")") +
                    line("d", R"(, "date": "2026-11-22")") + line("e", R"(, "date": "22.11.26")"));
  pb::JobSpec spec = JobOver("near_duplicates", dir_ / "docs", "out");
  (*spec.mutable_params())["keep"] = "earliest";
  const std::string edges = OutputOf(spec, "out");
  EXPECT_THAT(edges, HasSubstr("\"of\": \"d\", \"of_rank\": 1795305600}"));
  EXPECT_THAT(edges, HasSubstr("{\"duplicate\": \"c\", \"duplicate_rank\": 1795327527, "));
  EXPECT_THAT(edges, HasSubstr("{\"duplicate\": \"b\", \"duplicate_rank\": 1795327528, "));
  EXPECT_THAT(edges, HasSubstr("{\"duplicate\": \"e\", \"duplicate_rank\": 4294967295, "));
  EXPECT_THAT(edges, Not(HasSubstr("{\"duplicate\": \"d\"")));
}

TEST_F(DedupJobTest, TheOneWithTheBestTagMayStayInstead) {
  const std::string text = Words(0, 150);
  const auto line = [&](const std::string& id, const std::string& fields) {
    return "{\"id\": \"" + id + "\", \"text\": \"" + text + "\"" + fields + "}\n";
  };
  const std::vector<std::string> lines = {line("a", ""),
                                          line("b", R"(, "tags": {"words": 9, "score": 0.5})"),
                                          line("c", R"(, "tags": {"score": 0.75})"),
                                          line("d", R"(, "tags": {"score": 0.75})"),
                                          line("e", R"(, "tags": {"score": -2e3})"),
                                          line("f", R"(, "tags": {"score": "1"})"),
                                          line("g", R"(, "tags": [1])"),
                                          line("h", R"(, "score": 1)")};
  // Whatever files they come in, and in whatever order.
  Shell("mkdir " + dir_ / "one" + " " + dir_ / "two");
  for (size_t i = 0; i < lines.size(); ++i) {
    Write(fmt::format("one/{}", i), lines[i]);
    std::ofstream(dir_ / "two/0", std::ios::app) << lines[lines.size() - 1 - i];
  }
  for (const auto& [keep, best] :
       {std::pair{"most(score)", "c"}, {"least(score)", "e"}, {"most(words)", "b"}}) {
    std::string edges;
    for (const char* input : {"one", "two"}) {
      pb::JobSpec spec = JobOver("near_duplicates", dir_ / input, "out");
      (*spec.mutable_params())["keep"] = keep;
      const std::string got = OutputOf(spec, "out");
      EXPECT_TRUE(edges.empty() || got == edges) << got << edges;
      edges = got;
      EXPECT_THAT(log_, HasSubstr(fmt::format("user.documents_without_that_tag = {}",
                                              keep == std::string("most(words)") ? 7 : 4)));
    }
    EXPECT_THAT(edges, HasSubstr(fmt::format("\"of\": \"{}\"", best)));
    EXPECT_THAT(edges, Not(HasSubstr(fmt::format("\"duplicate\": \"{}\"", best)))) << keep;
    EXPECT_THAT(edges, HasSubstr("{\"duplicate\": \"h\", \"duplicate_rank\": 4294967295, "));
  }
  for (const char* keep : {"most", "most()", "least(", "best(score)", "mostly(score)"}) {
    pb::JobSpec spec = JobOver("near_duplicates", dir_ / "one", "out");
    (*spec.mutable_params())["keep"] = keep;
    EXPECT_THAT(Run(spec).out, HasSubstr(fmt::format("params.keep = '{}': must be", keep)));
  }
}

// As if nobody had asked, the least id would stay.
TEST_F(DedupJobTest, WhatNoDocumentHasCannotSayWhichStays) {
  Shell("mkdir " + dir_ / "docs");
  const std::string text = Words(0, 150);
  const auto write = [&](const std::string& id, const std::string& fields) {
    Write("docs/" + id, "{\"id\": \"" + id + "\", \"text\": \"" + text + "\"" + fields + "}\n");
  };
  const auto said = [&](const std::string& keep) {
    pb::JobSpec spec = JobOver("near_duplicates", dir_ / "docs", "out");
    (*spec.mutable_params())["keep"] = keep;
    return Run(spec).out;
  };
  write("a", "");
  write("b", R"(, "tags": {"words": 9, "language": "en", "url_lists": ["adult"]})");
  for (const std::string keep : {"most(words_", "least(language", "most(url_lists"}) {
    const std::string answer = said(keep + ")");
    EXPECT_THAT(answer, HasSubstr("params.keep = '" + keep +
                                  ")': not one document has a number of that name in its tags"));
    EXPECT_THAT(answer, HasSubstr("Try: a tag that the job tag writes"));
  }
  EXPECT_THAT(said("earliest"), HasSubstr("not one document has a date in its field crawled or "));
  EXPECT_THAT(said("most(words)"), Not(HasSubstr("not one document"))) << "one is enough";
  write("c", R"(, "date": "2026-11-22")");
  EXPECT_THAT(said("earliest"), Not(HasSubstr("not one document")));
}

// The longest has the id of a shorter one: with other ranks they are two nodes of the graph.
TEST_F(DedupJobTest, OfDocumentsThatShareAnIdNoneIsDroppedForAnother) {
  const std::string text = Words(0, 150);
  const std::string shared = Line("x", text) + Line("x", text + "more and more");
  Write("docs", shared + Line("y", text + "more"));
  pb::JobSpec near = JobOver("near_duplicates", dir_ / "docs", "edges");
  (*near.mutable_params())["keep"] = "longest";
  OutputOf(near, "edges");
  pb::JobSpec connect = JobOver("connect", dir_ / "edges", "stars");
  (*connect.mutable_params())["step"] = "small";
  EXPECT_THAT(OutputOf(connect, "stars"), HasSubstr("{\"duplicate\": \"x\", "));
  pb::JobSpec drop = JobOver("drop_duplicates", dir_ / "docs", "kept");
  *drop.add_inputs() = drop.inputs(0);
  drop.mutable_inputs(1)->set_path("file://" + dir_ / "stars");
  EXPECT_EQ(OutputOf(drop, "kept"), shared);
  EXPECT_EQ(Rejected("kept"), Copy("y", text + "more", "near-duplicates", "x"));
}

TEST_F(DedupJobTest, EdgesAreRecordsOnBothSidesOrOnNone) {
  const std::string text = Words(0, 150);
  pb::JobSpec near =
      JobOver("near_duplicates", Write("docs", Line("a", text) + Line("b", text + "more")), "out");
  near.mutable_output()->set_format("record");
  ExpectSucceeds(near);
  pb::JobSpec connect = JobOver("connect", dir_ / "out", "stars");
  (*connect.mutable_params())["step"] = "small";
  connect.mutable_inputs(0)->set_format("record");
  EXPECT_THAT(Run(connect).out,
              HasSubstr("the input format is 'record' and params.records = false: edges are "));
  connect.mutable_inputs(0)->set_path("file://" +
                                      Write("edges", "{\"duplicate\": \"b\", \"of\": \"a\"}\n"));
  connect.mutable_inputs(0)->set_format("jsonl");
  (*connect.mutable_params())["records"] = "true";
  const Outcome outcome = Run(connect);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out,
              HasSubstr("the input format is 'jsonl' and params.records = true: edges are records "
                        "where params.records says so. Try: --format record --set "));
}

TEST_F(DedupJobTest, LinesThatAreNoEdgesAreCounted) {
  pb::JobSpec spec = JobOver(
      "connect", Write("edges", "{\"duplicate\": \"b\", \"of\": \"a\"}\n\nnone\n{}\n"), "out");
  (*spec.mutable_params())["step"] = "small";
  EXPECT_EQ(OutputOf(spec, "out"), "{\"duplicate\": \"b\", \"of\": \"a\"}\n");
  EXPECT_THAT(log_, HasSubstr("user.lines_that_are_no_edges = 2"));
  (*spec.mutable_params())["step"] = "big";
  EXPECT_THAT(Run(spec).out,
              HasSubstr("params.step = 'big': must be large, small, or the number of a round"));
}

}  // namespace
}  // namespace quern::mr
