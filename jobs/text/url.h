// URLs of the web: parts, one spelling for equal ones, and whose they are.
//
// What the WHATWG URL Standard does to http and https URLs, for telling documents apart and
// grouping them by host. Hosts in other scripts keep their letters (no IDNA).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace quern::text {

// Longer ones are none.
inline constexpr size_t kMostUrlBytes = 8 << 10;

struct Url {
  std::string scheme;    // "http" or "https"
  std::string host;      // in lower case, percent-decoded; an IPv6 address with its brackets
  std::string port;      // empty when it is the scheme's own
  std::string path;      // begins with '/'; without "." and ".." segments
  std::string query;     // with its '?'; empty when there is none
  std::string fragment;  // with its '#'

  // Without the user's name and password, which are never kept.
  std::string Text() const { return Site() + path + query + fragment; }
  // Scheme, host and port.
  std::string Site() const { return scheme + "://" + host + (port.empty() ? "" : ":" + port); }
};

// An absolute http or https URL; nothing for anything else. Blanks around it and line breaks inside
// are passed over.
std::optional<Url> ParseUrl(std::string_view text);

// What a link in a document at `base` leads to.
std::optional<Url> ResolveUrl(const Url& base, std::string_view link);

// One spelling for URLs that give the same document in practice: no fragment, no parameters that
// only say where a visitor came from (utm_..., gclid, fbclid, ...), the other parameters in order,
// no "/" at the end of a path, http for https, no "www.".
std::string DedupKey(const Url& url);

// The part of a host that somebody has registered, by the public suffix list: "a.b.co.uk" ->
// "b.co.uk". The host itself where that means nothing: addresses, suffixes.
std::string RegistrableDomain(std::string_view host);

}  // namespace quern::text
