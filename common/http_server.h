// The HTTP side of a server: status pages with JSON twins, /healthz, /readyz, /metrics, /version.
// Read only: GET and HEAD, and POST where a route takes what it is asked as a body.
//
//   HttpOptions options{.listen = flags.http, .server_name = "quern-master m1"};
//   options.ready = [&] { return absl::OkStatus(); };
//   options.metrics = &metrics;
//   auto http = HttpServer::Start(options, {{"/", "Overview", [&](const HttpRequest&) {...}}});
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/metrics.h"
#include "common/page.h"
#include "common/status.h"

namespace quern {

struct HttpRequest {
  std::string path{};                                // decoded, without the query
  std::multimap<std::string, std::string> params{};  // of the query
  std::string body{};                                // of a route that takes one
  // The first value of a parameter; empty when it is not there.
  std::string param(const std::string& name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
};

// A page and its twin: "/chunks" and "/chunks.json"; the twin of "/" is "/index.json". An error
// becomes a page with a status that fits (NotFound: 404, InvalidArgument: 400, else 500).
struct HttpPage {
  std::string path;
  std::string title;  // in the navigation of all pages; empty: not shown there
  std::function<absl::StatusOr<PageContent>(const HttpRequest&)> content;
};
// Anything else, answered as it is.
struct HttpRoute {
  std::string path;
  std::function<HttpResponse(const HttpRequest&)> handler;
  bool takes_body = false;  // then it is asked by POST alone, with 1 MiB at most
};

struct HttpOptions {
  std::string listen = "127.0.0.1:0";     // HOST:PORT
  bool insecure_network = false;          // else loopback only
  std::string server_name = "quern";      // shown on every page
  std::function<absl::Status()> ready{};  // /readyz; null: ready as soon as it listens
  Metrics* metrics = nullptr;             // /metrics; borrowed
};

// Handlers run on a pool of threads: everything they use must be thread-safe.
class HttpServer {
 public:
  // InvalidArgument: bad or forbidden address. Unavailable: the port is taken.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpOptions& options,
                                                           std::vector<HttpPage> pages,
                                                           std::vector<HttpRoute> routes = {});
  // Shuts down.
  ~HttpServer();
  const std::string& address() const;  // HOST:PORT with the real port
  int port() const;
  // Ends after the requests that are being answered. Idempotent.
  void Shutdown();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quern
