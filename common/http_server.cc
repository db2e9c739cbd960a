#include "common/http_server.h"

#include <httplib.h>

#include <algorithm>
#include <set>

#include "common/clock.h"
#include "common/host_port.h"
#include "common/html.h"
#include "common/log.h"
#include "common/thread.h"
#include "common/version.h"

namespace quern {
namespace {

constexpr int kThreads = 64;
constexpr size_t kMaxBodyBytes = size_t{1} << 20;
constexpr char kHtml[] = "text/html; charset=utf-8";
constexpr char kJson[] = "application/json";

int HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
      return 503;
    default:
      return 500;
  }
}

std::string TwinOf(const std::string& path) { return path == "/" ? "/index.json" : path + ".json"; }

PageContent ErrorPage(const absl::Status& status) {
  PageContent page{.title = "Error"};
  page.AddText("", Message(status));
  return page;
}

HttpRequest FromHttplib(const httplib::Request& request) {
  return {.path = request.path,
          .params = {request.params.begin(), request.params.end()},
          .body = request.body};
}

httplib::Headers SecurityHeaders() {
  // Pages hold names chosen by users: even if one slipped through unescaped, no script would run.
  return {{"Content-Security-Policy",
           "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
           "base-uri 'none'; form-action 'self'"},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"},
          {"Cache-Control", "no-store"}};
}

// A first line that is too long httplib refuses unread, so nobody knows which route it is for: it
// is answered like a wrong query.
httplib::Server::HandlerResponse ExplainRefusal(const httplib::Request& /*request*/,
                                                httplib::Response& response) {
  if (response.status != 414 || !response.body.empty()) {
    return httplib::Server::HandlerResponse::Unhandled;
  }
  response.set_content(
      fmt::format(
          "{{\"error\":{{\"code\":\"INVALID_ARGUMENT\",\"message\":\"the address has more than "
          "{} bytes, in which each byte of what is no ASCII takes three. Try: a shorter "
          "query\"}}}}\n",
          CPPHTTPLIB_REQUEST_URI_MAX_LENGTH),
      kJson);
  return httplib::Server::HandlerResponse::Handled;
}

// httplib's own default also sets SO_REUSEPORT, with which two servers share a port silently.
void ReuseAddressOnly(socket_t socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

}  // namespace

std::string HttpRequest::param(const std::string& name) const {
  const auto found = params.find(name);
  return found == params.end() ? "" : found->second;
}

struct HttpServer::Impl {
  HttpOptions options;
  HostPort address;
  std::string address_text;
  std::map<std::string, std::function<HttpResponse(const HttpRequest&)>> routes;
  std::set<std::string> take_bodies;  // those of them that are asked by POST
  PageFrame frame;
  httplib::Server server;
  Thread thread;
  bool stopped = false;

  void AddPage(HttpPage page);
  void AddBuiltins();
  void Configure();
  absl::Status Bind();
  void Answer(const httplib::Request& request, httplib::Response& response);
  void Respond(const httplib::Request& request, httplib::Response& response);
};

void HttpServer::Impl::AddPage(HttpPage page) {
  if (!page.title.empty()) frame.nav.emplace_back(page.path, page.title);
  const std::string twin = TwinOf(page.path);
  const auto content = std::move(page.content);
  routes[twin] = [content](const HttpRequest& request) -> HttpResponse {
    const auto made = content(request);
    if (made.ok()) return {200, kJson, RenderJson(*made)};
    return {HttpStatusOf(made.status()), kJson, RenderJson(ErrorPage(made.status()))};
  };
  routes[page.path] = [this, content, twin](const HttpRequest& request) -> HttpResponse {
    PageFrame own = frame;
    own.twin = twin;
    const auto made = content(request);
    if (made.ok()) return {200, kHtml, RenderHtml(*made, own)};
    return {HttpStatusOf(made.status()), kHtml, RenderHtml(ErrorPage(made.status()), own)};
  };
}

void HttpServer::Impl::AddBuiltins() {
  routes["/healthz"] = [](const HttpRequest&) { return HttpResponse{.body = "ok\n"}; };
  routes["/readyz"] = [this](const HttpRequest&) -> HttpResponse {
    const absl::Status status = options.ready ? options.ready() : absl::OkStatus();
    if (status.ok()) return {.body = "ok\n"};
    return {.status = 503, .body = std::string(Message(status)) + "\n"};
  };
  routes["/version"] = [](const HttpRequest&) {
    return HttpResponse{.body = VersionString() + "\n"};
  };
  routes["/metrics"] = [this](const HttpRequest&) -> HttpResponse {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = options.metrics == nullptr ? "" : options.metrics->Render()};
  };
}

