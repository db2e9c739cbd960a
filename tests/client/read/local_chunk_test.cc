// Replicas read from the files that their chunkservers hand out: right bytes, wrong ones, and
// servers that answer badly or not at all.
#include "client/read/local_chunk.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "client/file_system.h"
#include "common/crc32c.h"
#include "common/local_socket.h"
#include "common/thread.h"
#include "quern/dfs/v1/chunk.pb.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::client {
namespace {

using ::quern::testing::FakeDfs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace pb = ::quern::dfs::v1;

constexpr size_t kBlock = size_t{64} << 10;

// What a chunkserver answers to whoever asks it for a file.
class FakeLocalServer {
 public:
  using Answer = std::function<void(const pb::OpenLocalRequest&, int socket)>;
  FakeLocalServer(const std::string& address, Answer answer)
      : listener_(*ListenLocally(LocalReadsName(address))),
        thread_("fake-local", [this, answer = std::move(answer)] {
          while (true) {
            const auto socket = AcceptLocally(listener_.get());
            if (!socket.ok()) return;
            pb::OpenLocalRequest request;
            const auto bytes = ReceiveLocally(socket->get(), absl::Seconds(10));
            if (bytes.ok() && request.ParseFromString(bytes->bytes)) answer(request, socket->get());
          }
        }) {}
  ~FakeLocalServer() { shutdown(listener_.get(), SHUT_RDWR); }

