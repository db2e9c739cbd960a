#include "common/http_client.h"

#include <httplib.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/clean_text.h"
#include "common/host_port.h"
#include "common/mutex.h"

namespace quern {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr size_t kShownBytes = 200;

}  // namespace

struct HttpClient::Impl {
  using Connection = std::unique_ptr<httplib::Client>;

  Impl(HostPort where, const HttpClientOptions& from)
      : address(std::move(where)),
        options(from),
        url(fmt::format("http://{}", address.ToString())) {}

  // One that nobody uses; `*is_kept` when it was used before, and so may have been closed.
  Connection Take(bool* is_kept);
  void GiveBack(Connection connection);
  // Nothing when a kept connection turns out to be closed.
  std::optional<absl::StatusOr<std::string>> Try(const HttpPost& post, absl::Time deadline);
  absl::Status Explain(httplib::Error error, absl::Time deadline) const;

  const HostPort address;
  const HttpClientOptions options;
  const std::string url;
  Mutex mutex;
  std::vector<Connection> idle ABSL_GUARDED_BY(mutex);
};

HttpClient::Impl::Connection HttpClient::Impl::Take(bool* is_kept) {
  {
    MutexLock lock(&mutex);
    *is_kept = !idle.empty();
    if (*is_kept) {
      Connection kept = std::move(idle.back());
      idle.pop_back();
      return kept;
    }
  }
  auto made = std::make_unique<httplib::Client>(address.host, address.port);
  made->set_keep_alive(true);
  made->set_tcp_nodelay(true);
  return made;
}

void HttpClient::Impl::GiveBack(Connection connection) {
  MutexLock lock(&mutex);
  idle.push_back(std::move(connection));
}

absl::Status HttpClient::Impl::Explain(httplib::Error error, absl::Time deadline) const {
  if (options.clock->MonotonicNow() >= deadline || error == httplib::Error::Canceled ||
      error == httplib::Error::ConnectionTimeout) {
    return DeadlineExceededError("no answer in time");
  }
  if (error == httplib::Error::Connection) return UnavailableError("nobody listens there");
  return UnavailableError("{}", httplib::to_string(error));
}

std::optional<absl::StatusOr<std::string>> HttpClient::Impl::Try(const HttpPost& post,
                                                                 absl::Time deadline) {
  const absl::Duration left = deadline - options.clock->MonotonicNow();
  if (left <= absl::ZeroDuration()) return DeadlineExceededError("no answer in time");
  bool is_kept = false;
  Connection connection = Take(&is_kept);
  const auto seconds = static_cast<time_t>(absl::ToInt64Seconds(left));
  const auto micros = static_cast<time_t>(absl::ToInt64Microseconds(left - absl::Seconds(seconds)));
  connection->set_connection_timeout(seconds, micros);
  connection->set_write_timeout(seconds, micros);
  connection->set_read_timeout(seconds, micros);
  httplib::Request request;
  request.method = "POST";
  request.path = post.path;
  request.body = post.body;
  request.set_header("Content-Type", post.content_type);
  bool is_too_long = false;
  std::string body;
  // Of answers that do not say how long they are too: those may never end.
  request.content_receiver = [&](const char* bytes, size_t size, uint64_t, uint64_t total) {
    is_too_long = std::max<uint64_t>(body.size() + size, total) > options.max_answer_bytes;
    if (is_too_long || options.clock->MonotonicNow() >= deadline) return false;
    body.append(bytes, size);
    return true;
  };
  httplib::Result result = connection->send(request);
  if (is_too_long) {
    return ResourceExhaustedError("its answer has more than {} bytes", options.max_answer_bytes);
  }
  if (!result) {
    const absl::Status why = Explain(result.error(), deadline);
    if (is_kept && absl::IsUnavailable(why)) return std::nullopt;
    return why;
  }
  GiveBack(std::move(connection));
  if (result->status != 200) {
    return UnavailableError("status {}: {}", result->status, CleanLine(body, kShownBytes));
  }
  return body;
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

absl::StatusOr<std::unique_ptr<HttpClient>> HttpClient::Create(std::string_view url,
                                                               const HttpClientOptions& options) {
  std::string_view address = url;
  if (address.starts_with(kScheme)) address.remove_prefix(kScheme.size());
  while (address.ends_with('/')) address.remove_suffix(1);
  const absl::StatusOr<HostPort> where = ParseHostPort(address);
  if (!where.ok()) {
    return InvalidArgumentError("'{}' is no address of a server. Try: http://HOST:PORT",
                                CleanLine(url, kShownBytes));
  }
  return std::unique_ptr<HttpClient>(new HttpClient(std::make_unique<Impl>(*where, options)));
}

const std::string& HttpClient::url() const { return impl_->url; }

absl::StatusOr<std::string> HttpClient::Post(const HttpPost& post, absl::Duration timeout) {
  const absl::Time deadline = impl_->options.clock->MonotonicNow() + timeout;
  // Each kept connection may have been closed meanwhile; the last one that is tried is new.
  while (true) {
    std::optional<absl::StatusOr<std::string>> answer = impl_->Try(post, deadline);
    if (answer.has_value()) return *std::move(answer);
  }
}

}  // namespace quern
