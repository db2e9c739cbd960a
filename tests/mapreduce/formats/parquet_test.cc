// Parquet: rows as JSON and back, files that are cut and damaged, what is refused. That others read
// what is written here, and the other way round: parquet_pyarrow_test.py.
#include <gtest/gtest.h>

#include "common/log.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/output_format.h"
#include "mapreduce/formats/parquet/column_type.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/mapreduce/formats/parquet_builder.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

constexpr char kSchema[] =
    "id string, n int64, small int8, big uint64, x double, f float, ok bool, raw binary, day date, "
    "at timestamp, local datetime, noon time, price decimal(10,2), tags list<string>, "
    "meta struct<a int64, b list<double>>, \"odd, name\" string, counts map<int32>";
const char* const kRows[] = {
    R"({"id":"a","n":-9223372036854775808,"small":-128,"big":18446744073709551615,"x":0.1,"f":0.1,)"
    R"("ok":true,"raw":"AP8=","day":"1969-12-31","at":"2026-11-29T10:15:04.500000Z",)"
    R"("local":"0001-01-01T00:00:00.000000","noon":"12:00:00.000000","price":"-12345678.90",)"
    R"("tags":["x",null,"\"y\"\n"],"meta":{"a":1,"b":[1.5,-2]},"odd, name":"ä\u0001",)"
    R"("counts":{"k":1,"l":null}})",
    R"({"id":null,"n":null,"small":null,"big":null,"x":"NaN","f":"-Infinity","ok":null,"raw":null,)"
    R"("day":null,"at":null,"local":null,"noon":null,"price":null,"tags":[],)"
    R"("meta":{"a":null,"b":null},"odd, name":null,"counts":{}})",
    R"({"id":"","n":0,"small":0,"big":0,"x":1e+300,"f":0,"ok":false,"raw":"","day":"9999-12-31",)"
    R"("at":"1970-01-01T00:00:00.000000Z","local":"2000-02-29T23:59:59.999999",)"
    R"("noon":"00:00:00.000000","price":"0.00","tags":null,"meta":null,"odd, name":"","counts":null})",
};

class ParquetTest : public RandomTest {
 protected:
  void SetUp() override {
    RandomTest::SetUp();
    const absl::Status installed = parquet::CheckModule(parquet::ModulePath());
    if (!installed.ok()) GTEST_SKIP() << "SKIPPED, nothing of it was tested: " << installed;
  }

  struct Found {
    std::vector<std::string> rows;
    std::map<std::string, uint64_t> set_aside;
    bool operator==(const Found&) const = default;
  };
  static absl::StatusOr<Found> Read(const std::string& bytes, const std::string& columns = "") {
    MemoryFile file(bytes, 1000);
    ReadOptions options;
    options.path = "/in/f.parquet";
    options.settings.columns = columns;
    ASSIGN_OR_RETURN(const auto reader,
                     (*FindInputFormat("parquet"))->Open(options, &file, 0, file.length()));
    Found found;
    while (reader->Next()) {
      EXPECT_FALSE(reader->has_key());
      found.rows.emplace_back(reader->value());
    }
    RETURN_IF_ERROR(reader->status());
    found.set_aside = reader->set_aside();
    return found;
  }

  // As a job writes it.
  static absl::StatusOr<std::string> Write(const std::vector<std::string>& rows,
                                           const OutputSettings& settings = {}) {
    std::string bytes;
    OutputFile file(std::make_unique<StringWritable>(&bytes));
    ASSIGN_OR_RETURN(const auto writer, (*FindOutputFormat("parquet"))->Open(settings, &file));
    for (const std::string& row : rows) RETURN_IF_ERROR(writer->Append("dropped", row));
    RETURN_IF_ERROR(writer->Close());
    RETURN_IF_ERROR(file.Close());
    return bytes;
  }

  static std::vector<std::string> NumberedRows(size_t count) {
    std::vector<std::string> rows;
    for (size_t i = 0; i < count; ++i) rows.push_back(fmt::format(R"({{"n":{},"s":"row"}})", i));
    return rows;
  }
};

TEST_F(ParquetTest, EveryTypeComesBackAsItWasWritten) {
  const std::vector<std::string> rows(std::begin(kRows), std::end(kRows));
  for (const std::string& codec : (*FindOutputFormat("parquet"))->codecs()) {
    ASSERT_OK_AND_ASSIGN(const std::string bytes, Write(rows, {.codec = codec, .schema = kSchema}));
    ASSERT_OK_AND_ASSIGN(const Found found, Read(bytes));
    EXPECT_EQ(found.rows, rows) << codec;
  }
}