 private:
  const UniqueFd listener_;
  const Thread thread_;
};

class LocalChunkTest : public RandomTest {
 protected:
  void SetUp() override {
    const UniqueFd file = FileOf("x");
    char byte = 0;
    const iovec part{&byte, 1};
    if (preadv2(file.get(), &part, 1, 0, RWF_NOWAIT) == 1) return;
    GTEST_SKIP() << dir_.path() << ": its file system has no reads from memory only (RWF_NOWAIT)";
  }
  std::string RandomText(size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random_());
    return text;
  }
  UniqueFd FileOf(std::string_view bytes) {
    const std::string path = dir_ / "replica";
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  static pb::OpenLocalResponse SumsOf(std::string_view bytes) {
    pb::OpenLocalResponse response;
    for (size_t at = 0; at < bytes.size(); at += kBlock) {
      response.add_block_crcs(Crc32c(bytes.substr(at, kBlock)));
    }
    return response;
  }
  // Hands out `bytes` with the checksums of `right`.
  FakeLocalServer::Answer HandOut(std::string bytes, std::string right) {
    return [this, bytes, right](const pb::OpenLocalRequest&, int socket) {
      ++asked_;
      EXPECT_OK(SendLocally(socket, SumsOf(right).SerializeAsString(), FileOf(bytes).get()));
    };
  }
  ServerAddress Server() const {
    ServerAddress server;
    server.address = address_;
    return server;
  }
  static ChunkInfo ChunkOf(std::string_view bytes) {
    ChunkInfo chunk;
    chunk.id = ChunkId(7);
    chunk.length = bytes.size();
    chunk.crc = Crc32c(bytes);
    chunk.sealed = true;
    return chunk;
  }
  static absl::StatusOr<std::string> ReadAll(ChunkSource* source, uint64_t length) {
    std::string all;
    while (all.size() < length) {
      ASSIGN_OR_RETURN(const auto bytes, source->Take());
      if (!bytes.has_value()) return InternalError("nothing came after {} bytes", all.size());
      const std::string piece = bytes->payload.ToString();
      EXPECT_EQ(bytes->crc, Crc32c(piece));
      all += piece;
    }
    return all;
  }

  TempDir dir_;
  std::string address_ = fmt::format("test-{}:1", getpid());
  std::atomic<int> asked_ = 0;
};

TEST_F(LocalChunkTest, AnyRangeIsReadAsItIs) {
  const std::string text = RandomText(3 * (1 << 20) + 12'345);
  const FakeLocalServer server(address_, HandOut(text, text));
  const auto size = static_cast<uint64_t>(text.size());
  const ChunkRange ranges[] = {{0, size},          {1, size - 1},       {kBlock, kBlock},
                               {65'535, 65'537},   {1'048'575, 70'000}, {size - 65'536, 65'536},
                               {70'000, 2'000'000}};
  for (const ChunkRange& range : ranges) {
    ASSERT_OK_AND_ASSIGN(const auto chunk, LocalChunk::Open(ChunkOf(text), Server(), range));
    ASSERT_OK_AND_ASSIGN(const std::string back, ReadAll(chunk.get(), range.length));
    EXPECT_TRUE(back == text.substr(range.offset, range.length)) << range.offset;
  }
  ASSERT_OK_AND_ASSIGN(const auto one,
                       LocalChunk::Open(ChunkOf(text), Server(), {.offset = 0, .length = size}));
  EXPECT_EQ(one->server().address, address_);
}

TEST_F(LocalChunkTest, NoWrongByteIsGivenOut) {
  const std::string text = RandomText(500'000);
  for (const size_t at : {size_t{0}, size_t{65'536}, size_t{300'000}, text.size() - 1}) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    const FakeLocalServer server(address_, HandOut(damaged, text));
    ASSERT_OK_AND_ASSIGN(const auto chunk, LocalChunk::Open(ChunkOf(text), Server(),
                                                            {.offset = 0, .length = text.size()}));
    EXPECT_THAT(ReadAll(chunk.get(), text.size()), StatusIs(absl::StatusCode::kDataLoss));
  }
  const FakeLocalServer server(address_, HandOut(text.substr(0, 400'000), text));
  ASSERT_OK_AND_ASSIGN(const auto chunk, LocalChunk::Open(ChunkOf(text), Server(),
                                                          {.offset = 0, .length = text.size()}));
  EXPECT_THAT(ReadAll(chunk.get(), text.size()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("ends at 400000 of 500000")));
}

TEST_F(LocalChunkTest, WhatCannotBeHadSoIsAnError) {
  const std::string text = RandomText(200'000);
  const auto open = [&](const ChunkInfo& chunk, uint64_t length) {
    return LocalChunk::Open(chunk, Server(), {.offset = 0, .length = length}).status();
  };
  EXPECT_THAT(open(ChunkOf(text), text.size()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(open(ChunkOf(text), 100), StatusIs(absl::StatusCode::kFailedPrecondition));
  ChunkInfo growing = ChunkOf(text);
  growing.sealed = false;
  EXPECT_THAT(open(growing, text.size()), StatusIs(absl::StatusCode::kFailedPrecondition));

  const std::string other = RandomText(text.size());
  const std::pair<const char*, FakeLocalServer::Answer> answers[] = {
      {"refused",
       [](const pb::OpenLocalRequest&, int socket) {
         pb::OpenLocalResponse response;
         response.set_code(static_cast<int>(absl::StatusCode::kNotFound));
         EXPECT_OK(SendLocally(socket, response.SerializeAsString()));
       }},
      {"no file",
       [&](const pb::OpenLocalRequest&, int socket) {
         EXPECT_OK(SendLocally(socket, SumsOf(text).SerializeAsString()));
       }},
      {"too few checksums", HandOut(text, text.substr(0, 100'000))},
      {"another chunk's", HandOut(other, other)},
      {"no message",
       [](const pb::OpenLocalRequest&, int socket) { EXPECT_OK(SendLocally(socket, "\xff\xff")); }},
      {"gone", [](const pb::OpenLocalRequest&, int) {}},
  };
  for (const auto& [what, answer] : answers) {
    const FakeLocalServer server(address_, answer);
    EXPECT_FALSE(open(ChunkOf(text), text.size()).ok()) << what;
  }
}

class LocalReadTest : public LocalChunkTest {
 protected:
  static constexpr char kPath[] = "/f";
  void Write(const std::string& bytes, size_t chunks_expected = 1) {
    fs_ = FileSystem::Create({.masters = {fake_.master_address()}});
    ASSERT_OK_AND_ASSIGN(const auto writer, fs_->Create(kPath));
    ASSERT_OK(writer->Append(bytes));
    ASSERT_OK(writer->Close());
    ASSERT_OK_AND_ASSIGN(const auto chunks, fs_->GetChunks(kPath));
    ASSERT_EQ(chunks.size(), chunks_expected);
    replicas_ = chunks[0].replicas;
  }
  absl::StatusOr<std::string> Read(uint64_t length) {
    ASSIGN_OR_RETURN(const auto reader, fs_->Open(kPath));
    const auto stream = reader->Stream(0, length);
    std::string bytes;
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view more, stream->Next());
      if (more.empty()) return bytes;
      bytes += more;
    }
  }

  FakeDfs fake_{{.servers = 3, .chunk_size = 4 << 20}};
  std::unique_ptr<FileSystem> fs_;
  std::vector<ServerAddress> replicas_;
};

TEST_F(LocalReadTest, AReplicaOfThisMachineIsReadWithoutItsServer) {
  const std::string text = RandomText(2'000'000);
  Write(text);
  const FakeLocalServer server(replicas_[0].address, HandOut(text, text));
  for (const ServerAddress& replica : replicas_) {
    fake_.SetReadFault(replica.id.value(), FakeDfs::ReadFault::kWrongByte);
  }
  ASSERT_OK_AND_ASSIGN(const std::string back, Read(text.size()));
  EXPECT_TRUE(back == text);
  EXPECT_EQ(asked_, 1);
}

TEST_F(LocalReadTest, WhatIsNotInMemoryComesFromTheServer) {
  const std::string text = RandomText(2'000'000);
  Write(text);
  const FakeLocalServer server(replicas_[0].address, [&](const pb::OpenLocalRequest&, int socket) {
    ++asked_;
    // Of a kind that cannot say what is in memory.
    const UniqueFd file(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
    EXPECT_OK(SendLocally(socket, SumsOf(text).SerializeAsString(), file.get()));
  });
  ASSERT_OK_AND_ASSIGN(const std::string back, Read(text.size()));
  EXPECT_TRUE(back == text);
  EXPECT_EQ(asked_, 1);
  EXPECT_TRUE(fake_.reported_bad().empty());
}

// Hands out something that has nothing in memory so often before it hands out the replica.
class ColdReadTest : public LocalReadTest {
 protected:
  static constexpr uint64_t kSize = 3'500'000;
  static constexpr uint64_t kPiece = 1 << 20;

  void ReadAfter(int cold) {
    const std::string text = RandomText(kSize);
    Write(text);
    // Made before, so that an answer takes no time.
    const std::string sums = SumsOf(text).SerializeAsString();
    const UniqueFd replica = FileOf(text);
    int pipe_ends[2];
    ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
    const UniqueFd nothing(pipe_ends[0]);
    const UniqueFd other_end(pipe_ends[1]);
    const FakeLocalServer server(replicas_[0].address,
                                 [&](const pb::OpenLocalRequest&, int socket) {
                                   const int fd = asked_++ < cold ? nothing.get() : replica.get();
                                   EXPECT_OK(SendLocally(socket, sums, fd));
                                 });
    ASSERT_OK_AND_ASSIGN(const std::string back, Read(text.size()));
    EXPECT_TRUE(back == text);
  }
};

TEST_F(ColdReadTest, WhileItsServerReadsOnAReplicaIsReadDirectlyAgain) {
  ReadAfter(1);
  EXPECT_EQ(asked_, 2);
  EXPECT_THAT(fake_.reads(), ElementsAre(FakeDfs::Read{0, kPiece, kSize - kPiece}));
}

TEST_F(ColdReadTest, WhereNothingIsInMemoryAllTheRestComesFromTheServer) {
  ReadAfter(100);
  EXPECT_EQ(asked_, 2);
  EXPECT_THAT(fake_.reads(), ElementsAre(FakeDfs::Read{0, kPiece, kSize - kPiece},
                                         FakeDfs::Read{kPiece, kSize - kPiece, 0}));
}

// That memory ran out of one chunk at once says nothing of the next one.
TEST_F(ColdReadTest, EachChunkIsTriedAnew) {
  constexpr uint64_t kFirst = 4 << 20;
  const std::string text = RandomText(2 * kSize);
  Write(text, 2);
  ASSERT_OK_AND_ASSIGN(const auto chunks, fs_->GetChunks(kPath));
  const std::string first = text.substr(0, kFirst);
  const std::string second = text.substr(kFirst);
  const std::string first_sums = SumsOf(first).SerializeAsString();
  const std::string second_sums = SumsOf(second).SerializeAsString();
  const UniqueFd replica = FileOf(second);
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
  const UniqueFd nothing(pipe_ends[0]);
  const UniqueFd other_end(pipe_ends[1]);
  std::atomic<int> asked_for_second = 0;
  const FakeLocalServer server(
      replicas_[0].address, [&](const pb::OpenLocalRequest& request, int socket) {
        if (request.chunk_id() == chunks[0].id.value()) {
          ++asked_;
          EXPECT_OK(SendLocally(socket, first_sums, nothing.get()));
        } else {
          const int fd = asked_for_second++ == 0 ? nothing.get() : replica.get();
          EXPECT_OK(SendLocally(socket, second_sums, fd));
        }
      });
  ASSERT_OK_AND_ASSIGN(const std::string back, Read(text.size()));
  EXPECT_TRUE(back == text);
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ(asked_for_second, 2);
  EXPECT_THAT(fake_.reads(), ElementsAre(FakeDfs::Read{0, kPiece, kFirst - kPiece},
                                         FakeDfs::Read{kPiece, kFirst - kPiece, 0},
                                         FakeDfs::Read{0, kPiece, second.size() - kPiece}));
}

TEST_F(LocalReadTest, OneThatDoesNotAnswerIsAskedOnce) {
  const std::string text = RandomText(300'000);
  Write(text);
  const UniqueFd silent = *ListenLocally(LocalReadsName(replicas_[0].address));
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const std::string back, Read(text.size()));
    EXPECT_TRUE(back == text);
  }
  ASSERT_OK(AcceptLocally(silent.get()));
  EXPECT_EQ(fcntl(silent.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_FALSE(AcceptLocally(silent.get()).ok()) << "nobody else came";
}

TEST_F(LocalReadTest, ADamagedOneIsReportedAndTheNextIsRead) {
  const std::string text = RandomText(2'000'000);
  Write(text);
  std::string damaged = text;
  damaged[1'500'000] = static_cast<char>(damaged[1'500'000] ^ 1);
  const FakeLocalServer server(replicas_[0].address, HandOut(damaged, text));
  ASSERT_OK_AND_ASSIGN(const std::string back, Read(text.size()));
  EXPECT_TRUE(back == text);
  EXPECT_THAT(fake_.reported_bad(), Contains(replicas_[0].id.value()));
}

TEST_F(LocalReadTest, AnotherChunksBytesAreNotTaken) {
  const std::string text = RandomText(300'000);
  Write(text);
  const std::string other = RandomText(300'000);
  const FakeLocalServer server(replicas_[0].address, HandOut(other, other));
  ASSERT_OK_AND_ASSIGN(const std::string back, Read(text.size()));
  EXPECT_TRUE(back == text);
  EXPECT_EQ(asked_, 1);
}

TEST_F(LocalReadTest, CanBeTurnedOff) {
  const std::string text = RandomText(300'000);
  Write(text);
  const FakeLocalServer server(replicas_[0].address, HandOut(text, text));
  fs_ = FileSystem::Create({.masters = {fake_.master_address()}, .local_reads = false});
  ASSERT_OK_AND_ASSIGN(const std::string back, Read(text.size()));
  EXPECT_TRUE(back == text);
  EXPECT_EQ(asked_, 0);
}

}  // namespace
}  // namespace quern::client
