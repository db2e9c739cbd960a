// Bulk streams between a real server and real clients on loopback.
#include "common/rpc/bulk.h"

#include <atomic>
#include <map>

#include "common/clock.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/thread.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::rpc {
namespace {

using Kind = BulkEvent::Kind;
using testing::AnyOf;

constexpr absl::Duration kLong = absl::Seconds(30);

grpc::ByteBuffer Buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

std::string Text(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  return Payload(std::move(slices)).ToString();
}

class BulkTest : public RandomTest {
 protected:
  void StartServer(int max_bulk_streams = 512) {
    std::vector<BulkMethod> methods = {
        {"/test/Echo", [this](BulkLoop* loop, BulkStream* stream) { Echo(loop, stream); }},
        {"/test/Fail",
         [](BulkLoop*, BulkStream* stream) { stream->Finish(DataLossError("0x2a: bad sum")); }},
        {"/test/Forget", [](BulkLoop*, BulkStream*) {}},
        {"/test/Flood", [](BulkLoop* loop, BulkStream* stream) { Flood(loop, stream); }},
        {"/test/Deaf", [this](BulkLoop* loop, BulkStream* stream) { Deaf(loop, stream); }},
    };
    auto server = Server::Start({.max_bulk_streams = max_bulk_streams, .watchdog = false}, {},
                                std::move(methods));
    ASSERT_OK(server);
    server_ = std::move(*server);
    channel_ = MakeChannel(server_->address(), ChannelKind::kBulk);
  }

  void Echo(BulkLoop* loop, BulkStream* stream) {
    ++open_;
    absl::Status status;
    while (true) {
      BulkEvent event = loop->Next(kLong);
      if (event.kind == Kind::kMessage) stream->Send(std::move(event.message));
      if (event.kind == Kind::kStopping) status = UnavailableError("stopping");
      if (event.kind == Kind::kEndOfMessages || event.kind == Kind::kStopping) break;
    }
    stream->Finish(status);
    --open_;
  }

  // Sends until the client has gone.
  static void Flood(BulkLoop* loop, BulkStream* stream) {
    const std::string piece(64 << 10, 'f');
    while (!stream->failed()) {
      while (stream->unsent_messages() < 4) stream->Send(Buffer(piece));
      if (loop->Next(kLong).kind == Kind::kStopping) break;
    }
    stream->Finish(CancelledError("the reader is gone"));
  }

  // Reads nothing, but for the message that was already asked for, until it is told to.
  void Deaf(BulkLoop* loop, BulkStream* stream) {
    stream->PauseReading();
    while (!listen_) {
      BulkEvent event = loop->Next(absl::Milliseconds(5));
      if (event.kind == Kind::kMessage) stream->Send(std::move(event.message));
    }
    stream->ResumeReading();
    Echo(loop, stream);
  }

  // The status that ends a stream on which nothing more is sent.
  absl::Status Finish(BulkLoop* loop, BulkStream* stream) {
    stream->CloseSend();
    while (true) {
      const BulkEvent event = loop->Next(kLong);
      if (event.kind == Kind::kFinished && event.stream == stream) return event.status;
      if (event.kind == Kind::kTimeout) return InternalError("the stream does not end");
    }
  }

