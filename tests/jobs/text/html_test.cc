// Tags, references, trees and paragraphs of HTML.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/text/html_blocks.h"
#include "jobs/text/html_entities.h"
#include "jobs/text/html_tree.h"
#include "tests/support/random_test.h"

namespace quern::text {
namespace {

using ::testing::ElementsAre;

std::string Unescaped(std::string_view text, bool in_attribute = false) {
  std::string out;
  AppendUnescapedHtml(text, in_attribute, &out);
  return out;
}

TEST(HtmlEntities, AreReplacedAsBrowsersDo) {
  EXPECT_EQ(Unescaped("a&amp;b &lt;&gt; &eacute;&Eacute; &notin; &not; &NotEqualTilde;"),
            "a&b <> éÉ ∉ ¬ ≂̸");
  EXPECT_EQ(Unescaped("&#65;&#x42;&#X43; &#8364; &#x1F600;"), "ABC € 😀");
  EXPECT_EQ(Unescaped("&#150;&#x80;"), "–€") << "windows-1252 was meant";
  EXPECT_EQ(Unescaped("&#0;&#xD800;&#x110000;&#99999999999;"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(Unescaped("&copy 2 &copyleft &ampamp; &notit;"), "© 2 ©left &amp; ¬it;");
  EXPECT_EQ(Unescaped("& && &; &#; &#x; &zzz; &hellip a&"), "& && &; &#; &#x; &zzz; &hellip a&");
  EXPECT_EQ(Unescaped("?a=1&copy=2&reg;&lt", true), "?a=1&copy=2®<");
}

// <tag> with its children in brackets, texts in quotes.
std::string Shape(const HtmlTree& tree, uint32_t node = 0) {
  std::string shape;
  for (uint32_t i = node + 1; i < tree.node(node).end; i = tree.node(i).end) {
    const HtmlNode& child = tree.node(i);
    EXPECT_EQ(child.parent, node);
    if (!shape.empty()) shape += ' ';
    if (child.tag == HtmlTag::kText) {
      shape.append("'").append(child.text).append("'");
      continue;
    }
    shape += child.text;
    if (child.end > i + 1) shape += "(" + Shape(tree, i) + ")";
  }
  return shape;
}
std::string ShapeOf(std::string_view html, const HtmlLimits& limits = {}) {
  return Shape(HtmlTree(html, limits));
}

TEST(HtmlTree, ReadsTagsAsTheyAreWritten) {
  EXPECT_EQ(ShapeOf("<!DOCTYPE html><p>a<!-- <b> --><B>b</b ></p><?php x ?></ >c"),
            "p('a' B('b')) 'c'");
  EXPECT_EQ(ShapeOf("a < b <3 </> <"), "'a ' '< b ' '<3 ' ' ' '<'");
  EXPECT_EQ(ShapeOf("<!-->a<!--->b<!--c--!>d<!-- e"), "'a' 'b' 'd'");
  EXPECT_EQ(ShapeOf("<p>a<b class"), "p('a')") << "a tag that the page does not end is none";
  EXPECT_EQ(ShapeOf("<script>if (a<b) '</p>'</SCRIPT >x<style></style><title>a&amp;<b></title>"),
            "script('if (a<b) '</p>'') 'x' style title('a&<b>')");
  EXPECT_EQ(ShapeOf("<textarea><p></textarea2></textarea>x<xmp>&lt;</xmp>"),
            "textarea('<p></textarea2>') 'x' xmp('&lt;')");
  EXPECT_EQ(ShapeOf("<br/><hr><img src=a>x<div/>y"), "br hr img 'x' div('y')");
}

TEST(HtmlTree, GivesAttributes) {
  const HtmlTree tree(
      "<a HREF=x?a=1&amp;b=2 title='q\"&lt;' class = \"m n\" disabled id=1 id=2 /data-x=/y/>t");
  EXPECT_EQ(tree.Attribute(1, "href"), "x?a=1&b=2");
  EXPECT_EQ(tree.Attribute(1, "title"), "q\"<");
  EXPECT_EQ(tree.RawAttribute(1, "title"), "q\"&lt;");
  EXPECT_EQ(tree.Attribute(1, "class"), "m n");
  EXPECT_EQ(tree.Attribute(1, "disabled"), "");
  EXPECT_EQ(tree.Attribute(1, "id"), "1");
  EXPECT_EQ(tree.Attribute(1, "data-x"), "/y/");
  EXPECT_EQ(tree.Attribute(1, "none"), std::nullopt);
}

TEST(HtmlTree, SuppliesEndTagsThatMayBeLeftOut) {
  EXPECT_EQ(ShapeOf("<p>a<p>b<div>c</div>d"), "p('a') p('b') div('c') 'd'");
  EXPECT_EQ(ShapeOf("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e"),
            "ul(li('a') li('b' ul(li('c'))) li('d')) 'e'");
  EXPECT_EQ(ShapeOf("<dl><dt>a<dd>b<dt>c<dd>d</dl>"), "dl(dt('a') dd('b') dt('c') dd('d'))");
  EXPECT_EQ(ShapeOf("<table><tr><td>a<td>b<tr><th>c<table><tr><td>d</table>e</table>f"),
            "table(tr(td('a') td('b')) tr(th('c' table(tr(td('d'))) 'e'))) 'f'");
  EXPECT_EQ(ShapeOf("<table><caption>a<thead><tr><th>b<tbody><tr><td>c<tfoot><tr><td>d</table>"),
            "table(caption('a') thead(tr(th('b'))) tbody(tr(td('c'))) tfoot(tr(td('d'))))");
  EXPECT_EQ(ShapeOf("<select><optgroup><option>a<option>b<optgroup><option>c</select>d"),
            "select(optgroup(option('a') option('b')) optgroup(option('c'))) 'd'");
  EXPECT_EQ(ShapeOf("<html lang=de><head><title>t</title><p>a</html>b"),
            "html(head(title('t')) p('a' 'b'))");
  EXPECT_EQ(ShapeOf("<body><body class=x>a</body>b<html>"), "body('a' 'b')");
}

TEST(HtmlTree, PassesOverWhatIsWrong) {
  EXPECT_EQ(ShapeOf("</p></div>a<b>b</i>c</b>d"), "'a' b('b' 'c') 'd'");
  EXPECT_EQ(ShapeOf("<div><span>a</div>b</span>c"), "div(span('a')) 'b' 'c'");
  EXPECT_EQ(ShapeOf("<b><p>a</b>b</p>c"), "b(p('a' 'b') 'c')");
  EXPECT_EQ(ShapeOf("<a href=1>a<a href=2>b</a>"), "a('a') a('b')");
  EXPECT_EQ(ShapeOf("<h1>a<h2>b</h1>c"), "h1('a') h2('b') 'c'");
  EXPECT_EQ(ShapeOf("<table><tr><td><div>a</td></div>b</table>"), "table(tr(td(div('a')) 'b'))");
  EXPECT_EQ(ShapeOf("<my-box><x-y>a</my-box>b"), "my-box(x-y('a')) 'b'");
  EXPECT_EQ(ShapeOf("<svg><path/><title>t</title><p>a"), "svg(path title('t')) p('a')");
}

TEST(HtmlTree, BoundsWhatItReads) {
  HtmlLimits limits;
  limits.depth = 4;
  EXPECT_EQ(ShapeOf("<i><b><u><s>a</s>b</u>c", limits), "i(b(u(s 'a' 'b') 'c'))");
  limits.attributes = 2;
  const HtmlTree tree("<p a=1><p b=2 c=3><p d=4>", limits);
  EXPECT_EQ(tree.Attribute(2, "b"), "2");
  EXPECT_EQ(tree.Attribute(2, "c"), std::nullopt);
  EXPECT_EQ(tree.Attribute(3, "d"), std::nullopt);
  limits.nodes = 5;
  const HtmlTree few("<br><br><br><br><br><br>", limits);
  EXPECT_EQ(few.size(), 5u);
  EXPECT_TRUE(few.truncated());
  limits.bytes = 6;
  EXPECT_EQ(ShapeOf("<p>abcdef", limits), "p('abc')");
}

class HtmlRandomTest : public RandomTest {
 protected:
  std::string RandomPage(uint64_t parts) {
    const std::string_view pieces[] = {
        "<p>",       "</p>",    "<div>",    "</div>",    "<b>",      "</b>",    "<li>",
        "<ul>",      "</ul>",   "<table>",  "<tr>",      "<td>",     "</td>",   "</table>",
        "<a>",       "</a>",    "<script>", "</script>", "<!--",     "-->",     "<svg>",
        "</svg>",    "<title>", "</title>", "<h1>",      "<br>",     "<x>",     "</x>",
        "<",         ">",       "&amp",     "text ",     "\"",       "'",       "=",
        "<a href='", "\xff",    "<body>",   "</body>",   "<select>", "<option>"};
    std::string page;
    for (uint64_t i = Below(parts); i > 0; --i) page += pieces[Below(std::size(pieces))];
    return page;
  }
};

TEST_F(HtmlRandomTest, AnyBytesGiveATree) {
  for (int round = 0; round < 3000; ++round) {
    const std::string page = RandomPage(60);
    HtmlLimits limits;
    limits.depth = 2 + Below(8);
    const HtmlTree tree(page, limits);
    std::vector<size_t> depth(tree.size());
    for (uint32_t i = 1; i < tree.size(); ++i) {
      const HtmlNode& node = tree.node(i);
      ASSERT_LT(node.parent, i);
      ASSERT_GT(node.end, i);
      ASSERT_LE(node.end, tree.node(node.parent).end) << page;
      depth[i] = depth[node.parent] + 1;
      ASSERT_LE(depth[i], limits.depth + 1) << page;
    }
    for (const HtmlBlock& block : ReadHtmlBlocks(tree)) ASSERT_FALSE(block.text.empty());
  }
}

std::vector<std::string> BlocksOf(std::string_view html) {
  std::vector<std::string> texts;
  for (const HtmlBlock& block : ReadHtmlBlocks(HtmlTree(html))) texts.push_back(block.text);
  return texts;
}

TEST(HtmlBlocks, AreWhatStandsBetweenLineBreaks) {
  EXPECT_THAT(
      BlocksOf("<head><title>t</title></head><h1> A  <b>b</b>\n c</h1><p>d<br>e<div>f <i>g</i>"
               "<p>h</p>i</div>j"),
      ElementsAre("A b c", "d", "e", "f g", "h", "i", "j"));
  EXPECT_THAT(BlocksOf("<pre> a\n  b </pre><td>x&nbsp;y&nbsp;</td>"),
              ElementsAre(" a\n  b", "x y"));
}

TEST(HtmlBlocks, LeaveOutWhatIsNotShown) {
  EXPECT_THAT(
      BlocksOf(
          "a<script>s</script><style>s</style><noscript>n</noscript><svg><text>v</text></svg>"
          "<select><option>o</select><button>b</button><p hidden>h</p>"
          "<p style='color:red; display: none'>h</p><p style=visibility:hidden>h</p>"
          "<p style='DISPLAY:None'>h</p><p aria-hidden=true>h</p><p style='display:block'>c</p>"),
      ElementsAre("a", "c"));
}

TEST(HtmlBlocks, CountLinksAndMarks) {
  const auto blocks = ReadHtmlBlocks(HtmlTree("<p>One, two; <a href=x>three.</a> (Four?)"));
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].letters, 21u);
  EXPECT_EQ(blocks[0].link_letters, 6u);
  EXPECT_EQ(blocks[0].commas, 2u);
  EXPECT_EQ(blocks[0].sentence_ends, 2u);
  const auto chinese = ReadHtmlBlocks(HtmlTree("<p>你好，世界。再见！"));
  EXPECT_EQ(chinese[0].commas, 1u);
  EXPECT_EQ(chinese[0].sentence_ends, 2u);
}

}  // namespace
}  // namespace quern::text
