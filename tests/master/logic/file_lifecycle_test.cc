#include "master/logic/file_lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/logic/chunk_lifecycle.h"
#include "tests/master/logic/test_namespace.h"
#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

const std::vector<ServerId> kChain = {ServerId(1), ServerId(2)};

// Gives the file its next chunk.
void AddChunk(TestNamespace* ns, const pb::CreateResponse& file, uint64_t chunk) {
  const InodeId inode(file.inode_id());
  ASSERT_OK_AND_ASSIGN(const pb::InodeRow row, ns->files().CheckWriter(inode, file.writer_token()));
  const MetadataView view = ns->view();
  ASSERT_OK(ChunkLifecycle(view).CheckNext(inode, row, row.chunk_count()));
  ns->Apply(ChunkLifecycle::Add(ChunkId(chunk), inode, row, kChain));
}

void Seal(TestNamespace* ns, uint64_t chunk, uint64_t length) {
  const MetadataView view = ns->view();
  ASSERT_OK_AND_ASSIGN(const auto record,
                       ChunkLifecycle(view).CleanSeal(ChunkId(chunk), kChain[0], length, 9));
  ASSERT_TRUE(record.has_value());
  ns->Apply(*record);
}

TEST(FileLifecycleTest, AFileHasNoNameBeforeItIsComplete) {
  TestNamespace ns;
  ASSERT_OK_AND_ASSIGN(const auto file, ns.Create("/f"));
  EXPECT_TRUE(ns.List("/").empty());
  AddChunk(&ns, file, 10);
  EXPECT_THAT(ns.Complete(file, 5), StatusIs(Code::kFailedPrecondition, HasSubstr("not sealed")));
  Seal(&ns, 10, 5);
  EXPECT_THAT(ns.Complete(file, 6), StatusIs(Code::kFailedPrecondition, HasSubstr("5")));
  EXPECT_OK(ns.Complete(file, 5));
  EXPECT_THAT(ns.List("/"), ElementsAre("f"));
  EXPECT_EQ(ns.Stat("/f")->length(), 5u);
}

pb::CompleteRequest CompleteWithSeal(const pb::CreateResponse& file, uint64_t chunk,
                                     uint64_t length) {
  pb::CompleteRequest request;
  request.set_inode_id(file.inode_id());
  request.set_writer_token(file.writer_token());
  request.set_length(length);
  request.mutable_seal()->set_chunk_id(chunk);
  request.mutable_seal()->set_server_id(kChain[0].value());
  request.mutable_seal()->set_length(length);
  request.mutable_seal()->set_crc(9);
  return request;
}

TEST(FileLifecycleTest, CompleteSealsTheOnlyChunkInTheSameChange) {
  TestNamespace ns;
  ASSERT_OK_AND_ASSIGN(const auto file, ns.Create("/f"));
  AddChunk(&ns, file, 10);
  ASSERT_OK_AND_ASSIGN(const auto done, ns.Do(ns.files().Complete(CompleteWithSeal(file, 10, 5))));
  EXPECT_EQ(done.status().length(), 5u);
  EXPECT_EQ(ns.Stat("/f")->length(), 5u);
  const pb::ChunkRow chunk = *ns.view().Chunk(ChunkId(10));
  EXPECT_EQ(chunk.state(), pb::CHUNK_STATE_SEALED);
  EXPECT_EQ(chunk.length(), 5u);
  EXPECT_EQ(chunk.crc(), 9u);
  EXPECT_EQ(*ns.Replayed(), *ns.rows());
}