  std::atomic<int> open_ = 0;
  std::atomic<bool> listen_ = false;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(BulkTest, MessagesComeBackInOrderOnEveryStream) {
  StartServer();
  BulkLoop loop;
  std::map<BulkStream*, std::string> sent;
  std::map<BulkStream*, std::string> received;
  for (int i = 0; i < 5; ++i) sent[loop.Open(channel_, "/test/Echo", kLong)];
  for (auto& [stream, bytes] : sent) {
    for (int i = 0; i < 40; ++i) {
      const std::string piece = RandomBytes(Below(OneIn(5) ? 300'000 : 300));
      stream->Send(Buffer(piece));
      bytes += piece;
    }
    stream->CloseSend();
  }
  size_t finished = 0;
  while (finished < sent.size()) {
    const BulkEvent event = loop.Next(kLong);
    ASSERT_NE(event.kind, Kind::kTimeout);
    if (event.kind == Kind::kMessage) received[event.stream] += Text(event.message);
    if (event.kind == Kind::kFinished) {
      EXPECT_OK(event.status);
      EXPECT_EQ(event.stream->unsent_bytes(), 0u);
      ++finished;
    }
  }
  EXPECT_TRUE(received == sent);
}

TEST_F(BulkTest, MoreStreamsThanAConnectionTakesAreAllServed) {
  StartServer();
  ChannelCache channels;
  BulkLoop loop;
  for (int i = 0; i < 300; ++i) {
    loop.Open(channels.Get(server_->address(), ChannelKind::kBulk), "/test/Echo",
              absl::InfiniteDuration())
        ->Send(Buffer("x"));
  }
  for (int answers = 0; answers < 300;) {
    const BulkEvent event = loop.Next(absl::Seconds(10));
    ASSERT_NE(event.kind, Kind::kTimeout) << answers;
    if (event.kind == Kind::kMessage) ++answers;
  }
}

TEST_F(BulkTest, StreamsShareAConnectionAsLongAsItTakesThem) {
  StartServer();
  ChannelCache channels;
  const auto get = [&] { return channels.Get(server_->address(), ChannelKind::kBulk); };
  const auto first = get();
  EXPECT_EQ(get().get(), first.get());
  {
    BulkLoop loop;
    for (int i = 1; i < 200; ++i) loop.Open(get(), "/test/Echo", absl::InfiniteDuration());
    EXPECT_NE(get().get(), first.get());
  }
  EXPECT_EQ(get().get(), first.get()) << "which has room again";
}

TEST_F(BulkTest, HandlersStatusReachesTheClient) {
  StartServer();
  BulkLoop loop;
  EXPECT_THAT(Finish(&loop, loop.Open(channel_, "/test/Fail", kLong)),
              StatusIs(absl::StatusCode::kDataLoss, "0x2a: bad sum"));
  EXPECT_THAT(Finish(&loop, loop.Open(channel_, "/test/Forget", kLong)),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(Finish(&loop, loop.Open(channel_, "/test/Unknown", kLong)),
              StatusIs(absl::StatusCode::kUnimplemented));
}

TEST_F(BulkTest, NobodyThereIsUnavailable) {
  StartServer();
  server_->Shutdown(absl::ZeroDuration());
  BulkLoop loop;
  EXPECT_THAT(Finish(&loop, loop.Open(channel_, "/test/Echo", kLong)),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(BulkTest, ADeadlineEndsAStream) {
  StartServer();
  BulkLoop loop;
  BulkStream* stream = loop.Open(channel_, "/test/Echo", absl::Milliseconds(50));
  stream->Send(Buffer("x"));
  BulkEvent event;
  do {
    event = loop.Next(kLong);
  } while (event.kind != Kind::kFinished && event.kind != Kind::kTimeout);
  EXPECT_THAT(event.status, StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(BulkTest, ASlowReceiverHoldsTheSenderBack) {
  StartServer();
  BulkLoop loop;
  BulkStream* stream = loop.Open(channel_, "/test/Deaf", kLong);
  constexpr int kMessages = 128;
  const std::string piece(1 << 20, 'p');
  for (int i = 0; i < kMessages; ++i) stream->Send(Buffer(piece));
  // The transport takes a window's worth and no more.
  int messages = 0;
  BulkEvent event;
  while ((event = loop.Next(absl::Milliseconds(300))).kind != Kind::kTimeout) {
    if (event.kind == Kind::kMessage) ++messages;
  }
  EXPECT_GT(stream->unsent_bytes(), size_t{kMessages / 2} << 20);
  listen_ = true;
  stream->CloseSend();
  do {
    event = loop.Next(kLong);
    if (event.kind == Kind::kMessage) ++messages;
  } while (event.kind != Kind::kFinished && event.kind != Kind::kTimeout);
  EXPECT_OK(event.status);
  EXPECT_EQ(messages, kMessages);
}

TEST_F(BulkTest, ACancelledStreamEndsOnBothSides) {
  StartServer();
  BulkLoop loop;
  BulkStream* stream = loop.Open(channel_, "/test/Flood", kLong);
  stream->Send(Buffer("go"));
  ASSERT_EQ(loop.Next(kLong).stream, stream);
  stream->Cancel();
  BulkEvent event;
  do {
    event = loop.Next(kLong);
  } while (event.kind != Kind::kFinished && event.kind != Kind::kTimeout);
  EXPECT_THAT(event.status, StatusIs(absl::StatusCode::kCancelled));
  server_->Shutdown(kLong);  // returns at once, since the handler has ended
}

TEST_F(BulkTest, StreamsAreForgottenAtAnyMoment) {
  StartServer();
  for (int round = 0; round < 100; ++round) {
    BulkLoop loop;
    for (uint64_t n = Below(4); n > 0; --n) {
      BulkStream* stream = loop.Open(channel_, OneIn(2) ? "/test/Echo" : "/test/Flood", kLong);
      for (uint64_t m = Below(4); m > 0; --m) stream->Send(Buffer(RandomBytes(Below(100'000))));
      if (OneIn(2)) stream->CloseSend();
      for (uint64_t e = Below(5); e > 0; --e) loop.Next(absl::Milliseconds(Below(3)));
      if (OneIn(2)) loop.Close(stream);
    }
  }
  BulkLoop loop;
  EXPECT_OK(Finish(&loop, loop.Open(channel_, "/test/Echo", kLong)));
}

TEST_F(BulkTest, WakeReachesTheLoopFromOtherThreads) {
  BulkLoop loop;
  for (int round = 0; round < 50; ++round) {
    Thread waker("waker", [&] { loop.Wake(); });
    ASSERT_EQ(loop.Next(kLong).kind, Kind::kWoken);
  }
  // Wakes that come together count once.
  loop.Wake();
  loop.Wake();
  EXPECT_EQ(loop.Next(kLong).kind, Kind::kWoken);
  EXPECT_EQ(loop.Next(absl::ZeroDuration()).kind, Kind::kTimeout);
}

TEST_F(BulkTest, StreamsBeyondTheLimitAreRefusedAndLaterOnesServed) {
  constexpr int kLimit = 3;
  StartServer(kLimit);
  BulkLoop loop;
  std::vector<BulkStream*> held;
  for (int i = 0; i < kLimit; ++i) {
    held.push_back(loop.Open(channel_, "/test/Echo", kLong));
    held.back()->Send(Buffer("x"));
    BulkEvent event;
    do {
      event = loop.Next(kLong);
    } while (event.kind != Kind::kMessage && event.kind != Kind::kTimeout);
    ASSERT_EQ(event.kind, Kind::kMessage);
  }
  BulkLoop other;
  for (int i = 0; i < 50; ++i) {
    ASSERT_THAT(Finish(&other, other.Open(channel_, "/test/Echo", kLong)),
                StatusIs(absl::StatusCode::kResourceExhausted));
  }
  for (BulkStream* stream : held) EXPECT_OK(Finish(&loop, stream));
  while (open_ > 0) Clock::Real()->Sleep(absl::Milliseconds(1));
  absl::Status status;
  do {  // the last handler leaves just after its stream has ended
    status = Finish(&other, other.Open(channel_, "/test/Echo", kLong));
  } while (absl::IsResourceExhausted(status));
  EXPECT_OK(status);
}

TEST_F(BulkTest, ShutdownTellsOpenStreamsAndDoesNotWaitForThem) {
  StartServer();
  BulkLoop loop;
  std::vector<BulkStream*> streams;
  for (int i = 0; i < 10; ++i) {
    streams.push_back(loop.Open(channel_, i % 2 == 0 ? "/test/Echo" : "/test/Flood", kLong));
    streams.back()->Send(Buffer("x"));
  }
  size_t started = 0;
  std::map<BulkStream*, bool> seen;
  while (started < streams.size()) {
    const BulkEvent event = loop.Next(kLong);
    ASSERT_NE(event.kind, Kind::kTimeout);
    if (event.kind == Kind::kMessage && !std::exchange(seen[event.stream], true)) ++started;
  }
  Thread stopper("stopper", [&] { server_->Shutdown(absl::Minutes(10)); });
  size_t finished = 0;
  while (finished < streams.size()) {
    const BulkEvent event = loop.Next(kLong);
    ASSERT_NE(event.kind, Kind::kTimeout);
    if (event.kind != Kind::kFinished) continue;
    ++finished;
    EXPECT_THAT(event.status, AnyOf(StatusIs(absl::StatusCode::kUnavailable),
                                    StatusIs(absl::StatusCode::kCancelled)));
  }
}

TEST_F(BulkTest, ClientsThatComeDuringShutdownGetAnAnswer) {
  for (int round = 0; round < 10; ++round) {
    StartServer();
    std::vector<Thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back("client", [this] {
        BulkLoop loop;
        for (int n = 0; n < 30; ++n) {
          BulkStream* stream = loop.Open(channel_, "/test/Echo", kLong);
          stream->Send(Buffer("x"));
          EXPECT_THAT(Finish(&loop, stream), AnyOf(IsOk(), StatusIs(absl::StatusCode::kUnavailable),
                                                   StatusIs(absl::StatusCode::kCancelled)));
          loop.Close(stream);
        }
      });
    }
    server_->Shutdown(absl::Milliseconds(Below(20)));
  }
}

TEST_F(BulkTest, TheHealthServiceAnswers) {
  StartServer();
  BulkLoop loop;
  const auto check = [&] {
    BulkStream* stream = loop.Open(channel_, "/grpc.health.v1.Health/Check", kLong);
    stream->Send(Buffer(""));
    stream->CloseSend();
    std::string answer;
    BulkEvent event;
    do {
      event = loop.Next(kLong);
      if (event.kind == Kind::kMessage) answer = Text(event.message);
    } while (event.kind != Kind::kFinished && event.kind != Kind::kTimeout);
    EXPECT_OK(event.status);
    return answer;
  };
  EXPECT_EQ(check(), "\x08\x01");
  server_->SetServing(false);
  EXPECT_EQ(check(), "\x08\x02");
}

}  // namespace
}  // namespace quern::rpc
