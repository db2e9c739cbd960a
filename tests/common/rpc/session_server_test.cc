// Many streams on few threads.
#include "common/rpc/session_server.h"

#include <gmock/gmock.h>
#include <grpcpp/support/slice.h>

#include <map>

#include "common/mutex.h"
#include "common/rpc/bulk.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "tests/support/status_matchers.h"

namespace quern::rpc {
namespace {

class SessionServerTest : public ::testing::Test {
 protected:
  using Kind = BulkEvent::Kind;
  static constexpr absl::Duration kLong = absl::Seconds(30);

  static grpc::ByteBuffer Buffer(const std::string& text) {
    const grpc::Slice slice(text);
    return {&slice, 1};
  }
  static std::string Text(const grpc::ByteBuffer& buffer) {
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(buffer.Dump(&slices).ok());
    std::string text;
    for (const grpc::Slice& slice : slices) {
      text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    return text;
  }
  // Says everything back; "bye" ends the stream.
  class Echo final : public SessionReceiver {
   public:
    Echo(SessionServerTest* test, std::shared_ptr<SessionStream> stream)
        : test_(*test), stream_(std::move(stream)) {
      MutexLock lock(&test_.mutex_);
      test_.open_.push_back(stream_);
      test_.changed_.SignalAll();
    }
    void OnMessage(const grpc::ByteBuffer& message) override {
      const std::string text = Text(message);
      if (text == "bye") {
        stream_->Send(Buffer("good "));
        stream_->Finish(AbortedError("bye"));
      }
      stream_->Send(Buffer(text));
    }
    void OnOver() override {
      MutexLock lock(&test_.mutex_);
      ++test_.over_;
      test_.changed_.SignalAll();
    }

   private:
    SessionServerTest& test_;
    const std::shared_ptr<SessionStream> stream_;
  };

  void StartServer(int max_streams, int threads = 2) {
    auto server =
        Server::Start({.session_threads = threads, .watchdog = false}, {}, {}, {},
                      {{"/test/Echo", max_streams, [this](std::shared_ptr<SessionStream> stream) {
                          return std::make_unique<Echo>(this, std::move(stream));
                        }}});
    ASSERT_OK(server);
    server_ = *std::move(server);
  }
  // A connection of its own.
  std::shared_ptr<grpc::Channel> Connect() {
    return MakeChannel(server_->address(), ChannelKind::kBulk);
  }
  void AwaitOver(int count) {
    MutexLock lock(&mutex_);
    while (over_ < count) changed_.Wait(&mutex_);
  }
  static BulkEvent Next(BulkLoop* loop, Kind kind) {
    BulkEvent event;
    do {
      event = loop->Next(kLong);
      EXPECT_NE(event.kind, Kind::kTimeout);
      // A call that cannot be made has no message to wait for; one that has ended well has had it.
      if (kind == Kind::kMessage && event.kind == Kind::kFinished) {
        EXPECT_OK(event.status);
      }
    } while (event.kind != kind && event.kind != Kind::kTimeout);
    return event;
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::shared_ptr<SessionStream>> open_ ABSL_GUARDED_BY(mutex_);
  int over_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Server> server_;
};

TEST_F(SessionServerTest, ThousandsOfStreamsOnTwoThreads) {
  constexpr int kStreams = 2000;
  StartServer(kStreams);
  BulkLoop loop;
  std::map<BulkStream*, std::string> expected;
  std::shared_ptr<grpc::Channel> channel;
  for (int i = 0; i < kStreams; ++i) {
    if (i % 200 == 0) channel = Connect();
    BulkStream* const stream = loop.Open(channel, "/test/Echo", absl::InfiniteDuration());
    expected[stream] = "stream " + std::to_string(i);
    stream->Send(Buffer(expected[stream]));
  }
  for (int i = 0; i < kStreams; ++i) {
    const BulkEvent event = Next(&loop, Kind::kMessage);
    ASSERT_EQ(event.kind, Kind::kMessage);
    EXPECT_EQ(Text(event.message), expected[event.stream]);
  }
  // All of them are open at once: one more is too many.
  BulkStream* const refused = loop.Open(channel, "/test/Echo", absl::InfiniteDuration());
  refused->Send(Buffer("x"));  // a stream is opened by its first message
  const BulkEvent event = Next(&loop, Kind::kFinished);
  EXPECT_EQ(event.stream, refused);
  EXPECT_THAT(event.status, StatusIs(absl::StatusCode::kResourceExhausted));
  // Other kinds have their own limit.
  BulkStream* const check = loop.Open(channel, "/grpc.health.v1.Health/Check", kLong);
  check->Send(Buffer(""));
  EXPECT_EQ(Next(&loop, Kind::kMessage).stream, check);
  // When some have gone there is room again.
  for (int i = 0; i < 10; ++i) loop.Close(std::next(expected.begin(), i)->first);
  AwaitOver(10);
  BulkStream* const another = loop.Open(channel, "/test/Echo", absl::InfiniteDuration());
  another->Send(Buffer("x"));
  EXPECT_EQ(Next(&loop, Kind::kMessage).stream, another);
}

TEST_F(SessionServerTest, TheHandlersStatusEndsTheStreamAfterItsMessages) {
  StartServer(10);
  BulkLoop loop;
  BulkStream* const stream = loop.Open(Connect(), "/test/Echo", kLong);
  stream->Send(Buffer("bye"));
  EXPECT_EQ(Text(Next(&loop, Kind::kMessage).message), "good ");
  const BulkEvent end = Next(&loop, Kind::kFinished);
  EXPECT_THAT(end.status, StatusIs(absl::StatusCode::kAborted, "bye"));
  AwaitOver(1);
}

TEST_F(SessionServerTest, AnyThreadMaySendAlsoWhenItIsOver) {
  StartServer(10);
  BulkLoop loop;
  BulkStream* const stream = loop.Open(Connect(), "/test/Echo", kLong);
  stream->Send(Buffer("first"));
  Next(&loop, Kind::kMessage);
  std::shared_ptr<SessionStream> held;
  {
    MutexLock lock(&mutex_);
    held = open_.front();
  }
  for (int i = 0; i < 100; ++i) held->Send(Buffer(std::to_string(i)));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Text(Next(&loop, Kind::kMessage).message), std::to_string(i));
  }
  stream->CloseSend();
  EXPECT_OK(Next(&loop, Kind::kFinished).status);
  AwaitOver(1);
  held->Send(Buffer("late"));
  server_.reset();
  held->Send(Buffer("later"));
  held->Finish(absl::OkStatus());
}

TEST_F(SessionServerTest, APeerThatTakesNothingHasItsStreamEnded) {
  StartServer(10);
  BulkLoop loop;
  BulkStream* const stream = loop.Open(Connect(), "/test/Echo", kLong);
  stream->Send(Buffer("first"));
  Next(&loop, Kind::kMessage);
  stream->PauseReading();
  std::shared_ptr<SessionStream> held;
  {
    MutexLock lock(&mutex_);
    held = open_.front();
  }
  const std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 200; ++i) held->Send(Buffer(megabyte));
  stream->ResumeReading();
  EXPECT_THAT(Next(&loop, Kind::kFinished).status, StatusIs(absl::StatusCode::kAborted));
  AwaitOver(1);
}

TEST_F(SessionServerTest, AServerThatStopsEndsAllStreams) {
  for (int round = 0; round < 5; ++round) {
    StartServer(1000);
    BulkLoop loop;
    const auto channel = Connect();
    for (int i = 0; i < 100; ++i) {
      loop.Open(channel, "/test/Echo", kLong)->Send(Buffer("x"));
    }
    // Some have begun, some have not.
    for (int i = 0; i < 20; ++i) Next(&loop, Kind::kMessage);
    server_->Shutdown(absl::Milliseconds(100));
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(Next(&loop, Kind::kFinished).status.ok());
    server_.reset();
    MutexLock lock(&mutex_);
    EXPECT_EQ(static_cast<size_t>(over_), open_.size());
    open_.clear();
    over_ = 0;
  }
}

}  // namespace
}  // namespace quern::rpc
