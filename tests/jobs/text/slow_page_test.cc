// Pages that would take long: those that are given up, and how far those of people are from it.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/html_tree.h"
#include "jobs/text/page.h"

namespace quern::text {
namespace {

std::string Sentences(std::string_view about) {
  return "Nobody who has read about " + std::string(about) +
         " can say that it is a small matter, since all of it was written down. They told it well.";
}

std::string ManyTimes(std::string_view part, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += part;
  return all;
}

struct SlowCase {
  const char* name;
  std::string html;
};

// Each holds many of one thing against many of another, a hundred thousand times in all or more.
std::vector<SlowCase> SlowPages() {
  const std::string article = "<p>" + Sentences("mills") + "</p>";
  return {
      {"end tags", "<p><object>" + ManyTimes("<span>", 100) + ManyTimes("</p>", 1000)},
      {"end tags of headings",
       "<h2><object>" + ManyTimes("<span>", 100) + ManyTimes("</h1>", 1000)},
      {"end tags of other names",
       "<x-z><object>" + ManyTimes("<x-y>", 100) + ManyTimes("</x-z>", 1000)},
      {"items", "<ul>" + ManyTimes("<div>", 600) + ManyTimes("<li>", 1000)},
      {"headings around all", ManyTimes("<h1><div>", 100) + ManyTimes("<br>", 1000)},
      {"links around all", ManyTimes("<div><a href=x>", 100) + ManyTimes("<br>", 1000)},
      {"paragraphs in deep nests", ManyTimes("<div>", 100) + ManyTimes(article, 1000)},
      {"an article in deep nests", ManyTimes("<div>", 100) + article + ManyTimes("<br>", 1000)},
      {"a long name", article + "<p class='" + std::string(1000, 's') + "'>" + Sentences("corn")},
  };
}

TEST(SlowPage, IsGivenUpWhereItTakesTooManySteps) {
  HtmlLimits few;
  few.steps = 100'000;
  for (const SlowCase& slow : SlowPages()) {
    const Page page = ReadPage(slow.html, {.content_type = "", .limits = few});
    EXPECT_EQ(page.problem, PageProblem::kTooSlow) << slow.name;
    EXPECT_EQ(page.text, "") << slow.name;
    EXPECT_EQ(page.facts.title, "") << slow.name;
    EXPECT_GT(page.steps, few.steps) << slow.name;
    EXPECT_LT(page.steps, 2 * few.steps) << slow.name << ": went on when it was given up";
    EXPECT_EQ(ReadPage(slow.html, {.content_type = "", .limits = few}).steps, page.steps);
    EXPECT_NE(ReadPage(slow.html, {}).problem, PageProblem::kTooSlow) << slow.name;
  }
}

TEST(SlowPage, IsNoneThatPeopleWrite) {
  std::string page =
      "<html lang=en><body class='post single'><nav class='menu'><a href=/>Home</a></nav>"
      "<div id=page><article class='entry-content'><h1>Mills</h1><p>" +
      Sentences("mills") + "</p>";
  const uint64_t steps = ReadPage(page, {}).steps;
  EXPECT_GT(steps, 0u);
  EXPECT_LT(steps, 100'000u);
  // Of a page that is hundreds of times as long they are not thousands of times as many.
  for (int i = 0; i < 1000; ++i) page += "<div><p>" + Sentences("size") + "</p></div>";
  EXPECT_LT(ReadPage(page, {}).steps, 1'000'000u);
}

}  // namespace
}  // namespace quern::text
