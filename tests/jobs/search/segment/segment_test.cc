// A segment answers as a plain table of its documents does.
#include "jobs/search/segment/segment.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "jobs/search/segment/segment_builder.h"
#include "jobs/search/segment/term_dictionary.h"
#include "tests/jobs/search/segment/collection.h"

namespace quern::search {
namespace {

class SegmentTest : public ::testing::Test {
 protected:
  void Make(uint32_t documents, uint32_t words) {
    collection_ = MakeCollection(documents, words, 1);
    bytes_ = Build(collection_);
    auto segment = Segment::Open(bytes_);
    ASSERT_TRUE(segment.ok()) << segment.status();
    segment_ = *std::move(segment);
    body_ = *segment_->FindField("body");
  }

  Collection collection_;
  std::string bytes_;
  std::unique_ptr<Segment> segment_;
  FieldNumber body_ = 0;
};

TEST_F(SegmentTest, KeepsEveryPosting) {
  Make(3000, 60);
  for (const auto& [term, postings] : collection_.body) {
    const auto info = segment_->Find(body_, term);
    ASSERT_TRUE(info.has_value()) << term;
    EXPECT_EQ(info->document_frequency, postings.size()) << term;
    PostingsCursor cursor = segment_->Postings(*info);
    std::vector<uint32_t> positions;
    for (const auto& [doc, expected] : postings) {
      ASSERT_EQ(cursor.doc(), doc) << term;
      ASSERT_EQ(cursor.frequency(), expected.size()) << term;
      cursor.Positions(&positions);
      ASSERT_EQ(positions, expected) << term << " in " << doc;
      cursor.Positions(&positions);
      ASSERT_EQ(positions, expected) << "asked for again";
      cursor.Next();
    }
    EXPECT_EQ(cursor.doc(), kNoMoreDocuments);
    EXPECT_EQ(cursor.Next(), kNoMoreDocuments);
    EXPECT_TRUE(cursor.block_docs().empty());
  }
  EXPECT_FALSE(segment_->Find(body_, "w").has_value());
  EXPECT_FALSE(segment_->Find(body_, "zzz").has_value());
  EXPECT_FALSE(segment_->Find(body_, "").has_value());
}

TEST_F(SegmentTest, AdvancesToTheFirstDocumentThatIsNotBefore) {
  Make(5000, 40);
  std::mt19937 random(2);
  for (const auto& [term, postings] : collection_.body) {
    PostingsCursor cursor = segment_->Postings(*segment_->Find(body_, term));
    std::vector<uint32_t> positions;
    for (uint32_t target = 0; target < 6000; target += 1 + static_cast<uint32_t>(random() % 700)) {
      const auto expected = postings.lower_bound(std::max(target, cursor.doc()));
      if (cursor.doc() == kNoMoreDocuments) break;
      const uint32_t doc = cursor.Advance(target);
      if (expected == postings.end()) {
        ASSERT_EQ(doc, kNoMoreDocuments) << term;
        break;
      }
      ASSERT_EQ(doc, expected->first) << term << " from " << target;
      cursor.Positions(&positions);
      ASSERT_EQ(positions, expected->second);
    }
  }
}

TEST_F(SegmentTest, BlocksBoundWhatTheyHold) {
  Make(4000, 50);
  size_t of_many_blocks = 0;
  for (const auto& [term, postings] : collection_.body) {
    PostingsCursor cursor = segment_->Postings(*segment_->Find(body_, term));
    of_many_blocks += postings.size() > 2 * PostingsCursor::kBlockSize;
    PostingsCursor::Impacts list, block;
    const size_t in_list = cursor.list_impacts(&list);
    const auto bounded = [](const PostingsCursor::Impacts& impacts, size_t count, Impact impact) {
      for (size_t i = 0; i < count; ++i) {
        if (impacts[i].frequency >= impact.frequency && impacts[i].length <= impact.length) {
          return true;
        }
      }
      return false;
    };
    for (const auto& [doc, positions] : postings) {
      const Impact impact{static_cast<uint32_t>(positions.size()), segment_->length(body_, doc)};
      ASSERT_TRUE(bounded(list, in_list, impact)) << term;
      ASSERT_GE(cursor.AdvanceBlock(doc), doc);
      ASSERT_LT(cursor.block_last_doc(), kNoMoreDocuments);
      const size_t in_block = cursor.block_impacts(&block);
      ASSERT_TRUE(bounded(block, in_block, impact)) << term << " in " << doc;
    }
    EXPECT_EQ(cursor.doc(), postings.begin()->first) << "AdvanceBlock moves no document";
    EXPECT_EQ(cursor.AdvanceBlock(postings.rbegin()->first + 1), kNoMoreDocuments);
    EXPECT_EQ(cursor.block_impacts(&block), 0u);
  }
  EXPECT_GT(of_many_blocks, 5u);
}

TEST_F(SegmentTest, GivesWholeBlocks) {
  Make(2000, 50);
  const auto& postings = collection_.body["w3"];
  PostingsCursor cursor = segment_->Postings(*segment_->Find(body_, "w3"));
  cursor.Advance(100);
  auto expected = postings.lower_bound(100);
  while (cursor.doc() != kNoMoreDocuments) {
    const auto docs = cursor.block_docs();
    const auto frequencies = cursor.block_frequencies();
    ASSERT_EQ(docs.size(), frequencies.size());
    for (size_t i = 0; i < docs.size(); ++i, ++expected) {
      ASSERT_EQ(docs[i], expected->first);
      ASSERT_EQ(frequencies[i], expected->second.size());
    }
    cursor.NextBlock();
  }
  EXPECT_EQ(expected, postings.end());
}

TEST_F(SegmentTest, WalksTermsInOrder) {
  Make(500, 100);
  for (const std::string prefix : {"", "w", "w1", "w10", "w999", "x", "a"}) {
    TermIterator terms = segment_->Prefix(body_, prefix);
    for (auto expected = collection_.body.lower_bound(prefix);
         expected != collection_.body.end() && expected->first.starts_with(prefix); ++expected) {
      ASSERT_TRUE(terms.valid()) << expected->first;
      ASSERT_EQ(terms.term(), expected->first);
      ASSERT_EQ(terms.info().document_frequency, expected->second.size());
      terms.Next();
    }
    EXPECT_FALSE(terms.valid()) << prefix;
  }
}

// Near and far, within blocks and beyond them, to terms that there are and to others.
TEST_F(SegmentTest, SeeksTerms) {
  Make(2000, 200);
  ASSERT_GT(collection_.body.size(), 6 * kDictionaryBlock);
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::set<std::string> targets = {"w1", "w2"};
    for (size_t i = 0; i < 1 + random() % 40; ++i) {
      std::string target = "w" + std::to_string(random() % 1000);
      target.resize(1 + random() % target.size());
      targets.insert(target + (random() % 4 == 0 ? "x" : ""));
    }
    TermIterator terms = segment_->Prefix(body_, round % 2 == 0 ? "" : "w");
    for (const std::string& target : targets) {
      terms.Seek(target);
      terms.Seek("w");  // never back
      const auto expected = collection_.body.lower_bound(target);
      ASSERT_EQ(terms.valid(), expected != collection_.body.end()) << target;
      if (!terms.valid()) break;
      ASSERT_EQ(terms.term(), expected->first) << target;
      ASSERT_EQ(segment_->Postings(terms.info()).doc(), expected->second.begin()->first);
      ASSERT_EQ(terms.info().document_frequency, expected->second.size());
    }
  }
}

TEST_F(SegmentTest, WhatIsTooLongIsNoLanguage) {
  SegmentBuilder builder({});
  for (const size_t size : {kMaxLanguageBytes, kMaxLanguageBytes + 1}) {
    IndexedDocument document;
    document.id = std::to_string(size);
    document.text = "words";
    document.language = std::string(size, 'x');
    builder.Add(document);
  }
  bytes_ = builder.Finish();
  const auto segment = Segment::Open(bytes_);
  ASSERT_TRUE(segment.ok()) << segment.status();
  EXPECT_EQ((*segment)->language(0), std::string(kMaxLanguageBytes, 'x'));
  EXPECT_EQ((*segment)->language(1), "");
  EXPECT_EQ((*segment)->meta().languages.size(), 1u);
}

TEST_F(SegmentTest, KeepsWhatDocumentsAre) {
  Make(300, 100);
  EXPECT_EQ(segment_->documents(), 300u);
  uint64_t total = 0;
  for (uint32_t doc = 0; doc < 300; ++doc) {
    const IndexedDocument& document = collection_.documents[doc];
    EXPECT_EQ(segment_->id(doc), document.id);
    EXPECT_EQ(segment_->language(doc), document.language);
    EXPECT_EQ(segment_->date(doc), doc % 2 == 0 ? std::optional(1) : std::nullopt);
    EXPECT_EQ(segment_->length(*segment_->FindField("title"), doc), 2u);
    const auto stored = segment_->Stored(doc);
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_EQ(stored->title, document.title);
    EXPECT_EQ(stored->text, document.text);
    EXPECT_EQ(stored->date, document.date);
    total += segment_->length(body_, doc);
  }
  EXPECT_EQ(segment_->total_length(body_), total);
  EXPECT_FALSE(segment_->FindField("subject").has_value());
}

// One after another with gaps, twice the same, and back again.
TEST_F(SegmentTest, ReadsManyDocumentsAsItReadsOne) {
  SegmentBuilder builder({});
  for (int i = 0; i < 400; ++i) {
    IndexedDocument document;
    document.id = "d" + std::to_string(1000 + i);
    if (i % 3 != 0) document.url = document.id + "/";
    document.title = "title " + std::to_string(i);
    document.text = std::string(i % 50 == 0 ? 100'000 : 700, static_cast<char>('a' + i % 26));
    builder.Add(document);
  }
  const std::string bytes = builder.Finish();
  const auto segment = Segment::Open(bytes);
  ASSERT_TRUE(segment.ok()) << segment.status();
  std::string texts;
  for (const uint32_t step : {1, 2, 5, 63, 64, 65, 399}) {
    DocumentReader documents = (*segment)->ReadDocuments();
    std::vector<uint32_t> numbers;
    for (uint32_t doc = 0; doc < 400; doc += step) numbers.insert(numbers.end(), {doc, doc});
    numbers.insert(numbers.end(), {70, 3, 4});
    for (const uint32_t doc : numbers) {
      const auto one = (*segment)->Stored(doc);
      ASSERT_TRUE(one.ok()) << one.status();
      EXPECT_EQ(documents.NamesOf(doc).id, "d" + std::to_string(1000 + doc));
      EXPECT_EQ(documents.NamesOf(doc).url, one->url);
      EXPECT_EQ(one->title, "title " + std::to_string(doc));
      texts.clear();
      DocumentStoreWriter::AppendTexts(one->title, one->text, one->language, one->date, &texts);
      EXPECT_TRUE(documents.TextsOf(doc) == texts) << doc << " in steps of " << step;
    }
  }
}

// It is taken in pieces; a word that a cut had parted would be two, and a pair would be missing.
TEST_F(SegmentTest, ALongTextWithoutBlanksHasAllItsWords) {
  constexpr uint32_t kCharacters = 200'000;
  constexpr std::string_view kThree[] = {"中", "文", "字"};
  IndexedDocument han;
  han.id = "han";
  for (uint32_t i = 0; i < kCharacters; ++i) han.text += kThree[i % 3];
  IndexedDocument list;
  list.id = "list";
  while (list.text.size() < 3 * kCharacters) list.text += "alpha-beta/";
  SegmentBuilder builder({});
  builder.Add(han);
  builder.Add(list);
  const std::string bytes = builder.Finish();
  const auto segment = Segment::Open(bytes);
  ASSERT_TRUE(segment.ok()) << segment.status();
  const FieldNumber body = *(*segment)->FindField("body");
  const auto count = [&](std::string_view term) {
    const auto info = (*segment)->Find(body, term);
    return info.has_value() ? (*segment)->Postings(*info).frequency() : 0;
  };
  EXPECT_EQ(count("中文") + count("文字") + count("字中"), kCharacters - 1);
  EXPECT_EQ(count("alpha"), list.text.size() / std::string_view("alpha-beta/").size());
  EXPECT_EQ(count("beta"), count("alpha"));
  EXPECT_EQ((*segment)->total_length(body), kCharacters - 1 + 2 * count("alpha"));
}

// Both roads of decompression: what packs normally, and what packs to next to nothing.
TEST_F(SegmentTest, KeepsTextsHoweverSmallTheyBecome) {
  SegmentBuilder builder({});
  std::string varied;
  for (int i = 0; i < 20'000; ++i) varied += std::to_string(i * 7919 % 10'007) + " ";
  const std::vector<std::string> texts = {varied, std::string(3'000'000, 'a'), "", varied + "end"};
  for (size_t i = 0; i < texts.size(); ++i) {
    IndexedDocument document;
    document.id = "d" + std::to_string(i);
    document.text = texts[i];
    document.date = "2024-01-02";
    builder.Add(document);
  }
  const std::string bytes = builder.Finish();
  const auto segment = Segment::Open(bytes);
  ASSERT_TRUE(segment.ok()) << segment.status();
  for (uint32_t doc = 0; doc < (*segment)->documents(); ++doc) {
    const auto stored = (*segment)->Stored(doc);
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_TRUE(stored->text == texts[doc]) << doc;
    EXPECT_EQ(stored->date, "2024-01-02");
  }
}

TEST_F(SegmentTest, FindsEveryFlippedByte) {
  Make(150, 6);
  ASSERT_LT(bytes_.size(), 30'000u);
  for (size_t i = 0; i < bytes_.size(); ++i) {
    std::string damaged = bytes_;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    ASSERT_FALSE(Segment::Open(damaged).ok()) << "byte " << i;
  }
  for (size_t size = 0; size < bytes_.size(); ++size) {
    ASSERT_FALSE(Segment::Open(bytes_.substr(0, size)).ok()) << size;
  }
}

TEST_F(SegmentTest, VerifiesLaterWhenAskedTo) {
  Make(100, 10);
  std::string damaged = bytes_;
  damaged[20] = static_cast<char>(damaged[20] ^ 4);  // in the section of documents
  const auto segment = Segment::Open(damaged, {.verify = false});
  ASSERT_TRUE(segment.ok()) << segment.status();
  EXPECT_EQ((*segment)->Verify().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(segment_->Verify().ok());
}

TEST_F(SegmentTest, AnEmptyOneIsOneToo) {
  SegmentBuilder builder({});
  const std::string bytes = builder.Finish();
  const auto segment = Segment::Open(bytes);
  ASSERT_TRUE(segment.ok()) << segment.status();
  EXPECT_EQ((*segment)->documents(), 0u);
  EXPECT_FALSE((*segment)->Find(0, "a").has_value());
  EXPECT_FALSE((*segment)->Prefix(0, "").valid());
}

TEST_F(SegmentTest, DeletionsLieBesideIt) {
  Make(100, 10);
  Deletions deletions(100);
  deletions.Add(7);
  deletions.Add(99);
  deletions.Add(7);
  const std::string bytes = deletions.Serialize();
  const auto parsed = Deletions::Parse(bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  ASSERT_TRUE(segment_->SetDeletions(*parsed).ok());
  EXPECT_EQ(segment_->deleted_documents(), 2u);
  for (uint32_t doc = 0; doc < 100; ++doc) {
    EXPECT_EQ(segment_->deleted(doc), doc == 7 || doc == 99) << doc;
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(Deletions::Parse(damaged).ok()) << i;
  }
  EXPECT_FALSE(segment_->SetDeletions(Deletions(99)).ok());
}

// What is made with the analysis of before has the form of before.
TEST(SegmentVersionTest, IsTheLowestThatSaysTheAnalysis) {
  for (const uint32_t version : {0u, kAnalysisVersion}) {
    SegmentBuilder builder({.analysis = {.version = version}});
    IndexedDocument document;
    document.id = "a";
    document.text = "漢語";
    builder.Add(document);
    const std::string bytes = builder.Finish();
    EXPECT_EQ(bytes[4], version == 0 ? 1 : 2);
    const auto segment = Segment::Open(bytes);
    ASSERT_TRUE(segment.ok()) << segment.status();
    EXPECT_EQ((*segment)->meta().analysis.version, version);
  }
}

}  // namespace
}  // namespace quern::search