void HttpServer::Impl::Configure() {
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_socket_options(ReuseAddressOnly);
  server.set_tcp_nodelay(true);  // 28 ms -> 0.2 ms per request of a kept connection
  server.set_keep_alive_max_count(1000);
  // Shutdown waits for connections that are idle: short enough that nobody notices.
  server.set_keep_alive_timeout(2);
  server.set_read_timeout(30);
  server.set_write_timeout(30);
  server.set_payload_max_length(kMaxBodyBytes);
  server.set_default_headers(SecurityHeaders());
  server.set_error_handler(httplib::Server::HandlerWithResponse(ExplainRefusal));
  // Before httplib's routing, which would match regular expressions one after another.
  server.set_pre_routing_handler(
      [this](const httplib::Request& request, httplib::Response& response) {
        // Its body is read behind this.
        if (request.method == "POST" && take_bodies.contains(request.path)) {
          return httplib::Server::HandlerResponse::Unhandled;
        }
        Answer(request, response);
        return httplib::Server::HandlerResponse::Handled;
      });
  for (const std::string& path : take_bodies) {
    server.Post(path, [this](const httplib::Request& request, httplib::Response& response) {
      Respond(request, response);
    });
  }
}

absl::Status HttpServer::Impl::Bind() {
  ASSIGN_OR_RETURN(address, ParseHostPort(options.listen));
  if (!options.insecure_network && !IsLoopback(address.host)) {
    return InvalidArgumentError(
        "--http {}: refusing to listen beyond loopback. If the network is private, say so with "
        "--insecure_network",
        options.listen);
  }
  if (address.port == 0) {
    address.port = std::max(0, server.bind_to_any_port(address.host));
  } else if (!server.bind_to_port(address.host, address.port)) {
    address.port = 0;
  }
  if (address.port == 0) {
    return UnavailableError("--http {}: the port is taken or the address is not of this machine",
                            options.listen);
  }
  address_text = address.ToString();
  return absl::OkStatus();
}

void HttpServer::Impl::Answer(const httplib::Request& request, httplib::Response& response) {
  const bool takes_body = take_bodies.contains(request.path);
  if (takes_body || (request.method != "GET" && request.method != "HEAD")) {
    response.status = 405;
    response.set_header("Allow", takes_body ? "POST" : "GET, HEAD");
    response.set_content(
        takes_body ? "only POST is understood\n" : "only GET and HEAD are understood\n",
        "text/plain; charset=utf-8");
    return;
  }
  Respond(request, response);
}

void HttpServer::Impl::Respond(const httplib::Request& request, httplib::Response& response) {
  const auto route = routes.find(request.path);
  if (route == routes.end()) {
    response.status = 404;
    response.set_content("no such page. Try: /\n", "text/plain; charset=utf-8");
    return;
  }
  const HttpResponse answer = route->second(FromHttplib(request));
  response.status = answer.status;
  response.set_content(answer.body, answer.content_type);
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { Shutdown(); }
const std::string& HttpServer::address() const { return impl_->address_text; }
int HttpServer::port() const { return impl_->address.port; }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpOptions& options,
                                                              std::vector<HttpPage> pages,
                                                              std::vector<HttpRoute> routes) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->frame.server = options.server_name;
  impl->frame.version = VersionString();
  impl->AddBuiltins();
  for (HttpRoute& route : routes) {
    if (route.takes_body) impl->take_bodies.insert(route.path);
    impl->routes[route.path] = std::move(route.handler);
  }
  for (HttpPage& page : pages) impl->AddPage(std::move(page));
  impl->Configure();
  RETURN_IF_ERROR(impl->Bind());
  Impl* const raw = impl.get();
  impl->thread = Thread("http", [raw] {
    if (!raw->server.listen_after_bind()) LogError("http_ended", {{"address", raw->address_text}});
  });
  // httplib forgets a stop() that comes before its loop runs.
  while (!impl->server.is_running()) GiveWay();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::Shutdown() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  impl_->server.stop();
  impl_->thread.Join();
}

}  // namespace quern