TEST(FileLifecycleTest, CompleteSealsNothingThatIsNotTheWritersOnlyOpenChunk) {
  TestNamespace ns;
  ASSERT_OK_AND_ASSIGN(const auto file, ns.Create("/f"));
  ASSERT_OK_AND_ASSIGN(const auto other, ns.Create("/g"));
  EXPECT_THAT(ns.files().Complete(CompleteWithSeal(file, 10, 5)),
              StatusIs(Code::kFailedPrecondition));
  AddChunk(&ns, file, 10);
  AddChunk(&ns, other, 11);
  EXPECT_THAT(ns.files().Complete(CompleteWithSeal(file, 11, 5)),
              StatusIs(Code::kFailedPrecondition, HasSubstr("not its only one")));
  pb::CompleteRequest request = CompleteWithSeal(file, 10, 5);
  request.mutable_seal()->set_server_id(kChain[1].value());
  EXPECT_THAT(ns.files().Complete(request),
              StatusIs(Code::kFailedPrecondition, HasSubstr("primary")));
  request = CompleteWithSeal(file, 10, 5);
  request.set_length(6);
  EXPECT_THAT(ns.files().Complete(request), StatusIs(Code::kFailedPrecondition));
  request = CompleteWithSeal(file, 10, 5);
  request.set_writer_token("another");
  EXPECT_THAT(ns.files().Complete(request), StatusIs(Code::kAborted));
  // Sealed meanwhile, or about to be: who asks again learns how.
  ASSERT_OK_AND_ASSIGN(const auto begun, ChunkLifecycle(ns.view()).BeginSeal(ChunkId(10), "test"));
  ns.Apply(*begun);
  EXPECT_THAT(ns.files().Complete(CompleteWithSeal(file, 10, 5)), StatusIs(Code::kUnavailable));
  // A second chunk: the first is sealed already.
  Seal(&ns, 11, 5);
  AddChunk(&ns, other, 12);
  EXPECT_THAT(ns.files().Complete(CompleteWithSeal(other, 12, 5)),
              StatusIs(Code::kFailedPrecondition));
}

TEST(FileLifecycleTest, AChunkFollowsOnlyASealedOne) {
  TestNamespace ns;
  ASSERT_OK_AND_ASSIGN(const auto file, ns.Create("/f"));
  AddChunk(&ns, file, 10);
  const InodeId inode(file.inode_id());
  const MetadataView view = ns.view();
  const pb::InodeRow row = *view.Inode(inode);
  EXPECT_THAT(ChunkLifecycle(view).CheckNext(inode, row, 1), StatusIs(Code::kFailedPrecondition));
  EXPECT_THAT(ChunkLifecycle(view).CheckNext(inode, row, 0), StatusIs(Code::kFailedPrecondition));
  Seal(&ns, 10, 5);
  AddChunk(&ns, file, 11);
  EXPECT_EQ(view.FileChunk(inode, 1)->file_offset(), 5u);
}

TEST(FileLifecycleTest, AModeOfNoBitsAndTheFirstMillisecondAreKept) {
  TestNamespace ns;
  pb::CreateRequest create;
  create.set_path("/f");
  create.set_mode(0);
  ASSERT_OK_AND_ASSIGN(const auto file, ns.Do(ns.files().Create(create, ns.random)));
  pb::CompleteRequest complete;
  complete.set_inode_id(file.inode_id());
  complete.set_writer_token(file.writer_token());
  complete.set_mtime_ms(0);
  ASSERT_OK(ns.Do(ns.files().Complete(complete)));
  EXPECT_EQ(ns.Stat("/f")->mode(), 0u);
  EXPECT_EQ(ns.Stat("/f")->mtime_ms(), 0);
  // Not given: the usual ones.
  ASSERT_OK_AND_ASSIGN(const auto other, ns.Create("/g"));
  ASSERT_OK(ns.Complete(other));
  EXPECT_EQ(ns.Stat("/g")->mode(), 0644u);
  EXPECT_EQ(ns.Stat("/g")->mtime_ms(), ns.now_ms);
  EXPECT_EQ(*ns.Replayed(), *ns.rows());
}

