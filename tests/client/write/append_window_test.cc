#include "client/write/append_window.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "common/crc32c.h"
#include "common/random.h"

namespace quern::client {
namespace {

SharedPiece MakePiece(std::string_view bytes) {
  auto piece = std::make_shared<PieceBuffer>();
  std::copy(bytes.begin(), bytes.end(), piece->data.get());
  piece->size = bytes.size();
  piece->crc = Crc32c(bytes);
  return piece;
}

// A chunk as its servers see it: every piece that reached them, in order.
struct FakeChunk {
  std::string bytes;
  std::vector<std::pair<uint64_t, uint64_t>> ends;  // (seq, end)

  void Append(const Piece& piece) {
    bytes += piece.buffer->bytes();
    ends.emplace_back(piece.seq, bytes.size());
  }
  uint32_t CrcTo(uint64_t length) const {
    return Crc32c(std::string_view(bytes).substr(0, length));
  }
};

TEST(AppendWindow, SealsCleanlyWithEverythingThatWasSent) {
  AppendWindow window(100);
  window.Add(MakePiece("abc"));
  window.Add(MakePiece("de"));
  EXPECT_FALSE(window.NextToSend().has_value()) << "no chunk yet";
  window.BeginChunk();
  EXPECT_EQ(window.base_seq(), 1u);
  EXPECT_EQ(window.NextToSend()->seq, 1u);
  window.MarkSent();
  window.MarkSent();
  EXPECT_EQ(window.sent_unacked_bytes(), 5u);
  ASSERT_TRUE(window.OnAck(1, 3).ok());
  EXPECT_EQ(window.unacked_pieces(), 1u);
  EXPECT_EQ(window.sent_unacked_bytes(), 2u);
  ASSERT_TRUE(window.OnSealed(5, Crc32c("abcde")).ok());
  EXPECT_EQ(window.unacked_pieces(), 0u);
  EXPECT_EQ(window.sealed_bytes(), 5u);
}

TEST(AppendWindow, AChunkIsFullWhenTheNextPieceDoesNotFit) {
  AppendWindow window(4);
  window.Add(MakePiece("abc"));
  window.BeginChunk();
  window.MarkSent();
  EXPECT_FALSE(window.chunk_full());
  window.Add(MakePiece("de"));
  EXPECT_TRUE(window.chunk_full());
  EXPECT_FALSE(window.NextToSend().has_value());
}

TEST(AppendWindow, ResendsToTheNextChunkWhatIsNotInASealedOne) {
  AppendWindow window(100);
  for (const char* bytes : {"a", "bb", "ccc"}) window.Add(MakePiece(bytes));
  window.BeginChunk();
  for (int i = 0; i < 3; ++i) window.MarkSent();
  ASSERT_TRUE(window.OnAck(1, 1).ok());
  // More than what was acknowledged may be in the chunk.
  ASSERT_TRUE(window.OnResolved(3, Crc32c("abb"), 2).ok());
  window.BeginChunk();
  EXPECT_EQ(window.base_seq(), 3u);
  EXPECT_EQ(window.NextToSend()->buffer->bytes(), "ccc");
  window.Validate();
}

TEST(AppendWindow, NothingInASealedChunkMeansThatAllIsSentAgain) {
  AppendWindow window(100);
  window.Add(MakePiece("abc"));
  window.BeginChunk();
  window.MarkSent();
  ASSERT_TRUE(window.OnResolved(0, 0, 0).ok());
  window.BeginChunk();
  EXPECT_EQ(window.NextToSend()->seq, 1u);
}

TEST(AppendWindow, RefusesAnswersThatDoNotFit) {
  struct Case {
    const char* what;
    std::function<absl::Status(AppendWindow&)> answer;
  };
  const std::vector<Case> cases = {
      {"an ack of a piece never sent", [](auto& w) { return w.OnAck(3, 6); }},
      {"an ack with the wrong length", [](auto& w) { return w.OnAck(2, 4); }},
      {"a seal that lost a piece", [](auto& w) { return w.OnSealed(3, Crc32c("abc")); }},
      {"a seal with other bytes", [](auto& w) { return w.OnSealed(5, Crc32c("abcdE")); }},
      {"a forced seal below what was acknowledged", [](auto& w) { return w.OnResolved(0, 0, 0); }},
      {"a forced seal inside a piece", [](auto& w) { return w.OnResolved(4, Crc32c("abcd"), 2); }},
      {"a forced seal with other bytes", [](auto& w) { return w.OnResolved(5, 7, 2); }},
  };
  for (const Case& test : cases) {
    AppendWindow window(100);
    for (const char* bytes : {"abc", "de", "f"}) window.Add(MakePiece(bytes));
    window.BeginChunk();
    window.MarkSent();
    window.MarkSent();
    ASSERT_TRUE(window.OnAck(1, 3).ok());
    EXPECT_EQ(test.answer(window).code(), absl::StatusCode::kDataLoss) << test.what;
  }
}

// A writer and its servers taking random steps; the file must be what was written, byte by byte.
class RandomWalk {
 public:
  explicit RandomWalk(uint64_t seed) : random_(seed), chunk_size_(1 + random_() % 40) {}

