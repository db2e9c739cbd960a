// Lengths of WARC records that are wrong, and blocks that look as if theirs were.
#include <gtest/gtest.h>

#include "tests/mapreduce/formats/warc_builder.h"
#include "tests/mapreduce/formats/warc_fixture.h"

namespace quern::mr {
namespace {

// The text in all forms in which a record may reach into what follows it.
std::vector<std::string> FormsOf(const std::string& text) {
  std::vector<std::string> forms = {text};
  for (const Pack& pack : MemberPacks()) {
    forms.push_back(pack(text));
    forms.push_back(PackByBlocks(pack, text, 5'000));
  }
  return forms;
}

// A record without a true length, and good ones behind it.
struct WrongFile {
  explicit WrongFile(size_t filler_bytes) {
    text = WarcResponse("http://first/", "first");
    pages.emplace_back("http://first/", "first");
    wrong = text.size();
    text += "WARC/1.0\r\nContent-Length: 0000000\r\n\r\nbody\r\n\r\n";
    begin = text.size() - std::string_view("body\r\n\r\n").size();
    for (int i = 0; i < 5; ++i) {
      const std::string filler(i == 0 ? filler_bytes : 10, 'x');
      pages.emplace_back(fmt::format("http://{}/", i),
                         "<p>a\r\n\r\n<p>b\n\n<p>" + std::string(20, '\n') + filler);
      text += WarcResponse(pages.back().first, pages.back().second);
    }
  }

  // With the length that ends at `end` of the text.
  std::string EndingAt(size_t end) const {
    std::string file = text;
    file.replace(wrong + std::string_view("WARC/1.0\r\nContent-Length: ").size(), 7,
                 fmt::format("{:07}", end - begin));
    return file;
  }

  std::string text;
  size_t wrong = 0;  // where that record is
  size_t begin = 0;  // of its block
  Pages pages;       // of the others
};

// Of a block that was lost, up to every place near the end of the bytes that are looked at first.
TEST_F(WarcTest, ARecordBehindZerosIsFoundWhereverTheBytesAtHandEnd) {
  const Pages pages = {{"http://a/", "first"}, {"http://b/", "second"}};
  const std::string text = WarcResponse("http://a/", "first") + WarcResponse("http://b/", "second");
  constexpr size_t kAtHand = 4096;
  for (size_t zeros = kAtHand - 20; zeros < kAtHand + 4; ++zeros) {
    const Contents contents = ReadAll(std::string(zeros, '\0') + text, kAtHand);
    EXPECT_EQ(contents.pages, pages) << zeros;
    EXPECT_EQ(contents.set_aside, (Counts{{"bad_head", 1}})) << zeros;
  }
}

// The line ends that should end a record end every head, and stand in many a page.
TEST_F(WarcTest, ALengthThatEndsBeforeAnEmptyLineOfALaterRecordSwallowsNothing) {
  // In the window, and beyond it.
  for (const size_t filler : {size_t{10}, size_t{400'000}}) {
    const WrongFile file(filler);
    int places = 0;
    for (size_t end = file.begin; (end = file.text.find("\r\n\r\n", end)) + 4 < file.text.size();
         ++end) {
      if (EndsBeforeARecord(file.text, end)) continue;
      ++places;
      for (const std::string& form : FormsOf(file.EndingAt(end))) {
        const Contents contents = ReadAll(form);
        ASSERT_EQ(contents.pages, file.pages) << end;
        ASSERT_EQ(contents.set_aside, (Counts{{"false_length", 1}})) << end;
      }
    }
    EXPECT_EQ(places, 3 * 5) << "the heads of record and message, and a line of the page";
  }
}

// One that ends where a later record or the file does is that of a record which holds records.
TEST_F(WarcTest, ALengthThatEndsAnywhereElseSwallowsNothing) {
  const WrongFile file(10);
  for (size_t end = file.begin; end < file.text.size() + 20; ++end) {
    if (end <= file.text.size() && EndsBeforeARecord(file.text, end)) continue;
    if (end + 4 >= file.text.size() && end <= file.text.size()) continue;
    const std::string bytes = file.EndingAt(end);
    for (const std::string& form : {bytes, GzipOf(bytes), ZstdOf(bytes)}) {
      const Contents contents = ReadAll(form, 1 + end % 50);
      ASSERT_EQ(contents.pages, file.pages) << end;
      const char* const reason = end > file.text.size() ? "truncated" : "false_length";
      ASSERT_EQ(contents.set_aside, (Counts{{reason, 1}})) << end;
    }
  }
}

// Texts about WARC files have lines that look like the start of a record.
TEST_F(WarcTest, ARecordThatHoldsRecordsIsWhole) {
  const std::string inner = WarcResponse("http://inner/", "inner");
  const std::string next = WarcResponse("http://next/", "next");
  for (const size_t filler : {size_t{0}, size_t{400'000}}) {
    for (const std::string& body : {"See:\n" + inner, "See:\r\n\r\n" + inner + "That is all.",
                                    "See:\n" + inner.substr(0, inner.size() - 4)}) {
      const Pages pages = {{"http://outer/", body + std::string(filler, 'x')},
                           {"http://next/", "next"}};
      const std::string outer = WarcResponse(pages[0].first, pages[0].second);
      std::vector<std::string> files = FormsOf(outer + next);
      for (const Pack& pack : MemberPacks()) files.push_back(pack(outer) + pack(next));
      files.push_back(outer + "\r\n\r\n" + next);  // with more line ends than there should be
      for (const std::string& file : files) {
        const Contents contents = ReadAll(file);
        EXPECT_EQ(contents.pages, pages);
        EXPECT_EQ(contents.set_aside, Counts());
      }
      // Cut behind it, or in its line ends.
      for (size_t bytes = outer.size() - 4; bytes < outer.size() + 20; ++bytes) {
        const Contents contents = ReadAll((outer + next).substr(0, bytes));
        EXPECT_EQ(contents.pages, (Pages{pages[0]})) << bytes;
      }
    }
  }
}

// What is looked at behind a record need not be there, nor be right.
TEST_F(WarcTest, ARecordBeforeDamageIsGiven) {
  for (const size_t size : {size_t{10}, size_t{400'000}}) {
    const Pages pages = {{"http://a/", std::string(size, 'x')}};
    const std::string a = WarcResponse(pages[0].first, pages[0].second);
    for (const char* garbage : {"x", "garbage", "once upon a time there was"}) {
      EXPECT_EQ(ReadAll(a + garbage).pages, pages);
      EXPECT_EQ(ReadAll(a + garbage).set_aside, (Counts{{"bad_head", 1}})) << garbage;
    }
  }
  // A member that is cut so many bytes behind the record: they lie in the file as they are.
  const std::string a = WarcResponse("http://a/", "first");
  const std::string packed = GzipOf(a + WarcResponse("http://b/", "second"), 0);
  const size_t end = packed.find(a) + a.size();
  for (size_t bytes = 1; bytes < 20; ++bytes) {
    const Contents contents = ReadAll(packed.substr(0, end + bytes));
    EXPECT_EQ(contents.pages, (Pages{{"http://a/", "first"}})) << bytes;
    EXPECT_EQ(contents.set_aside, (Counts{{"bad_member", 1}})) << bytes;
  }
}

}  // namespace
}  // namespace quern::mr
