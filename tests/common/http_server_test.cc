#include "common/http_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "common/fd.h"
#include "common/host_port.h"
#include "common/html.h"
#include "common/http_client.h"
#include "common/thread.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

PageContent MakePage() {
  PageContent page{.title = "Master"};
  page.AddFacts("Cluster facts", {{"cluster id", "7f3a"}, {"chunks", 1234567}, {"safe", true}});
  PageTable& servers = page.AddTable("Servers", {"server", "free", "last seen"});
  servers.rows.push_back({{"cs3", "/server?id=3"},
                          PageCell::Bytes(uint64_t{3} << 30),
                          PageCell::Seconds(absl::Seconds(1.5))});
  servers.rows.push_back({"<script>alert(1)</script>", PageCell::Bytes(0), "\xff\xfe"});
  page.AddText("Log", "a < b & c");
  return page;
}

TEST(PageTest, TheTwinHoldsTheValuesOfThePage) {
  const auto twin = nlohmann::json::parse(RenderJson(MakePage()));
  EXPECT_EQ(twin["title"], "Master");
  EXPECT_EQ(twin["cluster_facts"]["cluster_id"], "7f3a");
  EXPECT_EQ(twin["cluster_facts"]["chunks"], 1234567);
  EXPECT_EQ(twin["cluster_facts"]["safe"], true);
  EXPECT_EQ(twin["servers"][0]["free"], 3221225472);
  EXPECT_EQ(twin["servers"][0]["last_seen"], 1.5);
  EXPECT_EQ(twin["servers"].size(), 2u);
  EXPECT_EQ(twin["log"], "a < b & c");
}