  void Run() {
    for (int step = 0; step < 400; ++step) {
      Step();
      window_.Validate();
    }
    while (window_.has_waiting() || window_.in_chunk()) {
      if (!window_.in_chunk()) Begin();
      while (window_.NextToSend().has_value()) Send();
      Seal();
      window_.Validate();
    }
    EXPECT_EQ(file_, written_);
    EXPECT_EQ(window_.sealed_bytes(), written_.size());
    EXPECT_EQ(window_.unacked_pieces(), 0u);
  }

 private:
  void Step() {
    switch (random_() % 8) {
      case 0:
      case 1:
        return Write();
      case 2:
      case 3:
        if (window_.NextToSend().has_value()) Send();
        return;
      case 4:
        if (window_.in_chunk()) Ack();
        return;
      case 5:
        if (!window_.in_chunk() && window_.has_waiting()) Begin();
        return;
      case 6:
        if (window_.in_chunk() && random_() % 2 == 0) Seal();
        return;
      case 7:
        if (window_.in_chunk() && random_() % 2 == 0) Break();
        return;
    }
  }
  void Write() {
    std::string bytes(1 + random_() % std::min<uint64_t>(chunk_size_, 9), '\0');
    for (char& c : bytes) c = static_cast<char>('a' + random_() % 26);
    written_ += bytes;
    window_.Add(MakePiece(bytes));
  }
  void Begin() {
    window_.BeginChunk();
    chunk_ = {};
    acked_ = 0;
  }
  void Send() {
    chunk_.Append(*window_.NextToSend());
    window_.MarkSent();
  }
  // All replicas have some prefix of the pieces, at least what they had before.
  void Ack() {
    acked_ += random_() % (chunk_.ends.size() - acked_ + 1);
    const auto [seq, end] = Pieces(acked_);
    ASSERT_TRUE(window_.OnAck(seq, end).ok());
  }
  void Seal() {
    ASSERT_TRUE(window_.OnSealed(chunk_.bytes.size(), Crc32c(chunk_.bytes)).ok());
    file_ += chunk_.bytes;
  }
  // Some server failed: the survivors agree on anything between what was acked and what was sent.
  void Break() {
    const size_t kept = acked_ + random_() % (chunk_.ends.size() - acked_ + 1);
    const auto [seq, end] = Pieces(kept);
    ASSERT_TRUE(window_.OnResolved(end, chunk_.CrcTo(end), seq).ok());
    file_ += chunk_.bytes.substr(0, end);
  }
  std::pair<uint64_t, uint64_t> Pieces(size_t count) const {
    if (count == 0) return {0, 0};
    return chunk_.ends[count - 1];
  }

  Random random_;
  const uint64_t chunk_size_;
  AppendWindow window_{chunk_size_};
  std::string written_;
  std::string file_;
  FakeChunk chunk_;
  size_t acked_ = 0;
};

TEST(AppendWindow, EveryByteIsInTheFileOnceWhateverFails) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomWalk(seed).Run();
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace quern::client
