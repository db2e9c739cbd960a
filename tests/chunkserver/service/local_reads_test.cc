// Which replicas are handed out as open files, and what comes with them.
#include "chunkserver/service/local_reads.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/crc32c.h"
#include "common/local_socket.h"
#include "tests/chunkserver/service/test_cluster.h"

namespace quern::chunkserver {
namespace {

constexpr ChunkId kAnother{0x2c};

class LocalReadsTest : public ChunkserverTest {
 protected:
  struct Answer {
    pb::OpenLocalResponse response;
    UniqueFd file;
  };
  absl::StatusOr<Answer> Ask(const std::string& node, ChunkId chunk, const std::string& text) {
    pb::OpenLocalRequest request;
    request.set_chunk_id(chunk.value());
    request.mutable_sealed()->set_length(text.size());
    request.mutable_sealed()->set_crc(Crc32c(text));
    return AskRaw(node, request.SerializeAsString());
  }
  absl::StatusOr<Answer> AskRaw(const std::string& node, const std::string& bytes) {
    const std::string address = master_->Chain({node})[0].address();
    ASSIGN_OR_RETURN(const UniqueFd socket, ConnectLocally(LocalReadsName(address)));
    RETURN_IF_ERROR(SendLocally(socket.get(), bytes));
    ASSIGN_OR_RETURN(LocalMessage message, ReceiveLocally(socket.get(), absl::Seconds(20)));
    Answer answer{.response = {}, .file = std::move(message.file)};
    if (!answer.response.ParseFromString(message.bytes)) return InternalError("no message");
    if (answer.response.code() == 0) return answer;
    EXPECT_FALSE(answer.file);
    return MakeStatus(static_cast<absl::StatusCode>(answer.response.code()),
                      answer.response.message());
  }
  static std::string Contents(int fd, size_t size) {
    std::string bytes(size, '\0');
    EXPECT_EQ(pread(fd, bytes.data(), size, 0), static_cast<ssize_t>(size));
    return bytes;
  }
};

TEST_F(LocalReadsTest, ASealedReplicaComesWithTheSumsOfItsBlocks) {
  StartAll({"n1"});
  const std::string text = MakeSealedChunk(kChunk, {"n1"}, 300'000);
  ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("n1", kChunk, text));
  ASSERT_TRUE(answer.file);
  EXPECT_TRUE(Contents(answer.file.get(), text.size()) == text);
  EXPECT_LT(write(answer.file.get(), "x", 1), 0) << "for reading only";
  ASSERT_EQ(answer.response.block_crcs_size(), 5);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(answer.response.block_crcs(i),
              Crc32c(std::string_view(text).substr(static_cast<size_t>(i) * 65'536, 65'536)));
  }
  // It stays readable for who has it, whatever becomes of the replica.
  ASSERT_OK(master_->Delete("n1", kChunk));
  EXPECT_TRUE(Contents(answer.file.get(), text.size()) == text);
  EXPECT_THAT(Ask("n1", kChunk, text), StatusIs(absl::StatusCode::kNotFound));
}

// Whether all of a file is in the system's memory; waits up to 20 s for it.
bool ComesIntoMemory(int fd, size_t size) {
  void* const mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  EXPECT_NE(mapped, MAP_FAILED);
  std::vector<unsigned char> pages((size + 4095) / 4096);
  const absl::Time give_up = Clock::Real()->MonotonicNow() + absl::Seconds(20);
  bool all = false;
  while (!all && Clock::Real()->MonotonicNow() < give_up) {
    EXPECT_EQ(mincore(mapped, size, pages.data()), 0);
    all = std::all_of(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; });
    std::this_thread::yield();
  }
  munmap(mapped, size);
  return all;
}

TEST_F(LocalReadsTest, WhatIsBehindARangeIsReadAheadWhereThatIsWanted) {
  StartAll({"n1"});
  const std::string text = MakeSealedChunk(kChunk, {"n1"}, 3'000'000);
  ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("n1", kChunk, text));
  const int fd = answer.file.get();
  ASSERT_EQ(fdatasync(fd), 0);
  ASSERT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  pb::ReadRequest request;
  request.set_chunk_id(kChunk.value());
  request.set_length(1'000);
  request.set_read_ahead(10'000'000);  // more than there is
  ASSERT_OK_AND_ASSIGN(const ReadAnswer read,
                       ReadChunk(master_->Chain({"n1"})[0].address(), request));
  EXPECT_EQ(read.bytes, text.substr(0, 1'000));
  EXPECT_TRUE(ComesIntoMemory(fd, text.size()));
}

TEST_F(LocalReadsTest, OthersAreRefused) {
  StartAll({"n1"});
  const std::string text = MakeSealedChunk(kChunk, {"n1"}, 300'000);
  EXPECT_FALSE(Ask("n1", kChunk, text + "x").ok()) << "sealed otherwise";
  EXPECT_THAT(Ask("n1", kAnother, text), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(master_->Create(kAnother, {"n1"}));
  EXPECT_FALSE(Ask("n1", kAnother, "").ok()) << "open";
  EXPECT_THAT(AskRaw("n1", "\xff\xff"), StatusIs(absl::StatusCode::kInvalidArgument));
  // The next one is served as if nothing had been.
  EXPECT_OK(Ask("n1", kChunk, text));
}

class NoLocalReadsTest : public LocalReadsTest {
 protected:
  void Adjust(ChunkserverOptions* options) override { options->local_reads = false; }
};

TEST_F(NoLocalReadsTest, NobodyListens) {
  StartAll({"n1"});
  const std::string text = MakeSealedChunk(kChunk, {"n1"}, 300'000);
  EXPECT_THAT(Ask("n1", kChunk, text), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace quern::chunkserver
