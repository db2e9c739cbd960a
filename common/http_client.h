// Asks another server over HTTP.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/status.h"

namespace quern {

struct HttpPost {
  std::string path;
  std::string body{};
  std::string content_type = "application/octet-stream";
};

struct HttpClientOptions {
  size_t max_answer_bytes = size_t{64} << 20;
  Clock* clock = Clock::Real();
};

// One server. Thread-safe: connections are kept and used by one call at a time.
class HttpClient {
 public:
  // InvalidArgument for anything but http://HOST:PORT.
  static absl::StatusOr<std::unique_ptr<HttpClient>> Create(std::string_view url,
                                                            const HttpClientOptions& options = {});
  ~HttpClient();
  const std::string& url() const;

  // The body of the answer. Unavailable when nobody answers there or the answer is an error;
  // DeadlineExceeded when it does not begin within `timeout` of the connection, or goes on after
  // it; ResourceExhausted when it is too long. What is asked may be asked twice.
  absl::StatusOr<std::string> Post(const HttpPost& post, absl::Duration timeout);

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace quern
