// What map tasks send makes the segment that all documents at once make.
#include "jobs/search/indexing/run_merger.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <system_error>
#include <tuple>
#include <vector>

#include "common/temporary_root.h"
#include "jobs/search/indexing/document_indexer.h"
#include "jobs/search/indexing/run_records.h"
#include "tests/jobs/search/segment/collection.h"

namespace quern::search {
namespace {

// What map tasks send: by key, the values in their order.
using Records = std::map<std::string, std::vector<std::string>>;

std::string Merge(const Records& records, const SegmentWriterOptions& options) {
  std::string bytes;
  RunMerger merger(options, [&bytes](std::string_view piece) { bytes += piece; });
  for (const auto& [name, values] : records) {
    const KeyParts parts(name);
    for (const std::string& one : values) {
      parts.is_document ? merger.AddDocument(one) : merger.AddChunk(parts.field, one);
    }
    if (!parts.is_document) merger.FinishTerm(parts.field, parts.term);
  }
  merger.Finish();
  return bytes;
}

// What a map task gathers is handed on when it becomes too much, also within a document: the
// segment is the same. `url`s that fall turn the order of the documents around. So it is when a
// term has more than `held_bytes`.
class RunMergerTest : public ::testing::TestWithParam<std::tuple<bool, size_t>> {};

TEST_P(RunMergerTest, ADocumentMayBeSpreadOverChunks) {
  const auto [falls, held_bytes] = GetParam();
  std::vector<IndexedDocument> documents(4);
  SegmentBuilder builder({});
  for (size_t i = 0; i < documents.size(); ++i) {
    documents[i].id = "d" + std::to_string(i);
    documents[i].url = "u" + std::to_string(falls ? 9 - i : i);
    for (int word = 0; word < 120'000; ++word) {
      documents[i].text +=
          "w" + std::to_string(word * 7919 % (100 + 977 * static_cast<int>(i))) + " ";
    }
    builder.Add(documents[i]);
  }
  const SegmentWriterOptions options{{}, {"title", "body"}, true, held_bytes};
  DocumentIndexer indexer(options.analysis, options.fields);
  PartialIndex index;
  Records records;
  std::string key;
  std::string value;
  int drained = 0;
  const auto drain = [&] {
    ++drained;
    index.Drain([&](FieldNumber field, std::string_view term, std::string_view chunk) {
      MakeTermKey(field, term, 0, &key);
      MakeTermValue({}, chunk, &value);
      records[key].push_back(value);
    });
  };
  for (uint32_t i = 0; i < documents.size(); ++i) {
    const auto& lengths = indexer.Index(documents[i], i, &index, drain);
    MakeDocumentKey(documents[i], 0, &key);
    MakeDocumentValue({}, i, lengths, documents[i], true, &value);
    records[key].push_back(value);
  }
  EXPECT_GE(drained, 8) << "more than once in each document";
  EXPECT_TRUE(Merge(records, options) == builder.Finish());
}
INSTANTIATE_TEST_SUITE_P(OrdersAndMemory, RunMergerTest,
                         ::testing::Combine(::testing::Bool(),
                                            ::testing::Values(size_t{2'000}, size_t{16} << 20)));

// Documents go round, so that the documents of one run lie between those of another.
Records RunsOf(const std::vector<IndexedDocument>& documents, uint32_t runs,
               const SegmentWriterOptions& options) {
  DocumentIndexer indexer(options.analysis, options.fields);
  Records records;
  std::string key;
  std::string value;
  for (uint32_t run = 0; run < runs; ++run) {
    const RunId id{run, 0};
    PartialIndex index;
    uint32_t number = 0;
    for (size_t i = run; i < documents.size(); i += runs, ++number) {
      const auto& lengths = indexer.Index(documents[i], number, &index);
      MakeDocumentKey(documents[i], 0, &key);
      MakeDocumentValue(id, number, lengths, documents[i], true, &value);
      records[key].push_back(value);
    }
    index.Drain([&](FieldNumber field, std::string_view term, std::string_view chunk) {
      MakeTermKey(field, term, 0, &key);
      MakeTermValue(id, chunk, &value);
      records[key].push_back(value);
    });
  }
  return records;
}

// $TMPDIR is no directory as long as it lives.
class NoTemporaryRoot {
 public:
  NoTemporaryRoot() : before_(TemporaryRoot()) { setenv("TMPDIR", "/nowhere", 1); }
  ~NoTemporaryRoot() { setenv("TMPDIR", before_.c_str(), 1); }
  NoTemporaryRoot(const NoTemporaryRoot&) = delete;
  NoTemporaryRoot& operator=(const NoTemporaryRoot&) = delete;

 private:
  const std::string before_;
};

TEST(OverlappingRunsTest, WhatATermHasTooMuchForMemoryIsMergedFromAFile) {
  const Collection collection = MakeCollection(600, 80, 3);
  SegmentWriterOptions options{{}, {"title", "body"}, true};
  const Records records = RunsOf(collection.documents, 5, options);
  const std::string whole = Build(collection);
  {
    const NoTemporaryRoot none;
    EXPECT_TRUE(Merge(records, options) == whole) << "with all of it in memory";
    options.held_bytes = 500;
    EXPECT_THROW(Merge(records, options), std::system_error);
  }
  EXPECT_TRUE(Merge(records, options) == whole);
}

}  // namespace
}  // namespace quern::search
