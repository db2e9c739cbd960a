// WARC files, right ones and all kinds of wrong ones.
#include <gtest/gtest.h>

#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/warc/gzip_search.h"
#include "mapreduce/formats/warc/warc_reader.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/mapreduce/formats/warc_builder.h"
#include "tests/mapreduce/formats/warc_fixture.h"

namespace quern::mr {
namespace {

TEST_F(WarcTest, GivesTheTargetAndThePayloadPlainOrPacked) {
  const std::string info =
      "WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 5\r\n\r\na: b\n\r\n\r\n";
  const std::string page = WarcResponse("<http://a/>", "hello");  // as wget writes it
  const std::string text = WarcRecord("conversion", "http://a/", "text/plain", "HTTP/1.1 what");
  const Pages pages = {{"", "a: b\n"}, {"http://a/", "hello"}, {"http://a/", "HTTP/1.1 what"}};
  std::string skip("\x50\x2a\x4d\x18\x04\x00\x00\x00size", 12);
  for (const std::string& file :
       {info + page + text, GzipOf(info) + GzipOf(page) + GzipOf(text), GzipOf(info + page + text),
        ZstdOf(info) + skip + ZstdOf(page) + ZstdOf(text), ZstdOf(info + page + text),
        XzOf(info + page + text), Bzip2Of(info + page) + Bzip2Of(text)}) {
    for (const size_t stream_bytes : {1u, 7u, 4096u}) {
      const Contents contents = ReadAll(file, stream_bytes);
      EXPECT_EQ(contents.pages, pages);
      EXPECT_EQ(contents.set_aside, Counts());
      EXPECT_TRUE(std::is_sorted(contents.offsets.begin(), contents.offsets.end()));
    }
  }
}

TEST_F(WarcTest, KnowsTheHeadsOfRecordAndMessage) {
  MemoryFile file(GzipOf(WarcResponse("http://a/", "hello", "X-Long: one\r\n  two\r\n",
                                      "WARC-Date: 2026-11-28T18:00:00Z\r\n")),
                  4096);
  auto opened = (*FindInputFormat("warc"))->Open(Read(), &file, 0, file.length());
  ASSERT_OK(opened.status());
  RecordReader* const reader = opened->get();
  ASSERT_TRUE(reader->Next());
  EXPECT_EQ(reader->header("HTTP-Status"), "200");
  EXPECT_EQ(reader->header("warc-date"), "2026-11-28T18:00:00Z");
  EXPECT_EQ(reader->header("http-content-type"), "text/plain");
  EXPECT_EQ(reader->header("HTTP-X-Long"), "one two");
  EXPECT_EQ(reader->header("Content-Type"), "application/http; msgtype=response");
  EXPECT_EQ(reader->header("HTTP-Server"), "");
  EXPECT_FALSE(reader->Next());
}

TEST_F(WarcTest, UndoesTheCodingsOfBodies) {
  const std::string text(5000, 'x');
  const std::string chunked = "5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n";
  const std::string gzip = "Content-Encoding: gzip\r\n";
  const std::string deflate = "Content-Encoding: deflate\r\n";
  const std::string zip = GzipOf(text);
  std::string latin = "<p>";
  for (int i = 0; i < 60; ++i) latin += "Caf\xe9. ";
  const struct {
    std::string fields, body, expected;
  } cases[] = {
      {"Transfer-Encoding: chunked\r\n", chunked, "hello world"},
      {gzip, zip, text},
      {gzip, zip + GzipOf("") + GzipOf(" and more"), text + " and more"},
      {gzip, zip + std::string(20, '\0'), text},
      {"Content-Encoding: deflate\r\n", ZlibOf(text), text},
      {"Content-Encoding: Deflate\r\n", DeflateOf(text), text},
      {"Content-Encoding: gzip, x-gzip\r\n", GzipOf(zip), text},
      {gzip + "transfer-encoding: chunked\r\n",
       fmt::format("{:x}\r\n{}\r\n{:X}\r\n{}\r\n0\r\n\r\n", 10, zip.substr(0, 10), zip.size() - 10,
                   zip.substr(10)),
       text},
      // What only claims to be coded, or in a way that is not known.
      {"Transfer-Encoding: chunked\r\n", "<html>", "<html>"},
      {gzip, "<html>", "<html>"},
      {"Content-Encoding: br\r\n", "\x0b\x02", "\x0b\x02"},
      {gzip, "", ""},
      {deflate, "<html><p>Caf\u00e9", "<html><p>Caf\u00e9"},
      {deflate, text, text},
      {deflate, "x^2 + y^2 = 1", "x^2 + y^2 = 1"},  // begins as zlib does
      {deflate, "x y", "x y"},                      // the same, and asks for a dictionary
      {deflate, "{\"a\": 1}", "{\"a\": 1}"},        // begins a block that would be the last
      {deflate, "K" + std::string(300, ' '), "K" + std::string(300, ' ')},  // decodes to its end
      {deflate, latin, latin},
      {"Content-Encoding: gzip, deflate\r\n", "<html>", "<html>"},
      {"Content-Encoding: deflate, deflate\r\nTransfer-Encoding: chunked\r\n",
       "3\r\n<ht\r\n3\r\nml>\r\n0\r\n\r\n", "<html>"},
  };
  for (const auto& one : cases) {
    const Contents contents = ReadAll(WarcResponse("http://a/", one.body, one.fields));
    ASSERT_EQ(contents.pages, (Pages{{"http://a/", one.expected}})) << one.fields << one.body;
  }
}

TEST_F(WarcTest, ABodyThatTheCrawlerCutGivesWhatThereIs) {
  const std::string text = SomeBytes(5000);
  const std::string body = GzipOf(text).substr(0, 3000);
  const std::string fields = "Content-Encoding: gzip\r\n";
  const Contents cut = ReadAll(WarcResponse("u", body, fields, "WARC-Truncated: length\r\n"));
  ASSERT_EQ(cut.pages.size(), 1u);
  EXPECT_GT(cut.pages[0].second.size(), 1000u);
  EXPECT_TRUE(text.starts_with(cut.pages[0].second));
  EXPECT_EQ(ReadAll(WarcResponse("u", body, fields)).set_aside, (Counts{{"bad_coding", 1}}));
  // What is damaged and no text is not taken for it.
  const std::string deflate = "Content-Encoding: deflate\r\n";
  for (const std::string& coded : {ZlibOf(text), DeflateOf(text)}) {
    EXPECT_EQ(ReadAll(WarcResponse("u", coded.substr(0, 3000), deflate)).set_aside,
              (Counts{{"bad_coding", 1}}));
    const Contents rest =
        ReadAll(WarcResponse("u", coded.substr(0, 3000), deflate, "WARC-Truncated: length\r\n"));
    ASSERT_EQ(rest.pages.size(), 1u);
    EXPECT_TRUE(text.starts_with(rest.pages[0].second));
  }
}

// A good record, something else, a good record.
struct Wrong {
  const char* what;
  std::string plain;  // as it stands in a plain file; the same as a member of its own
  const char* reason;
};

std::vector<Wrong> WrongRecords() {
  const std::string good = WarcResponse("http://bad/", "body of the bad record");
  const auto with_length = [&](const std::string& length) {
    const size_t at = good.find("Content-Length: ");
    return good.substr(0, at) + "Content-Length: " + length + good.substr(good.find('\r', at));
  };
  return {
      {"no length", with_length(""), "bad_head"},
      {"a length that is none", with_length("12x"), "bad_head"},
      {"a negative length", with_length("-1"), "bad_head"},
      {"a length beyond every limit", with_length("99999999999999999"), "too_large"},
      {"a length that is too small", with_length("30"), "false_length"},
      {"no record", "once upon a time\r\n\r\n", "bad_head"},
      {"no message", WarcRecord("response", "http://bad/", "application/http", "once"),
       "no_http_head"},
      {"bad chunks", WarcResponse("u", "3\r\nabc\r\nzz\r\n", "Transfer-Encoding: chunked\r\n"),
       "bad_chunks"},
      {"a bad coding",
       WarcResponse("u", GzipOf("text").substr(0, 15), "Content-Encoding: gzip\r\n"), "bad_coding"},
  };
}

TEST_F(WarcTest, SetsWrongRecordsAsideAndGoesOnWithTheNext) {
  const std::string a = WarcResponse("http://a/", "first");
  const std::string b = WarcResponse("http://b/", "second");
  const Pages pages = {{"http://a/", "first"}, {"http://b/", "second"}};
  for (const Wrong& wrong : WrongRecords()) {
    for (const std::string& file :
         {a + wrong.plain + b, GzipOf(a) + GzipOf(wrong.plain) + GzipOf(b),
          GzipOf(a + wrong.plain + b), ZstdOf(a) + ZstdOf(wrong.plain) + ZstdOf(b)}) {
      const Contents contents = ReadAll(file);
      EXPECT_EQ(contents.pages, pages) << wrong.what;
      EXPECT_EQ(contents.set_aside, (Counts{{wrong.reason, 1}})) << wrong.what;
    }
  }
}

TEST_F(WarcTest, ALengthThatIsTooLargeSwallowsNothing) {
  const std::string a = WarcResponse("http://a/", "first");
  const std::string b = WarcResponse("http://b/", "second");
  std::string bad = WarcResponse("http://bad/", "body");
  const size_t at = bad.find("Content-Length: ");
  for (const std::string& length : {std::string("200"), std::string("90000")}) {
    const std::string longer =
        bad.substr(0, at) + "Content-Length: " + length + bad.substr(bad.find('\r', at));
    for (const std::string& file :
         {a + longer + b, GzipOf(a) + GzipOf(longer) + GzipOf(b), GzipOf(a + longer + b)}) {
      EXPECT_EQ(ReadAll(file).pages, (Pages{{"http://a/", "first"}, {"http://b/", "second"}}));
    }
  }
}

TEST_F(WarcTest, ACutFileGivesTheRecordsBeforeTheCut) {
  const std::string a = WarcResponse("http://a/", "first");
  const std::string b = WarcResponse("http://b/", "second");
  for (size_t cut = a.size() + 1; cut < a.size() + b.size() - 4; ++cut) {
    const Contents contents = ReadAll((a + b).substr(0, cut));
    EXPECT_EQ(contents.pages, (Pages{{"http://a/", "first"}})) << cut;
    EXPECT_EQ(contents.set_aside.size(), cut > a.size() + 4 ? 1u : contents.set_aside.size());
  }
  for (const Pack& pack : MemberPacks()) {
    const std::string packed = pack(a) + pack(b);
    for (size_t cut = pack(a).size() + 1; cut < packed.size(); ++cut) {
      for (const size_t stream_bytes : {1u, 4096u}) {
        const Contents contents = ReadAll(packed.substr(0, cut), stream_bytes);
        EXPECT_EQ(contents.pages, (Pages{{"http://a/", "first"}})) << cut;
        EXPECT_EQ(contents.set_aside, (Counts{{"bad_member", 1}})) << cut;
      }
    }
  }
}

TEST_F(WarcTest, ACutFrameToBeSkippedIsSetAside) {
  const std::string a = ZstdOf(WarcResponse("http://a/", "first"));
  const std::string skip("\x50\x2a\x4d\x18\x04\x00\x00\x00size", 12);
  for (size_t cut = 1; cut < skip.size(); ++cut) {
    const Contents contents = ReadAll(a + skip.substr(0, cut));
    EXPECT_EQ(contents.pages.size(), 1u) << cut;
    EXPECT_EQ(contents.set_aside, (Counts{{"bad_member", 1}})) << cut;
  }
  EXPECT_EQ(ReadAll(a + skip).set_aside, Counts());
  for (const size_t zeros : {1u, 7u, 8u, 100u}) {
    EXPECT_EQ(ReadAll(a + std::string(zeros, '\0')).set_aside, Counts()) << zeros;
  }
}

// Of the others what is decoded before the cut is given: here the first record, or nothing yet.
TEST_F(WarcTest, ACutFileOfAnyCompressionIsSetAside) {
  const std::string a = WarcResponse("http://a/", "first");
  for (const auto& pack : {XzOf, Bzip2Of, Lz4Of}) {
    const std::string packed = pack(a + WarcResponse("http://b/", SomeBytes(3'000'000)));
    for (const size_t cut : {packed.size() / 2, packed.size() - 3}) {
      const Contents contents = ReadAll(packed.substr(0, cut));
      EXPECT_EQ(contents.pages, (Pages{{"http://a/", "first"}})) << cut;
      EXPECT_EQ(contents.set_aside, (Counts{{"bad_member", 1}})) << cut;
    }
  }
}

TEST_F(WarcTest, ADamagedMemberIsSetAsideAlone) {
  const std::string a = WarcResponse("http://a/", "first");
  const std::string b = WarcResponse("http://b/", SomeBytes(300));
  const std::string c = WarcResponse("http://c/", "third");
  for (const auto& pack : {std::function<std::string(const std::string&)>(
                               [](const std::string& text) { return GzipOf(text); }),
                           std::function<std::string(const std::string&)>(ZstdOf)}) {
    const std::string member = pack(b);
    for (size_t at = 0; at < member.size(); at += 3) {
      std::string bad = member;
      bad[at] = static_cast<char>(bad[at] ^ 0x5a);
      const Contents contents = ReadAll(pack(a) + bad + pack(c));
      // Some bytes of the head of a member mean nothing. A frame has no checksum here.
      if (contents.pages.size() == 3) continue;
      EXPECT_EQ(contents.pages, (Pages{{"http://a/", "first"}, {"http://c/", "third"}})) << at;
      EXPECT_EQ(contents.set_aside.size(), 1u) << at;
    }
  }
}

TEST_F(WarcTest, FillBytesBehindTheLastMemberAreNothing) {
  const std::string a = GzipOf(WarcResponse("http://a/", "first"));
  EXPECT_EQ(ReadAll(a + std::string(1000, '\0')).set_aside, Counts());
  EXPECT_EQ(ReadAll(a + "garbage").set_aside, (Counts{{"bad_member", 1}}));
  EXPECT_EQ(ReadAll(a + "garbage").pages.size(), 1u);
}

TEST_F(WarcTest, ADamagedHeadCostsTheRecordsInIt) {
  const std::string records[] = {WarcResponse("http://a/", SomeBytes(40)),
                                 WarcResponse("http://b/", SomeBytes(9000)),
                                 WarcResponse("http://c/", "third")};
  const Pack plain = [](const std::string& text) { return text; };
  for (const Pack& pack : {plain, MemberPacks()[0], MemberPacks()[1]}) {
    const std::string first = pack(records[0]);
    const std::string rest = pack(records[1]) + pack(records[2]);
    for (const size_t zeros : {size_t{3}, size_t{30}, first.size()}) {
      for (const size_t stream_bytes : {1u, 4096u}) {
        const std::string file = std::string(zeros, '\0') + first.substr(zeros) + rest;
        const Contents contents = ReadAll(file, stream_bytes);
        ASSERT_EQ(contents.pages.size(), 2u) << zeros;
        EXPECT_EQ(contents.pages[0].first, "http://b/");
        EXPECT_EQ(contents.pages[1].first, "http://c/");
        EXPECT_EQ(contents.set_aside.size(), 1u) << zeros;
      }
    }
    // More than is looked at of a file's start; nothing of the records is lost.
    for (const char fill : {'\0', 'x'}) {
      const std::string head = std::string(70'000, fill) + "\n";
      const Contents contents = ReadAll(head + first + rest);
      EXPECT_EQ(contents.pages.size(), 3u) << static_cast<int>(fill);
      EXPECT_EQ(contents.set_aside.size(), 1u) << static_cast<int>(fill);
    }
  }
  EXPECT_EQ(ReadAll(std::string(100, '\0') + records[2]).pages, (Pages{{"http://c/", "third"}}));
}

TEST_F(WarcTest, AFileWithoutARecordIsRefusedUnlessItsNameSaysWarc) {
  const InputFormat* const warc = *FindInputFormat("warc");
  for (const std::string& bytes :
       {std::string("<html>Not found"), "x" + SomeBytes(5000), std::string(70'000, '\0')}) {
    MemoryFile file(bytes, 4096);
    ReadOptions options = Read();
    for (const char* const name : {"/in/f", "/in/f.html", "/in/f.gz"}) {
      options.path = name;
      EXPECT_THAT(
          warc->Open(options, &file, 0, file.length()),
          StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("is no WARC file")));
    }
    for (const char* const name : {"/in/f.warc", "/in/f.WARC.GZ", "/in/f.wet.gz"}) {
      options.path = name;
      const auto reader = warc->Open(options, &file, 0, file.length());
      ASSERT_OK(reader.status());
      Contents contents;
      Collect(reader->get(), &contents);
      EXPECT_EQ(contents.pages, Pages());
      EXPECT_EQ(contents.set_aside, (Counts{{"no_warc", 1}}));
    }
  }
}

TEST_F(WarcTest, BombsAreSetAside) {
  WarcReader::Limits limits;
  limits.payload_bytes = 1 << 20;
  limits.stray_bytes = 1 << 20;
  limits.block_bytes = 8 << 20;
  const std::string zeros(20 << 20, '\0');
  const std::string a = GzipOf(WarcResponse("http://a/", "first"));
  const std::string b = GzipOf(WarcResponse("http://b/", "second"));
  const Pages pages = {{"http://a/", "first"}, {"http://b/", "second"}};
  const std::string gzip = "Content-Encoding: gzip\r\n";
  const struct {
    std::string member;
    Counts set_aside;
  } cases[] = {
      {GzipOf(WarcResponse("u", GzipOf(zeros), gzip)), {{"too_large", 1}}},
      {GzipOf(WarcResponse("u", GzipOf(GzipOf(zeros)), "Content-Encoding: gzip, gzip\r\n")),
       {{"too_large", 1}}},
      {GzipOf(WarcResponse("u", zeros)), {{"too_large", 1}}},
      {GzipOf("WARC/1.0\r\n" + zeros), {{"bad_head", 1}}},
      {GzipOf(zeros), {{"bad_head", 1}}},
  };
  for (const auto& one : cases) {
    MemoryFile file(a + one.member + b, 4096);
    WarcReader reader(Read(), limits, MakeGzipMembers(&file, 0, file.length()));
    Contents contents;
    Collect(&reader, &contents);
    EXPECT_EQ(contents.pages, pages);
    EXPECT_EQ(contents.set_aside, one.set_aside);
  }
}

TEST_F(WarcTest, RecordsBeyondMemoryComeFromScratchFiles) {
  const std::string large = SomeBytes(3 << 20);
  const std::string records = WarcResponse("http://a/", "first") +
                              WarcResponse("http://l/", large) +
                              WarcResponse("http://b/", "second");
  const Pages pages = {{"http://a/", "first"}, {"http://l/", large}, {"http://b/", "second"}};
  EXPECT_EQ(ReadAll(records).pages, pages);
  EXPECT_EQ(ReadAll(GzipOf(records)).pages, pages);
  EXPECT_EQ(ReadAll(ZstdOf(records)).pages, pages);
  // A length that reaches into the next record, of a record of that size.
  std::string wrong = records;
  wrong.replace(wrong.find("Content-Length: 31"), 18, "Content-Length: 32");
  EXPECT_EQ(ReadAll(wrong).pages, (Pages{pages[0], pages[2]}));
  EXPECT_EQ(ReadAll(wrong).set_aside.size(), 1u);
}

// Counts the bytes that are read of a file.
class CountingFile final : public ReadableFile {
 public:
  explicit CountingFile(std::string contents) : file_(std::move(contents), 4096) {}
  uint64_t length() const override { return file_.length(); }
  std::unique_ptr<ByteStream> Stream(uint64_t offset, uint64_t length) override {
    class Counted final : public ByteStream {
     public:
      Counted(std::unique_ptr<ByteStream> of, uint64_t* bytes)
          : of_(std::move(of)), bytes_(bytes) {}
      absl::StatusOr<std::string_view> Next() override {
        ASSIGN_OR_RETURN(const std::string_view piece, of_->Next());
        *bytes_ += piece.size();
        return piece;
      }

     private:
      const std::unique_ptr<ByteStream> of_;
      uint64_t* const bytes_;
    };
    return std::make_unique<Counted>(file_.Stream(offset, length), &bytes_);
  }
  uint64_t bytes() const { return bytes_; }

 private:
  MemoryFile file_;
  uint64_t bytes_ = 0;
};

TEST_F(WarcTest, HeadsThatClaimMuchAreNotReadAgainAndAgain) {
  const auto hostile = [](uint64_t length) {
    std::string file = WarcResponse("http://a/", "first");
    while (file.size() < 1'500'000) {
      file += fmt::format("WARC/1.0\r\nContent-Length: {}\r\n\r\n{}\r\n", length,
                          std::string(3000, 'x'));
    }
    return file + WarcResponse("http://b/", "second");
  };
  // Within the file, or beyond its end; in the window, or not; and before the empty line of a later
  // head: heads are 3,038 bytes apart.
  for (const uint64_t length :
       {200'000u, 66 * 3038u - 4, 600'000u, 198 * 3038u - 4, 300'000'000u}) {
    CountingFile file(hostile(length));
    const Contents contents = ReadPieces(&file, file.length());
    EXPECT_EQ(contents.pages, (Pages{{"http://a/", "first"}, {"http://b/", "second"}}));
    EXPECT_FALSE(contents.set_aside.empty());
    EXPECT_LT(file.bytes(), 2 * file.length()) << length;
  }
}

// However the bytes arrive: the head of a member, of a deflate block, its checksum, all get cut.
TEST_F(WarcTest, PiecesOfTheStreamMayEndAnywhere) {
  std::string file;
  Pages pages;
  for (int i = 0; i < 40; ++i) {
    std::string text;
    while (text.size() < 1500) text += fmt::format("{} ", Below(1000));
    pages.emplace_back(fmt::format("http://{}/", i), text);
    file += GzipOf(WarcResponse(pages.back().first, text));
  }
  for (size_t stream_bytes = 1; stream_bytes < 1200; stream_bytes += 1 + Below(7)) {
    const Contents contents = ReadAll(file, stream_bytes);
    ASSERT_EQ(contents.pages, pages) << stream_bytes;
    ASSERT_EQ(contents.set_aside, Counts()) << stream_bytes;
  }
}

TEST_F(WarcTest, OnlyMembersOfOneRecordAreCut) {
  const InputFormat* const warc = *FindInputFormat("warc");
  const std::string record = WarcResponse("http://a/", SomeBytes(1000));
  EXPECT_TRUE(warc->Splittable(GzipOf(record) + GzipOf(record).substr(0, 5)));
  EXPECT_FALSE(warc->Splittable(GzipOf(record).substr(0, 900)));
  EXPECT_FALSE(warc->Splittable(record));
  EXPECT_FALSE(warc->Splittable(ZstdOf(record)));
  MemoryFile plain(record, 100);
  EXPECT_THAT(warc->Open(Read(), &plain, 10, 100), StatusIs(absl::StatusCode::kInvalidArgument));
}

// Members of a WARC file that was crawled lie in the file as they are when deflate cannot shrink
// them; they must not be taken for members of this file at a border.
TEST_F(WarcTest, MembersWithinMembersAreNoBorders) {
  std::string inner;
  while (inner.size() < 200'000) {
    inner += GzipOf(WarcResponse("http://inner/", SomeBytes(700)));
  }
  std::string file;
  for (int i = 0; i < 3; ++i) {
    file += GzipOf(WarcResponse(fmt::format("http://{}/", i), "page"));
    file += GzipOf(WarcResponse(fmt::format("http://outer{}/", i), inner), 0);
  }
  MemoryFile memory(file, 4096);
  ASSERT_LT(*GzipSearch(&memory).Find(300), 1000u) << "an inner one looks like a member";
  const Contents all = ReadPieces(&memory, file.size());
  ASSERT_EQ(all.pages.size(), 6u);
  for (const uint64_t size : {50'000u, 70'001u, 123'456u}) {
    const Contents pieces = ReadPieces(&memory, size);
    EXPECT_EQ(pieces.pages, all.pages) << size;
    EXPECT_EQ(pieces.set_aside, all.set_aside);
  }
}

TEST_F(WarcTest, PiecesOfDamagedFilesAgreeToo) {
  for (int round = 0; round < 30; ++round) {
    std::string file;
    for (uint64_t i = 2 + Below(60); i > 0; --i) {
      const std::string record =
          WarcResponse(fmt::format("http://{}/", i), SomeBytes(Below(OneIn(5) ? 20'000 : 2000)));
      file += GzipOf(OneIn(10) ? record + record : record, OneIn(3) ? 0 : 6);
    }
    for (uint64_t i = Below(8); i > 0; --i)
      file[Below(file.size())] ^= static_cast<char>(Below(256));
    if (OneIn(4)) file.resize(file.size() - Below(file.size() / 4));
    if (!LooksLikeGzipMember(file)) continue;
    MemoryFile memory(file, 1 + Below(5000));
    const Contents all = ReadPieces(&memory, file.size());
    for (int sizes = 0; sizes < 5; ++sizes) {
      const uint64_t size = 1 + Below(file.size() / 2) + file.size() / 100;
      const Contents pieces = ReadPieces(&memory, size);
      ASSERT_EQ(pieces.pages.size(), all.pages.size()) << "pieces of " << size;
      ASSERT_EQ(pieces.pages, all.pages);
      ASSERT_EQ(pieces.offsets, all.offsets);
    }
  }
}

TEST_F(WarcTest, AnyBytesAreReadToTheirEnd) {
  const std::string good =
      WarcResponse("http://a/", GzipOf(SomeBytes(200)), "Content-Encoding: gzip\r\n") +
      WarcResponse("http://b/", "5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n");
  for (int round = 0; round < 300; ++round) {
    std::string bytes = OneIn(3) ? GzipOf(good) : OneIn(2) ? ZstdOf(good) + ZstdOf(good) : good;
    for (uint64_t i = Below(20); i > 0; --i) {
      const size_t at = Below(bytes.size());
      if (OneIn(3)) bytes.insert(at, SomeBytes(Below(10)));
      if (OneIn(3)) bytes.erase(at, Below(10));
      if (at < bytes.size()) bytes[at] = static_cast<char>(Below(256));
      if (bytes.empty()) bytes = "W";
    }
    MemoryFile file(bytes, 1 + Below(100));
    auto reader = (*FindInputFormat("warc"))->Open(Read(), &file, 0, bytes.size());
    if (!reader.ok()) continue;
    Contents contents;
    Collect(reader->get(), &contents);
    EXPECT_LE(contents.pages.size(), 4u);
  }
}

}  // namespace
}  // namespace quern::mr
