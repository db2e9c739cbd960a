#include "jobs/search/serving/search_pages.h"

#include <absl/time/time.h>

#include "common/cli/json_line.h"
#include "common/sizes.h"
#include "common/version.h"

namespace quern::search {
namespace {

constexpr size_t kPageHits = 10;
constexpr size_t kMaxPageHits = 100;
constexpr size_t kMaxJsonHits = 1000;

int HttpStatusOf(const absl::Status& status) { return absl::IsInvalidArgument(status) ? 400 : 500; }

// Marks become elements; everything else is text.
std::string ToHtml(const Snippet& snippet) {
  std::string html;
  for (const SnippetPiece& piece : snippet) {
    const std::string text = EscapeHtml(piece.text);
    html += piece.match ? "<mark>" + text + "</mark>" : text;
  }
  return html;
}

std::string HitHtml(const AnswerHit& hit) {
  const std::string title = hit.title.empty() ? EscapeHtml(hit.hit.id) : ToHtml(hit.title);
  const std::string& url = hit.document.url;
  const bool links = url.starts_with("http://") || url.starts_with("https://");
  std::string html = "<li>" + (links ? fmt::format("<a href=\"{}\">{}</a>", EscapeHtml(url), title)
                                     : fmt::format("<strong>{}</strong>", title));
  html += fmt::format("<div>{}</div>", ToHtml(hit.snippet));
  std::string facts = links ? url : hit.hit.id;
  if (!hit.document.language.empty()) facts += ", " + hit.document.language;
  if (!hit.document.date.empty()) facts += ", " + hit.document.date;
  return html + fmt::format("<div class=\"faint\">{} ({:.2f})</div></li>\n", EscapeHtml(facts),
                            hit.hit.score);
}

constexpr std::string_view kHelp =
    "<p class=\"faint\">Words, <code>+required</code>, <code>-excluded</code>, <code>\"a "
    "phrase\"</code>, "
    "<code>\"a phrase\"~2</code>, <code>begin*</code>, <code>color~1</code>, "
    "<code>title:word</code>, <code>lang:en</code>, <code>date:2020..2024</code>, "
    "<code>(a OR b) AND c</code>.</p>\n";

}  // namespace

SearchPages::SearchPages(const SearchPagesOptions& options)
    : options_(options),
      answered_(options.metrics->AddCounter("quern_search_queries_total", "Queries by their end.",
                                            {{"end", "answered"}})),
      refused_(options.metrics->AddCounter("quern_search_queries_total", "Queries by their end.",
                                           {{"end", "refused"}})),
      failed_(options.metrics->AddCounter("quern_search_queries_total", "Queries by their end.",
                                          {{"end", "failed"}})),
      seconds_(options.metrics->AddHistogram("quern_search_query_seconds",
                                             "Time of an answered query.", LatencyBounds())) {
  Gauge& documents = options.metrics->AddGauge("quern_search_documents", "Documents of the index.");
  Gauge& segments = options.metrics->AddGauge("quern_search_segments", "Segments of the index.");
  Gauge& generation =
      options.metrics->AddGauge("quern_search_generation", "Changes of the index so far.");
  options.metrics->AddRefresh([index = options.index, &documents, &segments, &generation] {
    const auto current = index->current();
    documents.Set(static_cast<double>(current->documents()));
    segments.Set(static_cast<double>(current->segments().size()));
    generation.Set(static_cast<double>(current->manifest().generation));
  });
}

std::vector<HttpRoute> SearchPages::Routes() {
  return {{"/", [this](const HttpRequest& request) { return Page(request); }},
          {"/search", [this](const HttpRequest& request) { return Json(request); }}};
}

absl::StatusOr<Answer> SearchPages::Ask(const HttpRequest& request, size_t most) {
  size_t k = kPageHits;
  if (const std::string text = request.param("k"); !text.empty()) {
    const absl::StatusOr<int64_t> number = ParseNumber(text, {1, static_cast<int64_t>(most)});
    RETURN_IF_ERROR(Annotate(number.status(), "k"));
    k = static_cast<size_t>(*number);
  }
  const absl::Time start = options_.clock->MonotonicNow();
  const auto index = options_.index->current();
  AnswerOptions answer_options{.k = k, .explain = request.param("explain") == "1"};
  answer_options.run_all = [this](size_t n, const std::function<void(size_t)>& work) {
    options_.pool->RunAll(n, work);
  };
  auto answer = AnswerQuery(*index, request.param("q"), answer_options);
  (answer.ok()                                ? answered_
   : absl::IsInvalidArgument(answer.status()) ? refused_
                                              : failed_)
      .Increment();
  if (answer.ok()) seconds_.Observe(absl::ToDoubleSeconds(options_.clock->MonotonicNow() - start));
  return answer;
}

HttpResponse SearchPages::Json(const HttpRequest& request) {
  constexpr char kJson[] = "application/json";
  const absl::StatusOr<Answer> answer = Ask(request, kMaxJsonHits);
  if (answer.ok()) return {200, kJson, AnswerJson(request.param("q"), *answer)};
  JsonLine error;
  error.Add("code", absl::StatusCodeToString(answer.status().code()))
      .Add("message", Message(answer.status()));
  return {HttpStatusOf(answer.status()), kJson, JsonLine().Add("error", error).ToString() + "\n"};
}

HttpResponse SearchPages::Page(const HttpRequest& request) {
  const std::string query = request.param("q");
  const std::string escaped = EscapeHtml(query);
  std::string main = fmt::format(
      "<h1>Search</h1>\n<form action=\"/\" method=\"get\" role=\"search\">"
      "<input type=\"search\" name=\"q\" value=\"{}\" aria-label=\"Search for\" {}>"
      "<button>Search</button></form>\n",
      escaped, query.empty() ? "autofocus" : "");
  int status = 200;
  std::string twin = "/search?q=";
  if (query.empty()) {
    const auto index = options_.index->current();
    main += kHelp;
    main += fmt::format("<p>{} documents in {} segments.</p>\n", FormatCount(index->documents()),
                        index->segments().size());
  } else {
    for (const char c : query) twin += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    const absl::StatusOr<Answer> answer = Ask(request, kMaxPageHits);
    if (!answer.ok()) {
      status = HttpStatusOf(answer.status());
      main +=
          fmt::format("<p role=\"alert\">{}</p>\n{}", EscapeHtml(Message(answer.status())), kHelp);
    } else if (answer->hits.empty()) {
      main += "<p role=\"status\">No document matches.</p>\n";
    } else {
      main += "<ol>\n";
      for (const AnswerHit& hit : answer->hits) main += HitHtml(hit);
      main += "</ol>\n";
    }
  }
  const std::string title = query.empty() ? "Search" : query;
  const PageFrame frame = {
      .server = options_.name, .nav = {{"/", "Search"}}, .twin = twin, .version = VersionString()};
  return {status, "text/html; charset=utf-8", RenderFrame(title, main, frame)};
}

}  // namespace quern::search
