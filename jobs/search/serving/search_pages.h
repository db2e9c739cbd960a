// What the search server answers: a page with a box, and the same as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/html.h"
#include "common/http_server.h"
#include "common/metrics.h"
#include "jobs/search/serving/query_answerer.h"

namespace quern::search {

struct SearchPagesOptions {
  QueryAnswerer* answerer = nullptr;  // both are borrowed
  Metrics* metrics = nullptr;
  std::string name = "index";  // shown on the page
  Clock* clock = Clock::Real();
};

// Thread-safe; outlives the server that has its routes.
class SearchPages {
 public:
  explicit SearchPages(const SearchPagesOptions& options);

  // "/": the box, with ?q= the hits. "/search?q=...&k=10": the same as JSON; errors are
  // {"error": {"code", "message"}} with status 400 and the like. Both say so when an answer is
  // partial.
  std::vector<HttpRoute> Routes();

 private:
  absl::StatusOr<Answer> Ask(const HttpRequest& request, size_t most);
  HttpResponse Json(const HttpRequest& request);
  HttpResponse Page(const HttpRequest& request);

  const SearchPagesOptions options_;
  Counter& answered_;
  Counter& refused_;
  Counter& failed_;
  Histogram& seconds_;
};

}  // namespace quern::search
