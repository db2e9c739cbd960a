// Pages as sites make them: main content, facts, encodings.
#include "jobs/text/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/text/charset.h"
#include "jobs/text/html_tree.h"
#include "jobs/text/main_content.h"
#include "jobs/text/utf8.h"

namespace quern::text {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Paragraph(std::string_view about) {
  return "Nobody who has read about " + std::string(about) +
         " can say that it is a small matter, since all of it, early and late, was written down by "
         "people "
         "who had seen it happen. They told it well.";
}

// A page of a news site around an article of three paragraphs.
std::string NewsPage(std::string_view article_class) {
  return "<html lang=en><head><title>The mill at the river - Daily Paper</title>"
         "<meta property='article:published_time' content='2024-05-17T08:00:00Z'></head><body>"
         "<header><a href=/>Daily Paper</a><nav><ul><li><a href=/world>World</a><li><a "
         "href=/sport>Sport</a></ul></nav></header>"
         "<div class=cookie-banner><p>" +
         Paragraph("cookies") +
         "</p></div>"
         "<div id=page><div class='" +
         std::string(article_class) +
         "'><h1>The mill at the river</h1>"
         "<p class=byline>By A. Writer</p><p>" +
         Paragraph("mills") + "</p><p>" + Paragraph("rivers") +
         " <a href='/more?x=1&amp;y=2'>More of "
         "it</a>.</p><h2>Later</h2><ul><li>Corn</li><li>Rye</li></ul><p>" +
         Paragraph("millers") +
         "</p></div>"
         "<div class=related-stories><h3><a href=/1>Fire in town</a></h3><p>" +
         Paragraph("fires") +
         "</p></div>"
         "<section id=comments><p>" +
         Paragraph("comments") + "</p><p>" + Paragraph("replies") +
         "</p></section>"
         "</div><footer><p>Copyright 2024 Daily Paper. All rights reserved, and so "
         "on.</p></footer>";
}

TEST(MainContent, IsTheArticleAlone) {
  for (const char* name : {"article-body", "c17"}) {
    const std::string text = ReadPage(NewsPage(name), {}).text;
    EXPECT_EQ(text, Paragraph("mills") + "\n" + Paragraph("rivers") +
                        " More of it.\nLater\nCorn\nRye\n" + Paragraph("millers") + "\n")
        << name;
  }
}

TEST(MainContent, TeasersSideBySideAreNone) {
  std::string page = "<main><div>";
  for (const char* about : {"mills", "rivers", "bread", "corn"})
    page += "<p>" + Paragraph(about) + "</p>";
  page += "</div><div>";
  for (const char* about : {"fires", "floods", "fairs", "frost"}) {
    page += "<div class=x><a href=/y>All about " + std::string(about) + "</a><p>" +
            Paragraph(about) + "</p></div>";
  }
  const std::string text = ReadPage(page + "</div></main>", {}).text;
  EXPECT_THAT(text, HasSubstr("about mills"));
  EXPECT_THAT(text, HasSubstr("about corn"));
  EXPECT_THAT(text, Not(HasSubstr("about fires")));
}

TEST(MainContent, NamesDoNotTakeThePageAway) {
  const std::string page = "<body class='has-sidebar'><div class='sidebar'><p>" +
                           Paragraph("mills") + "</p><p>" + Paragraph("rivers") +
                           "</p></div></body>";
  EXPECT_EQ(ReadPage(page, {}).text, Paragraph("mills") + "\n" + Paragraph("rivers") + "\n");
}

TEST(MainContent, OfAPageOfLinksIsNothing) {
  std::string page = "<ul>";
  for (int i = 0; i < 50; ++i)
    page += "<li><a href=/" + std::to_string(i) + ">One of many places</a>";
  const Page read = ReadPage(page, {});
  EXPECT_EQ(read.text, "");
  EXPECT_EQ(read.problem, PageProblem::kNoText);
  PageOptions all;
  all.main_content = false;
  EXPECT_THAT(ReadPage(page, all).text, HasSubstr("One of many places\nOne of"));
}

TEST(MainContent, TablesOfThingsThatHaveLinksStay) {
  std::string page = "<div><p>" + Paragraph("films") + "</p><table>";
  for (int i = 0; i < 10; ++i) {
    page += "<tr><td><a href=/f>Film</a></td><td>" + Paragraph("film " + std::to_string(i)) +
            "</td></tr>";
  }
  EXPECT_THAT(ReadPage(page + "</table></div>", {}).text, HasSubstr("about film 5 can say"));
}

TEST(PageFacts, AreThoseThatThePageTells) {
  const Page page = ReadPage(NewsPage("x"), {});
  EXPECT_EQ(page.facts.title, "The mill at the river");
  EXPECT_EQ(page.facts.date, "2024-05-17T08:00:00Z");
  EXPECT_EQ(page.facts.language, "en");
  ASSERT_EQ(page.facts.links.size(), 5u);
  EXPECT_EQ(page.facts.links[3].target, "/more?x=1&y=2");
  EXPECT_EQ(page.facts.links[3].anchor, "More of it");
}

PageFacts FactsOf(std::string_view html) {
  WorkBudget unlimited;
  return ReadPageFacts(HtmlTree(html), &unlimited);
}

TEST(PageFacts, TakeTheSurestPlace) {
  EXPECT_EQ(
      FactsOf(
          "<title>A | B</title><meta name='twitter:title' content=T><meta property='x og:title' "
          "content='O &amp; P'><h1>H</h1>")
          .title,
      "O & P");
  EXPECT_EQ(FactsOf("<title>What is new in town | News</title>").title, "What is new in town");
  EXPECT_EQ(FactsOf("<title>Two - words</title>").title, "Two - words");
  EXPECT_EQ(
      FactsOf("<title>Site: A long heading</title><h1>Site</h1><h1> A long\n heading</h1>").title,
      "A long heading");
  EXPECT_EQ(FactsOf("<h1>Only this</h1>").title, "Only this");
  EXPECT_EQ(FactsOf("<svg><title>icon</title></svg><title>Page</title>").title, "Page");
  EXPECT_EQ(FactsOf("<time datetime=2020-01-02>x</time><meta name=date content='last week'>").date,
            "2020-01-02");
  EXPECT_EQ(
      FactsOf(
          "<script type='application/ld+json'>{\"datePublished\" : \"2021-12-31\"}</script><time "
          "datetime=2020-01-02>")
          .date,
      "2021-12-31");
  EXPECT_EQ(FactsOf("<time datetime=2020-13-02>").date, "");
  EXPECT_EQ(FactsOf("<a href='#top'>x</a><a href=' '>y</a><a>z</a>").links.size(), 0u);
  EXPECT_EQ(FactsOf("<base href=/a/><base href=/b/>").base, "/a/");
}

// Whoever reads it later knows one form.
TEST(PageFacts, DatesHaveOneFormAndAreInTheCalendar) {
  EXPECT_EQ(FactsOf("<meta name=date content='2024/02/29 08:00'>").date, "2024-02-29 08:00");
  EXPECT_EQ(FactsOf("<time datetime=2024/05/17>").date, "2024-05-17");
  EXPECT_EQ(
      FactsOf("<script type='application/ld+json'>{\"datePublished\": \"2024/05/17\"}</script>")
          .date,
      "2024-05-17");
  for (const std::string none :
       {"2023-02-29", "2024-04-31", "2024-05-00", "2024/05-17", "2024-5-17"}) {
    EXPECT_EQ(FactsOf("<meta name=date content=" + none + "><time datetime=2020-01-02>").date,
              "2020-01-02")
        << none;
  }
}

TEST(PageFacts, AreNoLongerThanTheyCanBe) {
  const std::string much(1 << 20, 'x');
  const PageFacts long_ones =
      FactsOf("<html lang='" + much + "'><meta name=title content='" + much +
              "'><meta name=date content='2024-05-17T08:00:00Z " + much + "'>");
  EXPECT_EQ(long_ones.language, "");
  EXPECT_EQ(long_ones.title, much.substr(0, 1000));
  EXPECT_EQ(long_ones.date, "2024-05-17T08:00:00Z " + much.substr(0, 79));
  EXPECT_EQ(FactsOf("<html lang='" + much.substr(0, 35) + "'>").language, much.substr(0, 35));
}

// A cut never leaves a part of a character.
TEST(PageFacts, OfLongTextsAreWholeCharacters) {
  std::string worlds;
  for (int i = 0; i < 400; ++i) worlds += "世";
  for (const std::string before : {"", "x", "xx"}) {
    const Page page =
        ReadPage("<title>" + before + worlds + "</title>", {"text/html; charset=utf-8"});
    EXPECT_GT(page.facts.title.size(), 990u);
    EXPECT_TRUE(IsUtf8(page.facts.title)) << before;
  }
  for (size_t most = 0; most < 12; ++most) {
    const std::string_view text = "a\u00e9\u4e16\U0001f600b";
    const std::string_view whole = WholeCharacters(text, most);
    EXPECT_TRUE(IsUtf8(whole) && whole.size() <= most && most - whole.size() < 4) << most;
  }
  EXPECT_EQ(WholeCharacters("\x80\x80\x80\x80\x80\x80", 5).size(), 2u) << "no text: anywhere";
}

TEST(Charset, KnowsTheLabelsOfTheWeb) {
  EXPECT_EQ(FindEncoding(" Latin1\n"), "windows-1252");
  EXPECT_EQ(FindEncoding("utf8"), "UTF-8");
  EXPECT_EQ(FindEncoding("x-sjis"), "Shift_JIS");
  EXPECT_EQ(FindEncoding("gb2312"), "GBK");
  EXPECT_EQ(FindEncoding("klingon"), "");
  EXPECT_EQ(FindEncoding(""), "");
}

TEST(Charset, ReadsWhatAPageDeclares) {
  EXPECT_EQ(DeclaredEncoding("<meta charset=iso-8859-2>"), "ISO-8859-2");
  EXPECT_EQ(DeclaredEncoding("<!-- <meta charset=koi8-r> --><META CharSet = 'UTF-8'>"), "UTF-8");
  EXPECT_EQ(
      DeclaredEncoding("<meta http-equiv=content-type content='text/html; charset = \"koi8-r\"'>"),
      "KOI8-R");
  EXPECT_EQ(DeclaredEncoding("<meta content='text/html; charset=koi8-r'>"), "");
  EXPECT_EQ(DeclaredEncoding("<meta charset=utf-16>"), "UTF-8");
  EXPECT_EQ(DeclaredEncoding("<meta charset=none><meta charset=big5>"), "Big5");
  EXPECT_EQ(DeclaredEncoding("<metacharset=big5>"), "");
  EXPECT_EQ(DeclaredEncoding("<meta charset=big5"), "");
  EXPECT_EQ(CharsetOfContentType("text/html;charset=\"a b\"; x"), "a b");
  EXPECT_EQ(CharsetOfContentType("text/html; charset=x; y"), "x");
  EXPECT_EQ(CharsetOfContentType("text/html; charset"), "");
  EXPECT_EQ(CharsetOfContentType("text/html; charset='x"), "");
}

TEST(Charset, MarkThenHeaderThenPageThenBytes) {
  const std::string page = "<meta charset=koi8-r>\xe9";
  EXPECT_EQ(EncodingOfPage("\xef\xbb\xbf" + page, "text/html; charset=big5"), "UTF-8");
  EXPECT_EQ(EncodingOfPage(page, "text/html; charset=big5"), "Big5");
  EXPECT_EQ(EncodingOfPage(page, "text/html; charset=no-such"), "KOI8-R");
  EXPECT_EQ(EncodingOfPage("é", ""), "UTF-8");
  EXPECT_EQ(EncodingOfPage(std::string_view("\xfe\xff\0a", 4), ""), "UTF-16BE");
  EXPECT_EQ(EncodingOfPage("\x93quoted\x94 words \x96 and more of them", ""), "windows-1252");
  std::string russian;
  for (int i = 0; i < 20; ++i)
    russian += "\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0? ";
  EXPECT_EQ(EncodingOfPage(russian, ""), "windows-1251");
}

TEST(Charset, BytesThatContradictTheDeclarationDecide) {
  std::string german;
  std::string latin1;
  std::string russian;
  for (int i = 0; i < 8; ++i) {
    german += "Die Häuser stehen. ";
    latin1 +=
        "F\xfcnf gr\xf6\xdf"
        "ere H\xe4user stehen an der Stra\xdf"
        "e, wei\xdf man. ";
    russian += "\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0? ";
  }
  for (const std::string name : {"iso-8859-1", "gb2312", "shift_jis", "windows-1251"}) {
    EXPECT_EQ(EncodingOfPage("<meta charset=" + name + ">" + german, ""), "UTF-8") << name;
    EXPECT_EQ(EncodingOfPage(german, "text/html; charset=" + name), "UTF-8") << name;
    // One byte that is none, or few characters: then it may be what it says.
    const std::string_view said = FindEncoding(name);
    EXPECT_EQ(EncodingOfPage(german + "\xfc.", "text/html; charset=" + name), said);
    EXPECT_EQ(EncodingOfPage("Die Häuser", "text/html; charset=" + name), said);
  }
  // The header is wrong, the page itself is right.
  EXPECT_EQ(EncodingOfPage("<meta charset=windows-1251>" + russian, "text/html; charset=utf-8"),
            "windows-1251");
  EXPECT_EQ(EncodingOfPage("<meta charset=utf-8>" + russian, ""), "windows-1251");
  // Behind as much ASCII as is looked at.
  EXPECT_EQ(EncodingOfPage(std::string(100'000, 'x') + russian, ""), "windows-1251");
  EXPECT_EQ(EncodingOfPage(german + "\xfc\xfc\xfc\xfc\xfc\xfc\xfc", "text/html; charset=utf-8"),
            "UTF-8");
  EXPECT_EQ(ToUtf8(latin1, EncodingOfPage(latin1, "text/html; charset=utf-8")).substr(0, 6),
            "Fünf ");
  EXPECT_EQ(EncodingOfPage("<p>plain", "text/html; charset=utf-16"), "UTF-8");
  // Seven bits, and yet no ASCII.
  const std::string japanese = "\x1b$B?e<V>.20\x1b(B";
  EXPECT_EQ(EncodingOfPage(japanese, ""), "ISO-2022-JP");
  EXPECT_EQ(ToUtf8(japanese, "ISO-2022-JP"), "水車小屋");
  EXPECT_EQ(EncodingOfPage(japanese + "é", ""), "UTF-8");
}

std::string WideOf(std::string_view ascii, bool big_endian) {
  std::string wide;
  for (const char c : ascii) wide += big_endian ? std::string{'\0', c} : std::string{c, '\0'};
  return wide;
}

TEST(Charset, Utf16IsKnownWithoutAMark) {
  for (const bool big_endian : {false, true}) {
    const std::string_view name = big_endian ? "UTF-16BE" : "UTF-16LE";
    const std::string page = WideOf("<html><p>\r\n" + Paragraph("mills"), big_endian);
    // Whatever the server says, "utf-16" without an order too.
    for (const char* const type : {"", "text/html", "text/html; charset=utf-8",
                                   "text/html; charset=utf-16", "text/html; charset=utf-16be"}) {
      EXPECT_EQ(EncodingOfPage(page, type), name) << type;
    }
    EXPECT_EQ(EncodingOfPage(page + "x", ""), name);
    EXPECT_EQ(EncodingOfPage(page.substr(0, 16), ""), name);
    EXPECT_EQ(ReadPage(page, {}).text, Paragraph("mills") + "\n");
    EXPECT_EQ(EncodingOfPage(WideOf("1234567", big_endian), ""), "UTF-8");  // may be anything
    // No text: a control character, two zeros, and letters of four bytes.
    EXPECT_NE(EncodingOfPage(page + WideOf("\x01", big_endian), ""), name);
    EXPECT_NE(EncodingOfPage(page + std::string(2, '\0'), ""), name);
    EXPECT_NE(EncodingOfPage(WideOf(page, big_endian), ""), name);
  }
  // Of letters of other scripts the low byte may be the zero.
  std::string chinese = WideOf("<html><body><p>", false);
  for (int i = 0; i < 14; ++i) chinese += {'\0', '\x4e'};
  EXPECT_EQ(EncodingOfPage(chinese, ""), "UTF-16LE");
  // With few Latin letters only a declaration tells.
  for (int i = 0; i < 14; ++i) chinese += {'\x2d', '\x4e'};
  EXPECT_NE(EncodingOfPage(chinese, ""), "UTF-16LE");
  EXPECT_EQ(EncodingOfPage(chinese, "text/html; charset=utf-16"), "UTF-16LE");
}

TEST(Charset, GivesUtf8WhateverTheBytes) {
  EXPECT_EQ(ToUtf8("\xe9\x80\x81", "windows-1252"), "é€\u0081");
  EXPECT_EQ(ToUtf8("\xcf\xf0\xe8", "windows-1251"), "При");
  EXPECT_EQ(ToUtf8("\x93\xfa\x96\x7b\x81", "Shift_JIS"), "日本\uFFFD");
  EXPECT_EQ(ToUtf8("\xc4\xe3\xff\x41", "GBK"), "你\uFFFDA");
  // Those whose last letter may get an accent.
  EXPECT_EQ(ToUtf8("ba", "windows-1258"), "ba");
  EXPECT_EQ(ToUtf8("\xf9\xec", "windows-1255"), "של");
  EXPECT_EQ(ToUtf8("\xf9\xff\xec", "windows-1255"), "ש\uFFFDל");
  EXPECT_EQ(ToUtf8("ba\x8a", "windows-1258"), "ba\uFFFD");
  EXPECT_EQ(ToUtf8(std::string_view("\xff\xfe\x3d\xd8\x00\xde", 6), "UTF-16LE"), "😀");
  // Half a surrogate pair.
  EXPECT_EQ(ToUtf8(std::string_view("\xff\xfe\x61\0\0\xdc\x62\0\x63\0", 10), "UTF-16LE"),
            "a\uFFFDbc");
  EXPECT_EQ(ToUtf8(std::string_view("\0\x61\xd8\0\0\x62\0\x63", 8), "UTF-16BE"), "a\uFFFDbc");
  EXPECT_EQ(ToUtf8("\xef\xbb\xbf"
                   "a\xff\xc3",
                   "UTF-8"),
            "a\uFFFD\uFFFD");
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("12345678é中😀12345678"));
  EXPECT_FALSE(IsUtf8("12345678\xed\xa0\x80"));
  for (const char* name : {"IBM866", "ISO-8859-8", "macintosh", "EUC-JP", "EUC-KR", "Big5",
                           "gb18030", "windows-874", "x-mac-cyrillic", "KOI8-U", "ISO-2022-JP"}) {
    EXPECT_EQ(ToUtf8("abc", name), "abc") << name;
  }
}

TEST(Page, ReadsOldEncodings) {
  const std::string page =
      "<html><meta charset=iso-8859-1><p>Caf\xe9 \x93" + Paragraph("coffee") + "\x94</p>";
  const Page read = ReadPage(page, {});
  EXPECT_EQ(read.text, "Café “" + Paragraph("coffee") + "”\n");
  EXPECT_EQ(read.encoding, "windows-1252");
}

TEST(Page, IsKnownByItsBeginning) {
  const std::string comment = "<!-- " + std::string(2000, 'x') + " -->";
  for (const std::string page :
       {"<html>", "<!DOCTYPE HTML PUBLIC \"x\">", "\r\n <!DocType html>", "<head>",
        "<BODY class=x>", "<title>x", "<?xml version='1.0'?>\n<html xmlns=x>"}) {
    EXPECT_TRUE(BeginsLikeHtml("\xef\xbb\xbf" + page)) << page;
    EXPECT_TRUE(BeginsLikeHtml("\r\n\xef\xbb\xbf\xef\xbb\xbf " + page)) << page;
    EXPECT_TRUE(BeginsLikeHtml(comment + "\n<!---->" + page)) << page;
  }
  for (const std::string& text :
       {std::string(), std::string("html"), std::string("<"), comment, comment + "words",
        std::string("<!-- <html>"), std::string("<header>"), std::string("<?xml?><rss>"),
        std::string("See <html>"), std::string("<!doctype htmlx>")}) {
    EXPECT_FALSE(BeginsLikeHtml(text)) << text;
  }
}

TEST(Page, IsStillInACodingThatNobodyUndoes) {
  const std::string_view coded = "\x8b\x10\x80\xe9 <p>";
  for (const char* const coding : {"br", "zstd", "br, gzip", "gzip,BR"}) {
    EXPECT_TRUE(IsStillCoded(coding, coded)) << coding;
    EXPECT_FALSE(IsStillCoded(coding, "<html>")) << coding;
    EXPECT_FALSE(IsStillCoded(coding, "plain words")) << coding;
  }
  for (const char* const coding : {"", "identity", "gzip", "X-GZip", "deflate", "gzip , deflate"}) {
    EXPECT_FALSE(IsStillCoded(coding, coded)) << coding;
  }
}

TEST(Page, ATextFileIsTakenAsItIs) {
  const Page read = ReadTextFile("\xef\xbb\xbf<html> is what pages begin with.\nCafé & <b>\n");
  EXPECT_EQ(read.text, "<html> is what pages begin with.\nCafé & <b>\n");
  EXPECT_EQ(read.problem, PageProblem::kNone);
  EXPECT_EQ(ReadTextFile(std::string_view("\xfe\xff\0a\0\xe9", 6)).text, "aé");
  EXPECT_EQ(ReadTextFile(" \r\n\t").problem, PageProblem::kNoText);
  EXPECT_EQ(ReadTextFile("").problem, PageProblem::kNoText);
  EXPECT_EQ(ReadTextFile("%PDF-1.4 ...").problem, PageProblem::kBinary);
  EXPECT_EQ(ReadTextFile(std::string_view("<html>\0", 7)).problem, PageProblem::kBinary);
  const std::string late = std::string(5000, 'x') + std::string(1, '\0') + "y";
  EXPECT_EQ(ReadTextFile(late).text, std::string(5000, 'x') + "y");
  const Page large = ReadTextFile(std::string((8 << 20) + 1, 'x'));
  EXPECT_TRUE(large.truncated);
  EXPECT_EQ(large.text.size(), size_t{8} << 20);
}

TEST(Page, RefusesWhatIsNoPage) {
  EXPECT_EQ(ReadPage("%PDF-1.4 ...", {}).problem, PageProblem::kBinary);
  EXPECT_EQ(ReadPage(std::string_view("\x89PNG\0\0", 6), {}).problem, PageProblem::kBinary);
  // UTF-32, whose mark begins like that of UTF-16; and what only has that mark.
  const std::string_view wide("\xff\xfe\0\0a\0\0\0", 8);
  const std::string_view marked(
      "\xff\xfe"
      "a\0\0\0"
      "b\0",
      8);
  for (const std::string_view bytes : {wide, marked}) {
    EXPECT_EQ(ReadPage(bytes, {}).problem, PageProblem::kBinary);
    EXPECT_EQ(ReadPage(bytes, {"text/html; charset=utf-16le"}).problem, PageProblem::kBinary);
  }
  EXPECT_EQ(ReadPage("", {}).problem, PageProblem::kNoText);
  EXPECT_EQ(NameOf(PageProblem::kBinary), "binary");
}

TEST(Page, ZeroBytesAreNoPartOfTexts) {
  const std::string zeros(3, '\0');
  const std::string text = Paragraph("zeros");
  const std::string cut = text.substr(0, 9) + zeros + text.substr(9);
  EXPECT_EQ(ReadPage("<html><p>" + cut, {}).text, text + "\n");
  const std::string behind(8192, ' ');
  EXPECT_EQ(ReadPage("<p>" + behind + cut, {}).text, text + "\n");
  std::string wide = "\xff\xfe";
  for (const char c : "<!DOCTYPE html><p>" + cut) wide += {c, '\0'};
  EXPECT_EQ(ReadPage(wide, {}).text, text + "\n");
  EXPECT_EQ(ReadPage("<p>" + cut, {}).problem, PageProblem::kBinary);
  // Behind a comment that is longer than what is looked through for zeros.
  const std::string comment = "<!-- " + zeros + std::string(12'000, 'x') + " -->";
  EXPECT_EQ(ReadPage(comment + "<html><p>" + text, {}).text, text + "\n");
}

TEST(Page, IsKnownByItsBeginningInAnyEncoding) {
  const std::string page = "<!-- " + std::string(12'000, 'x') + " --><html><p>";
  std::string little;
  std::string big;
  for (const char c : page) {
    little += {c, '\0'};
    big += {'\0', c};
  }
  EXPECT_TRUE(BeginsLikeHtml(page, "windows-1252"));
  EXPECT_TRUE(BeginsLikeHtml(little, "UTF-16LE"));
  EXPECT_TRUE(BeginsLikeHtml(big, "UTF-16BE"));
  EXPECT_FALSE(BeginsLikeHtml(little, "UTF-16BE"));
  EXPECT_FALSE(BeginsLikeHtml(little, "UTF-8"));
}

TEST(Page, NestingWithoutEndIsNoTrouble) {
  std::string page = "<p>" + Paragraph("depth");
  for (int i = 0; i < 50'000; ++i) page += "<div><b>";
  EXPECT_EQ(ReadPage(page + Paragraph("more"), {}).text,
            Paragraph("depth") + "\n" + Paragraph("more") + "\n");
}

TEST(Page, HeadingsWithinHeadingsAreNoTrouble) {
  std::string page;
  for (int i = 0; i < 400; ++i) page += "<h1><div>";
  page += std::string(1 << 20, 'x');
  EXPECT_LE(ReadPage(page, {}).facts.title.size(), 1000u);
}

// With half of the last one it would be no UTF-8, and the first one some of windows-1250.
TEST(Page, StopsReadingBetweenCharacters) {
  std::string page = "<p>caf\u00e9 ";
  page.append(HtmlLimits().bytes - 1 - page.size(), 'x').append("\u00e9 and more");
  const Page read = ReadPage(page, {.content_type = "", .main_content = false});
  EXPECT_TRUE(read.truncated);
  EXPECT_EQ(read.encoding, "UTF-8");
  EXPECT_TRUE(read.text.starts_with("caf\u00e9 xx"));
  EXPECT_TRUE(read.text.ends_with("xx\n"));
}

TEST(Page, SaysWhenItStoppedReading) {
  const std::string page =
      "<p>" + Paragraph("size") + std::string(17 << 20, ' ') + "<p>" + Paragraph("x");
  const Page read = ReadPage(page, {});
  EXPECT_TRUE(read.truncated);
  EXPECT_EQ(read.text, Paragraph("size") + "\n");
}

}  // namespace
}  // namespace quern::text