TEST(PageTest, HtmlShowsTheSameForPeopleAndEscapesEverything) {
  const std::string html = RenderHtml(MakePage(), {.server = "m<1>"});
  EXPECT_THAT(html, HasSubstr("1,234,567"));
  EXPECT_THAT(html, HasSubstr("3 GiB"));
  EXPECT_THAT(html, HasSubstr("<a href=\"/server?id=3\">cs3</a>"));
  EXPECT_THAT(html, HasSubstr("a &lt; b &amp; c"));
  EXPECT_THAT(html, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("m<1>"))));
  EXPECT_EQ(EscapeHtml("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

class HttpServerTest : public RandomTest {
 protected:
  void StartServer() {
    HttpOptions options;
    options.server_name = "quern-master m1";
    options.metrics = &metrics_;
    options.ready = [this] { return ready_; };
    auto server = HttpServer::Start(
        options,
        {{"/", "Overview", [](const HttpRequest&) { return MakePage(); }},
         {"/chunk", "",
          [](const HttpRequest& request) -> absl::StatusOr<PageContent> {
            if (request.param("id").empty()) return InvalidArgumentError("which chunk?");
            return NotFoundError("{}: no such chunk", request.param("id"));
          }}},
        {{"/raw",
          [](const HttpRequest& request) {
            return HttpResponse{
                .status = 202, .content_type = "text/x", .body = request.param("q")};
          }},
         {"/throws", [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("oops"); }},
         {"/echo",
          [](const HttpRequest& request) {
            return HttpResponse{.body = request.body + request.param("q")};
          },
          /*takes_body=*/true}});
    ASSERT_OK(server);
    server_ = std::move(*server);
  }

  // One connection per request; the whole answer, head and body. After `end` nothing more comes.
  std::string Send(const std::string& bytes, bool end = false) {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (end) shutdown(socket.get(), SHUT_WR);
    std::string answer;
    char buffer[4096];
    for (ssize_t n; (n = recv(socket.get(), buffer, sizeof(buffer), 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(n));
    }
    return answer;
  }
  std::string Request(const std::string& method, const std::string& target) {
    return Send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }
  std::string Get(const std::string& target) { return Request("GET", target); }

  Metrics metrics_;
  absl::Status ready_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, PagesAndTwinsAreServedWithTheirTypes) {
  StartServer();
  EXPECT_THAT(Get("/"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("text/html"),
                              HasSubstr("<h1>Master</h1>"), HasSubstr("href=\"/index.json\""),
                              HasSubstr("Content-Security-Policy: default-src 'none'")));
  EXPECT_THAT(Get("/index.json"), AllOf(HasSubstr("application/json"), HasSubstr("\"Master\"")));
  EXPECT_THAT(Get("/raw?q=a%20b%26c"), AllOf(StartsWith("HTTP/1.1 202"), HasSubstr("\r\na b&c")));
}

TEST_F(HttpServerTest, ErrorsHaveTheStatusThatFits) {
  StartServer();
  EXPECT_THAT(Get("/chunk"), AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("which chunk?")));
  EXPECT_THAT(Get("/chunk?id=<7>"), AllOf(StartsWith("HTTP/1.1 404"), HasSubstr("&lt;7&gt;")));
  EXPECT_THAT(Get("/chunk.json?id=7"),
              AllOf(StartsWith("HTTP/1.1 404"), HasSubstr("no such chunk")));
  EXPECT_THAT(Get("/none"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Get("/throws"), StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(Request("POST", "/"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Request("DELETE", "/"), StartsWith("HTTP/1.1 405"));
}

TEST_F(HttpServerTest, HealthReadinessVersionAndMetrics) {
  StartServer();
  metrics_.AddCounter("quern_dfs_reads_total", "Reads.").Increment(3);
  Gauge& gauge = metrics_.AddGauge("quern_dfs_chunks", "Chunks.", {{"state", "open"}});
  metrics_.AddRefresh([&gauge] { gauge.Set(7); });
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/version"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("0.1.0 (")));
  EXPECT_THAT(Get("/metrics"), AllOf(HasSubstr("text/plain"), HasSubstr("quern_dfs_reads_total 3"),
                                     HasSubstr("quern_dfs_chunks{state=\"open\"} 7")));
  ready_ = UnavailableError("1 of 3 chunkservers");
  EXPECT_THAT(Get("/readyz"), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("1 of 3 chunkservers")));
}

TEST_F(HttpServerTest, OnlyARouteThatTakesABodyIsPostedTo) {
  StartServer();
  const auto post = [&](const std::string& target, const std::string& body) {
    return Send(
        fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    target, body.size(), body));
  };
  EXPECT_THAT(post("/echo?q=d", "abc"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("abcd")));
  EXPECT_THAT(Get("/echo"), AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: POST")));
  EXPECT_THAT(post("/raw", "abc"),
              AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD")));
  EXPECT_THAT(post("/echo", std::string(2 << 20, 'x')), Not(StartsWith("HTTP/1.1 200")));
}

TEST_F(HttpServerTest, AClientGetsWhatARouteAnswersAndKeepsItsConnection) {
  StartServer();
  const auto client = HttpClient::Create("http://" + server_->address() + "/");
  ASSERT_OK(client);
  EXPECT_EQ((*client)->url(), "http://" + server_->address());
  for (int i = 0; i < 3; ++i) {
    const auto answer = (*client)->Post({.path = "/echo", .body = "a b"}, absl::Minutes(1));
    ASSERT_OK(answer);
    EXPECT_EQ(*answer, "a b");
  }
  const auto wrong = (*client)->Post({.path = "/raw"}, absl::Minutes(1));
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("status 405"));
  EXPECT_EQ((*client)->Post({.path = "/echo"}, absl::ZeroDuration()).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  for (const char* const none : {"", "http://", "https://h:1", "http://h", "http://h:1/x", "h:x"}) {
    EXPECT_FALSE(HttpClient::Create(none).ok()) << none;
  }
}

TEST_F(HttpServerTest, AClientSaysThatNobodyListens) {
  StartServer();
  const std::string address = server_->address();
  server_.reset();
  const auto client = HttpClient::Create(address);
  ASSERT_OK(client);
  EXPECT_EQ((*client)->Post({.path = "/echo"}, absl::Minutes(1)).status().message(),
            "nobody listens there");
}

TEST_F(HttpServerTest, AnAnswerThatIsTooLongIsNotTaken) {
  StartServer();
  const auto client = HttpClient::Create(server_->address(), {.max_answer_bytes = 1000});
  ASSERT_OK(client);
  EXPECT_OK((*client)->Post({.path = "/echo", .body = std::string(900, 'x')}, absl::Minutes(1)));
  EXPECT_EQ((*client)
                ->Post({.path = "/echo", .body = std::string(90'000, 'x')}, absl::Minutes(1))
                .status()
                .code(),
            absl::StatusCode::kResourceExhausted);
}

// Nor one that does not say how long it is: it may never end.
TEST(HttpClientTest, AnAnswerWithoutALengthHasALimitToo) {
  const UniqueFd listening(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(listening.get(), any, size), 0);
  ASSERT_EQ(getsockname(listening.get(), any, &size), 0);
  ASSERT_EQ(listen(listening.get(), 1), 0);
  Thread endless("endless", [&] {
    const UniqueFd peer(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string piece = "HTTP/1.1 200 OK\r\n\r\n";
    while (send(peer.get(), piece.data(), piece.size(), MSG_NOSIGNAL) > 0) {
      piece.assign(1000, 'x');
    }
  });
  {
    const auto client = HttpClient::Create(fmt::format("127.0.0.1:{}", ntohs(address.sin_port)),
                                           {.max_answer_bytes = 10'000});
    ASSERT_OK(client);
    EXPECT_EQ((*client)->Post({.path = "/"}, absl::Minutes(1)).status().code(),
              absl::StatusCode::kResourceExhausted);
  }
  endless.Join();
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  StartServer();
  const std::string answer = Request("HEAD", "/");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, TwoServersNeverShareAPort) {
  StartServer();
  EXPECT_THAT(HttpServer::Start({.listen = server_->address()}, {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("the port is taken")));
  EXPECT_THAT(HttpServer::Start({.listen = "0.0.0.0:0"}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--insecure_network")));
}

TEST_F(HttpServerTest, GarbageLeavesItAlive) {
  StartServer();
  for (int round = 0; round < 50; ++round) {
    std::string bytes = RandomBytes(Below(2000));
    if (OneIn(2)) bytes = "GET /" + bytes + "\r\n\r\n";
    Send(bytes, true);
  }
  EXPECT_THAT(Get("/" + std::string(20'000, 'x')), StartsWith("HTTP/1.1 414"));
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AnAddressThatIsTooLongIsToldAsJson) {
  StartServer();
  const std::string answer = Get("/raw?q=" + std::string(20'000, 'x'));
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 414"), HasSubstr("application/json")));
  const size_t body = answer.find("\r\n\r\n");
  ASSERT_NE(body, std::string::npos);
  const auto error = nlohmann::json::parse(answer.substr(body + 4))["error"];
  EXPECT_EQ(error["code"], "INVALID_ARGUMENT");
  EXPECT_THAT(std::string(error["message"]), HasSubstr("more than 8192 bytes"));
  // Other errors keep their own words.
  EXPECT_THAT(Get("/none"), HasSubstr("no such page"));
}

TEST_F(HttpServerTest, ShutdownDuringRequestsIsClean) {
  for (int round = 0; round < 5; ++round) {
    StartServer();
    std::vector<Thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back("client", [this] { Get("/"); });
    }
    clients.clear();
    server_->Shutdown();
    server_->Shutdown();
    server_.reset();
  }
}

}  // namespace
}  // namespace quern
