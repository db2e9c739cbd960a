#include "jobs/text/url.h"

#include <libpsl.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <vector>

#include "jobs/text/ascii.h"

namespace quern::text {

namespace {

bool IsUrlDigit(char c) { return c >= '0' && c <= '9'; }
bool IsUrlLetter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

int HexValue(char c) {
  if (IsUrlDigit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Without blanks and control characters at both ends, and without line breaks and tabs.
std::string StripUrl(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  std::string url;
  for (const char c : text) {
    if (c != '\t' && c != '\n' && c != '\r') url += c;
  }
  return url;
}

// "https" of "HTTPS:..."; empty when the text begins with no scheme.
std::string SchemeOf(std::string_view text) {
  std::string scheme;
  for (const char c : text) {
    if (c == ':') return scheme;
    const bool part =
        IsUrlLetter(c) || (!scheme.empty() && (IsUrlDigit(c) || c == '+' || c == '-' || c == '.'));
    if (!part) return "";
    scheme += LowerLetter(c);
  }
  return "";
}

std::string PercentDecoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 &&
        HexValue(text[i + 2]) >= 0) {
      out += static_cast<char>(HexValue(text[i + 1]) << 4 | HexValue(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Every byte that may not stand in this part as %XX; what is percent-encoded already in capitals,
// and plain where the letter needs no encoding. Not behind a sign of percent that begins nothing:
// "%%33" would become "%3", and with what follows begin something else.
std::string PercentEncoded(std::string_view text, std::string_view forbidden) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  size_t bare = std::string::npos;  // where in `out` the last sign that begins nothing is
  const auto encode = [&](unsigned char c) {
    out.append(1, '%').append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 &&
        HexValue(text[i + 2]) >= 0) {
      const char meant = static_cast<char>(HexValue(text[i + 1]) << 4 | HexValue(text[i + 2]));
      const bool free = bare == std::string::npos || out.size() - bare > 2;
      const bool plain = free && (IsUrlLetter(meant) || IsUrlDigit(meant) || meant == '-' ||
                                  meant == '_' || meant == '~' || meant == '.');
      plain ? out.push_back(meant) : encode(static_cast<unsigned char>(meant));
      i += 2;
    } else if (c <= ' ' || c >= 0x7f || forbidden.find(text[i]) != std::string_view::npos) {
      encode(c);
    } else {
      if (c == '%') bare = out.size();
      out += text[i];
    }
  }
  return out;
}

// Whether a host is an address (https://url.spec.whatwg.org, "ends in a number checker"): when the
// whole of its last label is a number, 0x with nothing behind it too. "a1" of "host.a1" is none.
bool EndsInNumber(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string_view label = host.substr(host.rfind('.') + 1);
  if (label.starts_with("0x")) {
    label.remove_prefix(2);
    return std::all_of(label.begin(), label.end(), [](char c) { return HexValue(c) >= 0; });
  }
  return !label.empty() && std::all_of(label.begin(), label.end(), IsUrlDigit);
}

// One part of an address: "127", "0x7f" or "0177". Nothing when it is no such number, or too large
// for any address.
std::optional<uint64_t> ReadIpv4Part(std::string_view part) {
  int base = 10;
  if (part.starts_with("0x")) {
    part.remove_prefix(2);
    if (part.empty()) return 0;
    base = 16;
  } else if (part.size() > 1 && part[0] == '0') {
    base = 8;
  }
  uint64_t value = 0;
  const char* const end = part.data() + part.size();
  const auto [last, error] = std::from_chars(part.data(), end, value, base);
  if (error != std::errc() || last != end) return std::nullopt;
  return value;
}

// 1.2.3.4 of a host in small letters that ends in a number, as browsers read it: also of 0x7f.1 and
// 2130706433. Empty when it is no address.
std::string ReadIpv4(std::string_view host) {
  constexpr size_t kMostParts = 4;
  std::vector<uint64_t> parts;
  if (host.ends_with('.')) host.remove_suffix(1);
  for (size_t at = 0; at <= host.size();) {
    const size_t end = std::min(host.find('.', at), host.size());
    const std::optional<uint64_t> part = ReadIpv4Part(host.substr(at, end - at));
    if (!part.has_value() || parts.size() == kMostParts) return "";
    parts.push_back(*part);
    at = end + 1;
  }
  uint64_t address = 0;
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (parts[i] > 255) return "";
    address |= parts[i] << (24 - 8 * i);
  }
  if (parts.back() >= uint64_t{1} << (8 * (kMostParts + 1 - parts.size()))) return "";
  address |= parts.back();
  return std::to_string(address >> 24) + "." + std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." + std::to_string(address & 255);
}

// Empty when it is none.
std::string NormalHost(std::string_view text) {
  const std::string host = LowerLetters(PercentDecoded(text));
  if (host.starts_with('[')) {
    const bool address = host.ends_with(']') && host.find(':') != std::string::npos &&
                         host.find_first_not_of("0123456789abcdef:.", 1) == host.size() - 1;
    return address ? host : "";
  }
  for (const char c : host) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f ||
        std::string_view("#%/:<>?@[\\]^|").find(c) != std::string_view::npos) {
      return "";
    }
  }
  if (host.find_first_not_of('.') == std::string::npos) return "";
  return EndsInNumber(host) ? ReadIpv4(host) : host;
}

// user:password@host:port
bool ReadAuthority(std::string_view authority, Url* url) {
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) authority.remove_prefix(at + 1);
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  url->host = NormalHost(authority.substr(0, colon));
  if (url->host.empty()) return false;
  if (colon == std::string_view::npos || colon + 1 == authority.size()) return true;
  const std::string_view digits = authority.substr(colon + 1);
  uint32_t port = 0;
  const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || last != digits.data() + digits.size() || port > 65535) return false;
  if (port != (url->scheme == "http" ? 80 : 443)) url->port = std::to_string(port);
  return true;
}

