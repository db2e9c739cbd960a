#include "jobs/search/serving/search_pages.h"

#include <absl/time/time.h>

#include <algorithm>

#include "common/cli/json_line.h"
#include "common/sizes.h"
#include "common/version.h"

namespace quern::search {
namespace {

constexpr size_t kPageHits = 10;
constexpr size_t kMaxPageHits = 100;
constexpr size_t kMaxJsonHits = 1000;

int HttpStatusOf(const absl::Status& status) {
  if (absl::IsInvalidArgument(status)) return 400;
  return absl::IsUnavailable(status) ? 503 : 500;
}

// Marks become elements; everything else is text.
std::string ToHtml(const Snippet& snippet) {
  std::string html;
  for (const SnippetPiece& piece : snippet) {
    const std::string text = EscapeHtml(piece.text);
    html += piece.match ? "<mark>" + text + "</mark>" : text;
  }
  return html;
}

// Languages and directions are those of the documents: browsers choose glyphs and sides by them.
std::string HitHtml(const AnswerHit& hit, size_t number) {
  const std::string title = hit.title.empty() ? EscapeHtml(hit.hit.id) : ToHtml(hit.title);
  const std::string& url = hit.document.url;
  const std::string& language = hit.document.language;
  const bool links = url.starts_with("http://") || url.starts_with("https://");
  std::string html = fmt::format(
      "<li id=\"hit{}\"><div{}>", number,
      language.empty() ? std::string() : fmt::format(" lang=\"{}\"", EscapeHtml(language)));
  html += links ? fmt::format("<a dir=\"auto\" href=\"{}\">{}</a>", EscapeHtml(url), title)
                : fmt::format("<strong dir=\"auto\">{}</strong>", title);
  html += fmt::format("<div dir=\"auto\">{}</div></div>", ToHtml(hit.snippet));
  std::string facts = links ? url : hit.hit.id;
  if (!language.empty()) facts += ", " + language;
  if (!hit.document.date.empty()) facts += ", " + hit.document.date;
  return html + fmt::format("<div class=\"faint\">{} ({:.2f})</div></li>\n", EscapeHtml(facts),
                            hit.hit.score);
}

std::string Percent(std::string_view text) {
  std::string encoded;
  for (const char c : text) encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return encoded;
}

// A link to more of them, where there may be more and the page may show them.
std::string MoreHtml(const std::string& query, size_t shown, size_t asked) {
  if (shown < asked || asked >= kMaxPageHits) return "";
  return fmt::format("<p><a href=\"/?q={}&amp;k={}#hit{}\">More</a></p>\n", Percent(query),
                     std::min(asked * 3, kMaxPageHits), shown + 1);
}

std::string SizeText(const IndexSize& size) {
  const std::string here = size.segments == size.all_segments
                               ? ""
                               : fmt::format(", of which {} {} served here", size.segments,
                                             size.segments == 1 ? "is" : "are");
  return fmt::format("{} document{} in {} segment{}{}.", FormatCount(size.documents),
                     size.documents == 1 ? "" : "s", size.all_segments,
                     size.all_segments == 1 ? "" : "s", here);
}

// What is missing in the answer, and why; nothing when all is there.
std::string ProblemsHtml(const Answer& answer) {
  if (!answer.parts.has_value() || answer.parts->problems.empty()) return "";
  std::string html = fmt::format(
      "<p role=\"alert\">{}</p>\n<ul>\n",
      answer.parts->partial ? "Not all of the index was searched: documents may be missing."
                            : "All of the index was searched, but not all servers are well.");
  for (const PartProblem& problem : answer.parts->problems) {
    html += fmt::format("<li>{}{}</li>\n",
                        problem.server.empty() ? "" : EscapeHtml(problem.server) + ": ",
                        EscapeHtml(problem.what));
  }
  return html + "</ul>\n";
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
  Gauge& segments = options.metrics->AddGauge("quern_search_segments", "Segments that are served.");
  Gauge& generation =
      options.metrics->AddGauge("quern_search_generation", "Changes of the index so far.");
  options.metrics->AddRefresh([answerer = options.answerer, &documents, &segments, &generation] {
    const IndexSize size = answerer->Size();
    documents.Set(static_cast<double>(size.documents));
    segments.Set(static_cast<double>(size.segments));
    generation.Set(static_cast<double>(size.generation));
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
  auto answer = options_.answerer->Ask(request.param("q"), k, request.param("explain") == "1");
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
    main += kHelp;
    main += fmt::format("<p>{}</p>\n", SizeText(options_.answerer->Size()));
  } else {
    twin += Percent(query);
    const absl::StatusOr<Answer> answer = Ask(request, kMaxPageHits);
    if (!answer.ok()) {
      status = HttpStatusOf(answer.status());
      main +=
          fmt::format("<p role=\"alert\">{}</p>\n{}", EscapeHtml(Message(answer.status())), kHelp);
    } else if (answer->hits.empty()) {
      main += ProblemsHtml(*answer);
      main += fmt::format(
          "<p role=\"status\">{}</p>\n{}",
          answer->asks_nothing ? "The query has no word to search for." : "No document matches.",
          kHelp);
    } else {
      main += ProblemsHtml(*answer) + "<ol>\n";
      size_t number = 0;
      for (const AnswerHit& hit : answer->hits) main += HitHtml(hit, ++number);
      main += "</ol>\n" + MoreHtml(query, number, answer->k);
    }
  }
  const std::string title = query.empty() ? "Search" : query;
  const PageFrame frame = {
      .server = options_.name, .nav = {{"/", "Search"}}, .twin = twin, .version = VersionString()};
  return {status, "text/html; charset=utf-8", RenderFrame(title, main, frame)};
}

}  // namespace quern::search
