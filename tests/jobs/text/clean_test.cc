#include "jobs/text/clean.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "jobs/text/personal_data.h"
#include "tests/support/growth.h"

namespace quern::text {
namespace {

TEST(CleanLines, DropsLinesOfThePageAround) {
  const CleanedLines cleaned = CleanLines(
      "  The mill stood at the river.  \nHome\n\nPlease enable JavaScript to go on.\n"
      "We use cookies on this site.\nIt turned\tday and night\n" +
          std::string(1001, 'x') + " is too long\n\n\nNobody knew.\n",
      {});
  EXPECT_EQ(cleaned.text, "The mill stood at the river.\n\nIt turned\tday and night\n");
  EXPECT_EQ(cleaned.short_lines, 2u);
  EXPECT_EQ(cleaned.notices, 2u);
  EXPECT_EQ(cleaned.long_tokens, 1u);
  EXPECT_EQ(CleanLines("", {}).text, "");
  EXPECT_EQ(CleanLines("\n\na\n", {}).text, "");
}

TEST(CleanLines, ParagraphsOfScriptsWithoutBlanksAreNoLongTokens) {
  const auto repeated = [](std::string_view piece, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += piece;
    return text;
  };
  for (const std::string_view piece :
       {"水车日夜转动，磨坊主人很忙。", "水車は昼も夜も回り、コーヒーを飲む。", "กังหันน้ำหมุนทั้งวันทั้งคืน",
        "ກັງຫັນນ້ໍາໝຸນທັງວັນ"}) {
    const std::string line = repeated(piece, 200) + "\n";
    const CleanedLines cleaned = CleanLines(line, {});
    EXPECT_EQ(cleaned.text, line);
    EXPECT_EQ(cleaned.long_tokens, 0u);
  }
  // What is no text is none in them either, nor in other scripts.
  for (const std::string_view piece : {"Zm9v", "слово", "물레방아", "----"}) {
    const std::string line = "水车 " + repeated(piece, 300) + "水车\n";
    EXPECT_EQ(CleanLines(line, {}).long_tokens, 1u) << piece;
  }
}

TEST(CleanLines, TakesOutCitations) {
  const CleanedLines cleaned =
      CleanLines("History[edit] of mills[1][23] is long[citation needed] [sic] [1234] [ ] [", {});
  EXPECT_EQ(cleaned.text, "History of mills is long [sic] [1234] [ ] [\n");
  EXPECT_EQ(cleaned.citations, 4u);
  CleanRules rules;
  rules.citations = false;
  EXPECT_EQ(CleanLines("One of the mills[1]", rules).text, "One of the mills[1]\n");
}

TEST(CleanLines, FollowsItsRules) {
  CleanRules rules;
  rules.terminal_marks = true;
  rules.words_min = 1;
  rules.notices = false;
  const CleanedLines cleaned =
      CleanLines("Yes.\nNo\nAnd so on...\n“Quoted”\nJavaScript!\n中文。\n?\n", rules);
  EXPECT_EQ(cleaned.text, "Yes.\n“Quoted”\nJavaScript!\n中文。\n");
  EXPECT_EQ(cleaned.unterminated, 2u);
  EXPECT_EQ(cleaned.short_lines, 1u) << "a mark alone is no word";
}

int64_t CountOf(PersonalKind kind, const std::vector<PersonalSpan>& spans) {
  return std::count_if(spans.begin(), spans.end(),
                       [kind](const PersonalSpan& span) { return span.kind == kind; });
}

TEST(FindPersonalData, SaysWhereItStands) {
  using Spans = std::vector<PersonalSpan>;
  const std::string text = "Ü: ann@b.org\nor 8.8.8.8,\n\nsection 1.2.3.4; c@d.info";
  const Spans spans = FindPersonalData(text);
  EXPECT_EQ(spans, (Spans{{PersonalKind::kEmail, 4, 9},
                          {PersonalKind::kAddress, 17, 7},
                          {PersonalKind::kEmail, 44, 8}}));
  EXPECT_EQ(text.substr(spans[0].offset, spans[0].bytes), "ann@b.org");
  EXPECT_EQ(text.substr(spans[1].offset, spans[1].bytes), "8.8.8.8");
  EXPECT_EQ(text.substr(spans[2].offset, spans[2].bytes), "c@d.info");
  EXPECT_EQ(FindPersonalData(""), Spans{});
  EXPECT_EQ(FindPersonalData("\n"), Spans{});
}

TEST(MaskPersonalData, SaysWhereTheMasksStand) {
  const MaskedText masked = MaskPersonalData("a@b.org 8.8.8.8\nsomebody.else@mail.example.org\n");
  ASSERT_EQ(masked.text, "email@example.com 192.0.2.1\nemail@example.com\n");
  std::vector<std::string> masks;
  for (const PersonalSpan& span : masked.spans) {
    masks.push_back(masked.text.substr(span.offset, span.bytes));
  }
  EXPECT_EQ(masks,
            (std::vector<std::string>{"email@example.com", "192.0.2.1", "email@example.com"}));
}

TEST(MaskPersonalData, MasksEmailAddresses) {
  const MaskedText masked = MaskPersonalData(
      "Write to Ann.Lee+x@mail.example.org. Or <b_o-b@a.co>, c@d.info; @home a@b a@b.c x@1.22 "
      "é@é.de ..z@y.net");
  EXPECT_EQ(
      masked.text,
      "Write to email@example.com. Or <email@example.com>, email@example.com; @home a@b a@b.c "
      "x@1.22 é@é.de ..email@example.com");
  EXPECT_EQ(CountOf(PersonalKind::kEmail, masked.spans), 4);
  EXPECT_EQ(CountOf(PersonalKind::kAddress, masked.spans), 0);
  EXPECT_EQ(MaskPersonalData("a@b.org@c.org").text, "email@example.com@c.org");
  const std::string ats(100'000, '@');
  EXPECT_EQ(MaskPersonalData(ats).text, ats);
}

TEST(MaskPersonalData, MasksPublicAddresses) {
  const MaskedText masked = MaskPersonalData(
      "8.8.8.8, 10.0.0.1 (127.0.0.1) 192.168.1.1 172.16.0.1 172.32.0.1:80 256.1.1.1 1.2.3 "
      "1.2.3.4.5 v1.2.3.4 203.0.113.9. 224.0.0.1 1.2.3.4567");
  EXPECT_EQ(masked.text,
            "192.0.2.1, 10.0.0.1 (127.0.0.1) 192.168.1.1 172.16.0.1 192.0.2.1:80 256.1.1.1 1.2.3 "
            "1.2.3.4.5 v1.2.3.4 192.0.2.1. 224.0.0.1 1.2.3.4567");
  EXPECT_EQ(CountOf(PersonalKind::kAddress, masked.spans), 3);
  EXPECT_TRUE(FindPersonalData(masked.text).empty()) << "a mask is no address";
  EXPECT_EQ(MaskPersonalData("1.2.3.").text, "1.2.3.");
}

// They look like addresses, and a corpus is full of them.
TEST(MaskPersonalData, LeavesNumbersOfSectionsAndVersions) {
  for (const char* text :
       {"Section 1.2.3.4 says", "see sections 1.2.3.4, 1.2.3.5 and 1.2.3.6.", "sec. 8.1.2.3",
        "\u00a7 4.1.2.3", "\u00a74.1.2.3", "Version 4.18.0.193", "release: 9.0.0.1",
        "1.2.3.4 Scope\nText", "Text\n  2.10.3.1\tTerms and definitions\r\nText",
        "clause 5.4.3.2 or 5.4.3.3"}) {
    EXPECT_EQ(MaskPersonalData(text).text, text);
  }
}

TEST(MaskPersonalData, MasksWhatOnlyResemblesThem) {
  const std::pair<const char*, const char*> table[] = {
      {"8.8.8.8 Is it up?", "192.0.2.1 Is it up?"},
      {"8.8.8.8 is up", "192.0.2.1 is up"},
      {"203.0.113.9 Scope", "192.0.2.1 Scope"},
      {"section one: 8.8.8.8", "section one: 192.0.2.1"},
      {"section\n8.8.8.8", "section\n192.0.2.1"},
      {"intersection 8.8.8.8", "intersection 192.0.2.1"},
      {"section 1.2.3.4 lists 8.8.8.8", "section 1.2.3.4 lists 192.0.2.1"},
      {"8.8.8.8 and 9.9.9.9", "192.0.2.1 and 192.0.2.1"},
  };
  for (const auto& [text, masked] : table) EXPECT_EQ(MaskPersonalData(text).text, masked);
}

std::string Repeated(size_t times, std::string_view piece) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += piece;
  return text;
}

// A list of addresses on one line, what may stand before one, and what may join it to another.
TEST(MaskPersonalData, LongLinesTakeNoLongerThanTheyAreLong) {
  for (const char* piece : {"8.8.8.8, ", "  8.8.8.8", "1.2.3.4", "section 8.8.8.8, ", "8.8.8.8@"}) {
    const auto mask = [&](size_t times) {
      const std::string blanks(times, ' ');
      return MaskPersonalData(blanks + "section 1.2.3.4" + blanks + Repeated(times, piece) + blanks)
          .text.size();
    };
    EXPECT_LT(GrowthOfFourTimes(4000, mask), kMostGrowth) << piece;
  }
}

}  // namespace
}  // namespace quern::text