// The largest one has fewer digits in JSON than it takes to be exact.
TEST_F(ParquetTest, NumbersAtTheLimitsOfAFloatAreKept) {
  const std::vector<std::string> rows = {R"({"f":3.4028235e+38})", R"({"f":-3.4028235e+38})",
                                         R"({"f":1e-45})", R"({"f":"Infinity"})"};
  ASSERT_OK_AND_ASSIGN(const std::string bytes, Write(rows, {.schema = "f float"}));
  EXPECT_EQ(Read(bytes)->rows, rows);
}

TEST_F(ParquetTest, WritesTheSameBytesEachTime) {
  const auto rows = NumberedRows(3000);
  EXPECT_EQ(*Write(rows), *Write(rows));
}

TEST_F(ParquetTest, GuessesColumnsFromTheFirstRecords) {
  ASSERT_OK_AND_ASSIGN(const std::string bytes,
                       Write({R"({"a":1,"b":null,"c":[{"d":1}]})", R"({"a":2.5,"e":"x","c":[]})",
                              R"({"c":[{"d":null,"f":true}],"g":{}})"}));
  EXPECT_EQ(Read(bytes)->rows,
            (std::vector<std::string>{
                R"({"a":1,"b":null,"c":[{"d":1,"f":null}],"e":null,"g":null})",
                R"({"a":2.5,"b":null,"c":[],"e":"x","g":null})",
                R"({"a":null,"b":null,"c":[{"d":null,"f":true}],"e":null,"g":"{}"})"}));
  ASSERT_OK_AND_ASSIGN(const std::string many, Write(NumberedRows(5000)));
  EXPECT_EQ(Read(many)->rows, NumberedRows(5000));
}

TEST_F(ParquetTest, AFileWithoutRowsIsAFile) {
  for (const char* schema : {"", "id string"}) {
    ASSERT_OK_AND_ASSIGN(const std::string bytes, Write({}, {.codec = "", .schema = schema}));
    EXPECT_EQ(*Read(bytes), Found()) << schema;
  }
}

