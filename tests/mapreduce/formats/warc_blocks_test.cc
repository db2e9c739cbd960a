// WARC files that were compressed by blocks: records that go on from one member into the next.
#include <gtest/gtest.h>

#include "tests/mapreduce/formats/warc_builder.h"
#include "tests/mapreduce/formats/warc_fixture.h"

namespace quern::mr {
namespace {

// As bgzip and pzstd do it: members end after so many bytes, wherever that is in a record.
TEST_F(WarcTest, RecordsMayGoOnInTheNextMember) {
  std::string text;
  Pages pages;
  for (int i = 0; i < 15; ++i) {
    // One that is larger than the window, and takes thousands of the smallest members.
    pages.emplace_back(fmt::format("http://{}/", i), SomeBytes(i == 7 ? 400'000 : Below(3000)));
    text += WarcResponse(pages.back().first, pages.back().second);
  }
  for (const Pack& pack : MemberPacks()) {
    for (const size_t block : {97u, 1000u, 65'280u}) {
      std::string file = PackByBlocks(pack, text, block);
      file += pack("");  // as bgzip says that this is all
      EXPECT_FALSE(
          (*FindInputFormat("warc"))->Splittable(file.substr(0, InputFormat::kFirstBytes)));
      const Contents contents = ReadAll(file);
      ASSERT_EQ(contents.pages, pages) << block;
      EXPECT_EQ(contents.set_aside, Counts());
      for (size_t i = 1; i < contents.offsets.size(); ++i) {
        ASSERT_LT(contents.offsets[i - 1], contents.offsets[i]);
      }
    }
  }
}

// One that its member ends and the next does not go on with is counted once, and nothing else is.
TEST_F(WarcTest, ARecordThatDoesNotGoOnIsSetAside) {
  const std::string a = WarcResponse("http://a/", "first");
  const std::string b = WarcResponse("http://b/", "second");
  for (const Pack& pack : MemberPacks()) {
    for (size_t cut = 1; cut < a.size() - 4; ++cut) {
      for (const std::string& file : {pack(a.substr(0, cut)) + pack(b), pack(b + a.substr(0, cut)),
                                      pack(a.substr(0, cut)) + pack("") + pack(b)}) {
        const Contents contents = ReadAll(file);
        EXPECT_EQ(contents.pages, (Pages{{"http://b/", "second"}})) << cut;
        EXPECT_EQ(contents.set_aside, (Counts{{"truncated", 1}})) << cut;
      }
    }
  }
}

// A length of one record that is wrong costs that record alone, however many members it claims.
TEST_F(WarcTest, ALengthThatClaimsManyMembersSwallowsNothing) {
  Pages pages;
  std::string text = WarcResponse("http://first/", "first");
  pages.emplace_back("http://first/", "first");
  const auto add_wrong = [&](uint64_t length) {
    text += fmt::format("WARC/1.0\r\nContent-Length: {}\r\n\r\nbody\r\n\r\n", length);
  };
  add_wrong(900'000'000);
  size_t within = 0;  // where the one is whose length ends in the file
  for (int i = 0; i < 400; ++i) {
    pages.emplace_back(fmt::format("http://{}/", i), SomeBytes(i == 70 ? 500'000 : Below(5000)));
    text += WarcResponse(pages.back().first, pages.back().second);
    if (i == 50) within = text.size();
    if (i % 100 == 50) add_wrong(i == 50 ? 700'000 : 800'000'000);
  }
  // One that ends where a record does is that of a record which holds records.
  const size_t begin = text.find("body", within);
  if (EndsBeforeARecord(text, begin + 700'000))
    text.replace(text.find("700000", within), 6, "700001");
  for (const Pack& pack : MemberPacks()) {
    for (const size_t block : {size_t{5'000}, size_t{65'280}, text.size()}) {
      const Contents contents = ReadAll(PackByBlocks(pack, text, block));
      ASSERT_EQ(contents.pages.size(), pages.size()) << block;
      EXPECT_EQ(contents.pages, pages) << block;
      uint64_t set_aside = 0;
      for (const auto& [reason, count] : contents.set_aside) set_aside += count;
      EXPECT_EQ(set_aside, 5u) << block;
      for (size_t i = 1; i < contents.offsets.size(); ++i) {
        ASSERT_LT(contents.offsets[i - 1], contents.offsets[i]);
      }
    }
  }
}

// That a member ends where a wrong length does is chance.
TEST_F(WarcTest, ALengthThatEndsWithAMemberIsNotRightForThat) {
  constexpr size_t kBlock = 5'000;
  for (const size_t about : {size_t{20'000}, size_t{700'000}}) {
    Pages pages = {{"http://first/", "first"}};
    std::string text = WarcResponse("http://first/", "first");
    constexpr std::string_view kHead = "WARC/1.0\r\nContent-Length: {:07}\r\n\r\n";
    const size_t begin = text.size() + fmt::format(kHead, 0).size();
    const size_t length = about + kBlock - (begin + about) % kBlock;
    text += fmt::format(kHead, length) + "body\r\n\r\n";
    for (int i = 0; i < 300; ++i) {
      pages.emplace_back(fmt::format("http://{}/", i), SomeBytes(3'000));
      text += WarcResponse(pages.back().first, pages.back().second);
    }
    for (const Pack& pack : MemberPacks()) {
      const Contents contents = ReadAll(PackByBlocks(pack, text, kBlock));
      ASSERT_EQ(contents.pages.size(), pages.size()) << about;
      EXPECT_EQ(contents.pages, pages) << about;
      EXPECT_EQ(contents.set_aside, (Counts{{"false_length", 1}})) << about;
    }
  }
}

// A member is asked whether a record may end before it; that it is damaged costs the record
// nothing.
TEST_F(WarcTest, ARecordThatEndsWithItsMembersIsGivenThoughTheNextOneIsDamaged) {
  for (const size_t size : {size_t{3'000}, size_t{400'000}}) {
    const Pages pages = {{"http://a/", SomeBytes(size)}};
    std::string a = WarcResponse(pages[0].first, pages[0].second);
    a.resize(a.size() - 4);  // its line ends are in the next member
    const std::string b = "\r\n\r\n" + WarcResponse("http://b/", SomeBytes(1'000));
    for (const Pack& pack : MemberPacks()) {
      const std::string whole = PackByBlocks(pack, a, a.size() / 2 + 1);
      const std::string next = pack(b);
      for (size_t bytes = 0; bytes < 200; ++bytes) {
        const Contents contents = ReadAll(whole + next.substr(0, bytes));
        ASSERT_EQ(contents.pages, pages) << size << " " << bytes;
        EXPECT_LE(contents.set_aside.size(), 1u);
      }
    }
  }
}

}  // namespace
}  // namespace quern::mr