TEST(FileLifecycleTest, CompleteReplacesAtomicallyOnlyWhenCreateSaidSo) {
  TestNamespace ns;
  ASSERT_OK(ns.Touch("/f"));
  EXPECT_THAT(ns.Create("/f"), StatusIs(Code::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(const auto first, ns.Create("/f", true));
  EXPECT_NE(ns.Stat("/f")->inode_id(), first.inode_id()) << "the old one stays until Complete";
  ASSERT_OK(ns.Complete(first));
  EXPECT_EQ(ns.Stat("/f")->inode_id(), first.inode_id());

  // Two writers of one name: the slower one did not say that it may replace.
  ASSERT_OK_AND_ASSIGN(const auto one, ns.Create("/g"));
  ASSERT_OK_AND_ASSIGN(const auto two, ns.Create("/g"));
  ASSERT_OK(ns.Complete(two));
  EXPECT_THAT(ns.Complete(one), StatusIs(Code::kAlreadyExists));
}

TEST(FileLifecycleTest, AFileThatReplacesAVeryOneTakesTheNameOfNoOther) {
  TestNamespace ns;
  ASSERT_OK(ns.Touch("/f"));
  pb::CreateRequest request;
  request.set_path("/f");
  request.set_overwrite(true);
  request.set_replaces(ns.Stat("/f")->inode_id());
  const auto create = [&] { return ns.Do(ns.files().Create(request, ns.random)); };
  ASSERT_OK_AND_ASSIGN(const auto one, create());
  ASSERT_OK_AND_ASSIGN(const auto two, create());
  ASSERT_OK(ns.Complete(two));
  EXPECT_THAT(ns.Complete(one), StatusIs(Code::kAborted, HasSubstr("meanwhile")));
  EXPECT_EQ(ns.Stat("/f")->inode_id(), two.inode_id());
  EXPECT_THAT(create(), StatusIs(Code::kAborted)) << "seen before anything is written";
  // Nothing has the name any more.
  request.set_replaces(two.inode_id());
  ASSERT_OK_AND_ASSIGN(const auto three, create());
  ASSERT_OK(ns.Delete("/f"));
  EXPECT_THAT(ns.Complete(three), StatusIs(Code::kAborted));
  EXPECT_THAT(create(), StatusIs(Code::kAborted));
  EXPECT_EQ(*ns.Replayed(), *ns.rows());
}

TEST(FileLifecycleTest, CompleteFollowsItsDirectoryAndNoticesItsDeletion) {
  TestNamespace ns;
  ASSERT_OK(ns.Mkdirs("/a/b"));
  ASSERT_OK_AND_ASSIGN(const auto moved, ns.Create("/a/b/f"));
  ASSERT_OK_AND_ASSIGN(const auto lost, ns.Create("/a/b/g"));
  ASSERT_OK(ns.Rename("/a", "/z"));
  ASSERT_OK(ns.Complete(moved));
  EXPECT_OK(ns.Stat("/z/b/f"));
  ASSERT_OK(ns.Delete("/z"));
  EXPECT_THAT(ns.Complete(lost), StatusIs(Code::kNotFound));
  ns.CollectAll();
  EXPECT_THAT(ns.Complete(lost), StatusIs(Code::kNotFound));
}

TEST(FileLifecycleTest, OnlyTheWriterMayWrite) {
  TestNamespace ns;
  ASSERT_OK_AND_ASSIGN(pb::CreateResponse file, ns.Create("/f"));
  const pb::CreateResponse real = file;
  file.set_writer_token("someone else");
  EXPECT_THAT(ns.Complete(file), StatusIs(Code::kAborted));
  ASSERT_OK(ns.Complete(real));
  EXPECT_THAT(ns.Complete(real), StatusIs(Code::kFailedPrecondition));
}

TEST(FileLifecycleTest, GivenUpFilesKeepTheirNameIfTheyHaveOne) {
  TestNamespace ns;
  pb::CreateRequest request;
  request.set_path("/log");
  request.set_named_now(true);
  ASSERT_OK_AND_ASSIGN(const auto named, ns.Do(ns.files().Create(request, ns.random)));
  ASSERT_OK_AND_ASSIGN(const auto nameless, ns.Create("/f"));
  AddChunk(&ns, named, 10);
  EXPECT_THAT(ns.files().GiveUp(InodeId(named.inode_id())), StatusIs(Code::kFailedPrecondition));
  Seal(&ns, 10, 5);
  for (const auto& file : {named, nameless}) {
    ASSERT_OK_AND_ASSIGN(const auto record, ns.files().GiveUp(InodeId(file.inode_id())));
    ASSERT_TRUE(record.has_value());
    ns.Apply(*record);
  }
  EXPECT_TRUE(ns.Stat("/log")->complete());
  EXPECT_EQ(ns.Stat("/log")->length(), 5u);
  EXPECT_THAT(ns.List("/"), ElementsAre("log"));
  EXPECT_TRUE(ns.view().Inodes(Table::kOpenFiles, InodeId(), 10).empty());
}

// Another version takes another number at a time.
TEST(FileLifecycleTest, WhoeverBeganToTakeAFileApartAllItsChunksGo) {
  constexpr uint64_t kChunks = 450;
  TestNamespace ns;
  ASSERT_OK_AND_ASSIGN(const auto file, ns.Create("/f"));
  for (uint64_t chunk = 1; chunk <= kChunks; ++chunk) {
    AddChunk(&ns, file, chunk);
    Seal(&ns, chunk, 1);
  }
  ASSERT_OK(ns.Complete(file, kChunks));
  ASSERT_OK(ns.Delete("/f"));
  pb::LogRecord begun;
  begun.mutable_collect()->set_inode_id(file.inode_id());
  for (uint32_t ordinal = kChunks - 77; ordinal < kChunks; ++ordinal) {
    begun.mutable_collect()->add_ordinals(ordinal);
    begun.mutable_collect()->add_chunk_ids(ordinal + 1);
  }
  ns.Apply(begun);
  ns.CollectAll();
  for (uint64_t chunk = 1; chunk <= kChunks; ++chunk) {
    ASSERT_TRUE(ns.view().Garbage(ChunkId(chunk)).has_value()) << chunk;
  }
  EXPECT_EQ(ns.view().Meta().chunk_count(), 0u);
}

TEST(FileLifecycleTest, ChunksOfDeletedFilesBecomeGarbage) {
  TestNamespace ns;
  ASSERT_OK_AND_ASSIGN(const auto file, ns.Create("/f"));
  for (uint64_t chunk = 10; chunk < 13; ++chunk) {
    AddChunk(&ns, file, chunk);
    if (chunk < 12) Seal(&ns, chunk, 5);
  }
  ASSERT_OK(ns.Do(ns.files().Abandon([&] {
    pb::AbandonRequest request;
    request.set_inode_id(file.inode_id());
    request.set_writer_token(file.writer_token());
    return request;
  }())));
  ns.CollectAll();
  const MetadataView view = ns.view();
  for (uint64_t chunk = 10; chunk < 13; ++chunk) {
    EXPECT_FALSE(view.Chunk(ChunkId(chunk)).has_value());
    ASSERT_TRUE(view.Garbage(ChunkId(chunk)).has_value());
    EXPECT_EQ(view.Garbage(ChunkId(chunk))->servers_size(), 2);
  }
  EXPECT_TRUE(view.OpenChunks(ServerId(1)).empty());
  EXPECT_EQ(view.Meta().chunk_count(), 0u);
  EXPECT_EQ(view.Meta().file_count(), 0u);
}

TEST(FileLifecycleTest, RefusesBadReplicationAndChunkSizes) {
  TestNamespace ns;
  pb::CreateRequest request;
  request.set_path("/f");
  request.set_replication(kMaxReplication + 1);
  EXPECT_THAT(ns.Do(ns.files().Create(request, ns.random)), StatusIs(Code::kInvalidArgument));
  request.set_replication(1);
  request.set_chunk_size(1);
  EXPECT_THAT(ns.Do(ns.files().Create(request, ns.random)), StatusIs(Code::kInvalidArgument));
}

}  // namespace
}  // namespace quern::master