TEST_F(ParquetTest, ReadsOnlyTheColumnsThatAreWanted) {
  ASSERT_OK_AND_ASSIGN(const std::string bytes,
                       Write({kRows[0], kRows[1]}, {.codec = "", .schema = kSchema}));
  EXPECT_EQ(Read(bytes, "meta, id, \"odd, name\"")->rows[0],
            R"({"id":"a","meta":{"a":1,"b":[1.5,-2]},"odd, name":"ä\u0001"})");
  EXPECT_THAT(Read(bytes, "id, nothing"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no column 'nothing'")));
}

TEST_F(ParquetTest, ABadRecordIsNamed) {
  const struct {
    std::string schema;
    std::string row;
    std::string error;
  } kCases[] = {
      {"", "{\"a\":1", "record 2: is no JSON: no '}' at byte 6"},
      {"", "[1]", "record 2: is an array, must be a JSON object"},
      {"", R"({"n":"x"})", "field n is a text, in records before it is int64"},
      {"n int64", R"({"n":1.5})", "n: 1.5 is no int64"},
      {"n int8", R"({"n":128})", "n: 128 is no int8"},
      {"n int64, f float", R"({"f":-1e39})", "f: -1e39 is no float"},
      {"n int64, x double", R"({"x":1e309})", "x: 1e309 is no double"},
      {"n int64, d date", R"({"d":"2025-02-29"})", "d: \"2025-02-29\" is no date"},
      {"n int64, t timestamp", R"({"t":"2025-01-01T00:00:00"})", "is no timestamp"},
      {"n int64, b binary", R"({"b":"a"})", "b: \"a\" is no binary"},
      {"n int64, p decimal(3,1)", R"({"p":"100.0"})", "is no decimal(3,1)"},
      {"n int64, l list<bool>", R"({"l":[true,0]})", "l: 0 is no bool"},
      {"n int64", R"({"n":1,"m":2})", "field 'm' has no column"},
      {"n int64, s struct<a bool>", R"({"s":{"b":1}})", "s: field 'b' has no column"},
      {"n int64, s string", "{\"s\":\"\xff\"}", "s: is not UTF-8"},
  };
  for (const auto& [schema, row, error] : kCases) {
    EXPECT_THAT(Write({R"({"n":1})", row}, {.codec = "", .schema = schema}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(error)))
        << row;
  }
}

TEST_F(ParquetTest, WhatIsNoParquetFileEndsTheJob) {
  EXPECT_THAT(Read("hello, this is text and no table"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no Parquet file")));
  EXPECT_THAT(Read("PARE" + std::string(100, '\0') + "PARE"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is encrypted")));
}

TEST_F(ParquetTest, AFileThatWasCutIsCountedOnce) {
  ASSERT_OK_AND_ASSIGN(const std::string bytes, WriteParquet(NumberedRows(100)));
  for (const size_t length : {bytes.size() - 1, bytes.size() / 2, size_t{10}}) {
    MemoryFile file(bytes.substr(0, length), 1000);
    uint64_t counted = 0;
    for (const uint64_t offset : {uint64_t{0}, file.length() / 2}) {
      auto reader = (*FindInputFormat("parquet"))
                        ->Open({.settings = {}, .path = "/f", .scratch_dir = ""}, &file, offset,
                               file.length() / 2);
      ASSERT_OK(reader.status());
      EXPECT_FALSE((*reader)->Next());
      EXPECT_OK((*reader)->status());
      for (const auto& [reason, count] : (*reader)->set_aside()) {
        EXPECT_EQ(reason, "bad_footer");
        counted += count;
      }
    }
    EXPECT_EQ(counted, 1u) << length;
  }
}

TEST_F(ParquetTest, ADamagedPageCostsItsRowGroup) {
  const auto rows = NumberedRows(100);
  ASSERT_OK_AND_ASSIGN(std::string bytes, WriteParquet(rows, {.row_group_bytes = 200}));
  const size_t at = bytes.find("row");  // of the first row group's dictionary
  ASSERT_LT(at, bytes.size() / 10);
  bytes[at] = 'R';
  ASSERT_OK_AND_ASSIGN(const Found found, Read(bytes));
  EXPECT_EQ(found.set_aside, (std::map<std::string, uint64_t>{{"bad_row_group", 1}}));
  ASSERT_LT(found.rows.size(), rows.size());
  ASSERT_GT(found.rows.size(), rows.size() - 20);
  EXPECT_TRUE(std::equal(found.rows.rbegin(), found.rows.rend(), rows.rbegin()));
}

TEST_F(ParquetTest, ChangedBytesAreHarmless) {
  SetLogLevel(LogLevel::kError);  // each of them is warned of
  const std::vector<std::string> rows(std::begin(kRows), std::end(kRows));
  for (const char* codec : {"none", "zstd"}) {
    ASSERT_OK_AND_ASSIGN(
        const std::string bytes,
        WriteParquet(rows, {.schema = kSchema, .codec = codec, .row_group_bytes = 1}));
    for (int i = 0; i < 300; ++i) {
      std::string changed = bytes;
      for (uint64_t changes = 1 + Below(3); changes > 0; --changes) {
        changed[Below(changed.size())] = static_cast<char>(Below(256));
      }
      Read(changed).IgnoreError();
    }
  }
  SetLogLevel(LogLevel::kInfo);
}

TEST_F(ParquetTest, ASourceThatFailsIsNoDamage) {
  class Failing final : public ReadableFile {
   public:
    uint64_t length() const override { return 1000; }
    std::unique_ptr<ByteStream> Stream(uint64_t, uint64_t) override {
      class Stream final : public ByteStream {
        absl::StatusOr<std::string_view> Next() override { return UnavailableError("disk"); }
      };
      return std::make_unique<Stream>();
    }
  };
  Failing file;
  EXPECT_THAT((*FindInputFormat("parquet"))->Open({}, &file, 0, 1000),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("disk")));
}

TEST(ParquetSettingsTest, AreCheckedBeforeAJobRuns) {
  const OutputFormat* const output = *FindOutputFormat("parquet");
  EXPECT_OK(output->Check({.codec = "", .schema = kSchema}));
  EXPECT_THAT(output->Check({.codec = "", .schema = "id text"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'text' is no type")));
  EXPECT_THAT((*FindOutputFormat("text"))->Check({.codec = "", .schema = "id string"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("only the format parquet")));
  const InputFormat* const input = *FindInputFormat("parquet");
  EXPECT_OK(input->Check({.record_bytes = 0, .columns = "id, \"a b\""}));
  EXPECT_THAT(input->Check({.record_bytes = 0, .columns = "id,,x"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a name is missing")));
  EXPECT_THAT((*FindInputFormat("text"))->Check({.record_bytes = 0, .columns = "id"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("only the format parquet")));
}

TEST(ParquetSettingsTest, SchemasThatMakeNoSense) {
  for (const char* schema :
       {"", "id", "id string,", "id string id", "id list<", "id list<string", "id struct<>",
        "id decimal(99)", "id decimal(3,4)", "a int8, a int8", "\"a string", "id string>"}) {
    std::string error;
    EXPECT_FALSE(parquet::ParseColumns(schema, &error)) << schema;
    EXPECT_NE(error, "") << schema;
  }
  std::string deep = "a ";
  for (int i = 0; i < 1000; ++i) deep += "list<";
  std::string error;
  EXPECT_FALSE(parquet::ParseColumns(deep, &error));
}

TEST(ParquetSettingsTest, ABuildWithoutArrowSaysWhatToDo) {
  EXPECT_THAT(
      parquet::CheckModule("/nowhere/libquern_parquet.so"),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("Try: in the sources of Quern, deploy/install-arrow.sh and a build")));
}

}  // namespace
}  // namespace quern::mr
