#include "common/html.h"

#include <fmt/format.h>

namespace quern {
namespace {

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #fff; --faint: #6b7280; --line: #d9dce1;
  --link: #0b57d0; --band: #f5f6f8; --mark: #fff0b3; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6ea; --paper: #16181c; --faint: #9aa1ab;
  --line: #33373d; --link: #8ab4f8; --band: #1e2126; --mark: #4d4420; --bad: #f2b8b5; } }
body { margin: 0 auto; max-width: 72rem; padding: 1rem 1.5rem 3rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header, footer { display: flex; flex-wrap: wrap; gap: 1rem; color: var(--faint); }
header { border-bottom: 1px solid var(--line); padding-bottom: .5rem; overflow-wrap: anywhere; }
footer { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: .5rem; font-size: 13px; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
h1 { font-size: 1.5rem; margin: 1rem 0 .5rem; } h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .9rem .25rem 0; text-align: left;
  vertical-align: top; }
th { color: var(--faint); font-weight: 500; } td.n, th.n { text-align: right; }
pre { background: var(--band); overflow-x: auto; padding: .75rem; }
form { display: flex; gap: .5rem; margin: 1rem 0; }
input[type=search] { flex: 1; min-width: 0; font: inherit; padding: .4rem .6rem; color: inherit;
  background: var(--band); border: 1px solid var(--faint); }
button { font: inherit; padding: .4rem 1rem; }
ol { padding-left: 2rem; } li { margin: 1rem 0; overflow-wrap: anywhere; }
.faint { color: var(--faint); font-size: 13px; }
mark { background: var(--mark); color: inherit; font-weight: 600; }
[role=alert] { border-left: 3px solid var(--bad); color: var(--bad); padding-left: .75rem; }
)css";

bool IsNumber(const PageCell& cell) {
  return std::holds_alternative<int64_t>(cell.value) || std::holds_alternative<double>(cell.value);
}

std::string CellText(const PageCell& cell) {
  const std::string text = EscapeHtml(cell.display);
  if (cell.link.empty()) return text;
  return fmt::format("<a href=\"{}\">{}</a>", EscapeHtml(cell.link), text);
}

std::string Body(const PageFacts& facts) {
  std::string html = "<table>\n";
  for (const auto& [name, cell] : facts) {
    html += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", EscapeHtml(name), CellText(cell));
  }
  return html + "</table>\n";
}

std::string Body(const PageTable& table) {
  if (table.rows.empty()) return "<p>none</p>\n";
  std::string html = "<div class=\"wide\"><table>\n<tr>";
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const bool number = i < table.rows.front().size() && IsNumber(table.rows.front()[i]);
    html +=
        fmt::format("<th{}>{}</th>", number ? " class=\"n\"" : "", EscapeHtml(table.columns[i]));
  }
  html += "</tr>\n";
  for (const PageRow& row : table.rows) {
    html += "<tr>";
    for (const PageCell& cell : row) {
      html += fmt::format("<td{}>{}</td>", IsNumber(cell) ? " class=\"n\"" : "", CellText(cell));
    }
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string Body(const std::string& text) { return "<pre>" + EscapeHtml(text) + "</pre>\n"; }

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string RenderFrame(std::string_view title, std::string_view main, const PageFrame& frame) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>{0} - {1}</title>\n<style>{2}</style></head>\n<body>\n<header><strong>{1}</strong>",
      EscapeHtml(title), EscapeHtml(frame.server), kStyle);
  for (const auto& [path, name] : frame.nav) {
    html += fmt::format("<a href=\"{}\">{}</a>", EscapeHtml(path), EscapeHtml(name));
  }
  return html + fmt::format(
                    "</header>\n<main>\n{}</main>\n<footer><span>{}</span><a href=\"{}\">JSON</a>"
                    "<a href=\"/metrics\">metrics</a></footer>\n</body>\n</html>\n",
                    main, EscapeHtml(frame.version), EscapeHtml(frame.twin));
}

std::string RenderHtml(const PageContent& page, const PageFrame& frame) {
  std::string main = fmt::format("<h1>{}</h1>\n", EscapeHtml(page.title));
  for (const PageSection& section : page.sections) {
    if (!section.heading.empty()) main += fmt::format("<h2>{}</h2>\n", EscapeHtml(section.heading));
    main += std::visit([](const auto& body) { return Body(body); }, section.body);
  }
  return RenderFrame(page.title, main, frame);
}

}  // namespace quern