std::string NormalPath(std::string_view path) {
  std::string slashes(path);
  std::replace(slashes.begin(), slashes.end(), '\\', '/');
  const std::string encoded = PercentEncoded(slashes, "\"<>`{}^|");
  std::vector<std::string_view> segments;
  const std::string_view view = encoded;
  bool ends_in_slash = true;
  for (size_t at = view.starts_with('/') ? 1 : 0; at <= view.size();) {
    const size_t end = std::min(view.find('/', at), view.size());
    const std::string_view segment = view.substr(at, end - at);
    const bool last = end == view.size();
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (segment != "." && !(last && segment.empty())) {
      segments.push_back(segment);
    }
    if (last) ends_in_slash = segment.empty() || segment == "." || segment == "..";
    at = end + 1;
  }
  std::string normal;
  for (const std::string_view segment : segments) normal.append("/").append(segment);
  if (ends_in_slash || normal.empty()) normal += '/';
  return normal;
}

// What follows the authority: path, query, fragment.
void ReadRest(std::string_view rest, Url* url) {
  const size_t hash = std::min(rest.find('#'), rest.size());
  url->fragment = hash < rest.size() ? "#" + PercentEncoded(rest.substr(hash + 1), "\"<>`") : "";
  rest = rest.substr(0, hash);
  const size_t mark = std::min(rest.find('?'), rest.size());
  url->query = mark < rest.size() ? "?" + PercentEncoded(rest.substr(mark + 1), "\"<>'") : "";
  url->path = NormalPath(rest.substr(0, mark));
}

std::optional<Url> ReadAbsolute(std::string_view text, const std::string& scheme) {
  Url url;
  url.scheme = scheme;
  std::string_view rest = text.substr(std::min(text.find_first_not_of("/\\"), text.size()));
  const size_t end = std::min(rest.find_first_of("/\\?#"), rest.size());
  if (!ReadAuthority(rest.substr(0, end), &url)) return std::nullopt;
  ReadRest(rest.substr(end), &url);
  return url;
}

bool IsWebScheme(std::string_view scheme) { return scheme == "http" || scheme == "https"; }

bool IsTrackingParameter(std::string_view parameter) {
  const std::string_view name = parameter.substr(0, parameter.find('='));
  if (name.starts_with("utm_")) return true;
  constexpr std::string_view kNames[] = {"gclid", "fbclid",    "msclkid",    "dclid",
                                         "yclid", "mc_cid",    "mc_eid",     "igshid",
                                         "_ga",   "phpsessid", "jsessionid", "sessionid"};
  const std::string lower = LowerLetters(name);
  return std::find(std::begin(kNames), std::end(kNames), lower) != std::end(kNames);
}

}  // namespace

std::optional<Url> ParseUrl(std::string_view text) {
  if (text.size() > kMostUrlBytes) return std::nullopt;
  const std::string url = StripUrl(text);
  const std::string scheme = SchemeOf(url);
  if (!IsWebScheme(scheme)) return std::nullopt;
  return ReadAbsolute(std::string_view(url).substr(scheme.size() + 1), scheme);
}

std::optional<Url> ResolveUrl(const Url& base, std::string_view link) {
  if (link.size() > kMostUrlBytes) return std::nullopt;
  const std::string text = StripUrl(link);
  const std::string scheme = SchemeOf(text);
  if (!scheme.empty()) {
    return IsWebScheme(scheme) ? ParseUrl(text) : std::nullopt;
  }
  const auto is_slash = [&](size_t i) {
    return i < text.size() && (text[i] == '/' || text[i] == '\\');
  };
  if (is_slash(0) && is_slash(1)) return ReadAbsolute(text, base.scheme);
  Url url = base;
  url.fragment.clear();
  if (text.empty()) return url;
  if (is_slash(0)) {
    ReadRest(text, &url);
  } else if (text[0] == '?') {
    ReadRest(base.path + text, &url);
  } else if (text[0] == '#') {
    ReadRest(base.path + base.query + text, &url);
  } else {
    ReadRest(base.path.substr(0, base.path.rfind('/') + 1) + text, &url);
  }
  return url;
}

std::string DedupKey(const Url& url) {
  std::vector<std::string_view> parameters;
  const std::string_view query = url.query;
  for (size_t at = 1; at < query.size();) {
    const size_t end = std::min(query.find('&', at), query.size());
    const std::string_view parameter = query.substr(at, end - at);
    if (!parameter.empty() && !IsTrackingParameter(parameter)) parameters.push_back(parameter);
    at = end + 1;
  }
  std::sort(parameters.begin(), parameters.end());
  std::string_view host = url.host;
  if (host.starts_with("www.")) host.remove_prefix(4);
  std::string key =
      "http://" + std::string(host) + (url.port.empty() ? "" : ":" + url.port) + url.path;
  if (key.ends_with('/')) key.pop_back();
  for (size_t i = 0; i < parameters.size(); ++i)
    key.append(i == 0 ? "?" : "&").append(parameters[i]);
  return key;
}

std::string RegistrableDomain(std::string_view host) {
  const std::string name(host);
  const bool address = host.starts_with('[') || EndsInNumber(host);
  if (address) return name;
  const char* const domain = psl_registrable_domain(psl_builtin(), name.c_str());
  return domain == nullptr ? name : domain;
}

}  // namespace quern::text
