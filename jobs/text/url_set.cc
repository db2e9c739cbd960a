#include "jobs/text/url_set.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <numeric>
#include <optional>
#include <string>

#include "jobs/text/idn.h"

namespace quern::text {

namespace {

constexpr std::string_view kWww = "www.";
constexpr size_t kMostPlainBytes = 253;  // of the name of a host: RFC 1035
constexpr size_t kKeysOfAStart = 8;

bool IsHostByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

uint64_t KeyOf(std::string_view entry) { return XXH3_64bits(entry.data(), entry.size()); }

std::string_view WithoutDots(std::string_view host) {
  while (host.starts_with('.')) host.remove_prefix(1);
  while (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

// Not of www.com, where it is the name itself.
std::string_view WithoutWww(std::string_view host) {
  const bool drop = host.starts_with(kWww) && RegistrableDomain(host) != host;
  return drop ? host.substr(kWww.size()) : host;
}

// Nothing for what no host is called.
std::optional<std::string> HostOf(const Url& url) {
  const std::optional<std::string> ascii = AsciiHost(url.host);
  if (!ascii.has_value()) return std::nullopt;
  if (ascii->starts_with('[')) return ascii;
  const std::string_view host = WithoutDots(*ascii);
  if (host.empty() || !std::all_of(host.begin(), host.end(), IsHostByte)) return std::nullopt;
  return std::string(WithoutWww(host));
}

std::string_view PathOf(const Url& url) {
  std::string_view path = url.path;
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

// A name that is spelt already as it is kept. Most lines of long lists are such, and they are read
// many times as fast. One whose last label begins with a digit may be an address.
bool IsPlainHost(std::string_view line) {
  if (line.size() > kMostPlainBytes || line.starts_with('.') || line.starts_with(kWww))
    return false;
  const size_t label = line.rfind('.') + 1;
  return label < line.size() && line[label] >= 'a' && line[label] <= 'z' &&
         std::all_of(line.begin(), line.end(), IsHostByte);
}

// Where the scheme is missing it is http. Nothing for a path alone and for an e-mail address, of
// which the host would be left otherwise, nor for columns: tabs, which URLs lose, would join two of
// them in one name ("127.0.0.1<tab>example.com").
std::optional<Url> ReadEntry(std::string_view line) {
  if (line.find_first_of("\t\r\n") != std::string_view::npos) return std::nullopt;
  const size_t mark = std::min(line.find_first_of("/?#\\"), line.size());
  const bool has_scheme = mark > 0 && line[mark - 1] == ':' && line.substr(mark, 2) == "//";
  std::string_view rest = has_scheme ? line.substr(mark + 2) : line;
  while (rest.starts_with('.')) rest.remove_prefix(1);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#\\"));
  if (authority.empty() || authority.find('@') != std::string_view::npos) return std::nullopt;
  const std::string_view scheme = has_scheme ? line.substr(0, mark + 2) : "http://";
  return ParseUrl(std::string(scheme).append(rest));
}

}  // namespace

std::vector<uint64_t> KeysOfUrl(const Url& url) {
  std::vector<uint64_t> keys;
  const std::optional<std::string> host = HostOf(url);
  if (!host.has_value()) return keys;
  const std::string_view name = *host;
  keys.push_back(KeyOf(name));
  for (size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    keys.push_back(KeyOf(name.substr(dot + 1)));
  }
  const std::string page = *host + std::string(PathOf(url)) + url.query;
  const size_t end = page.size() - url.query.size();
  for (size_t at = name.size(); at < end;) {
    at = std::min(page.find('/', at + 1), end);
    keys.push_back(KeyOf(std::string_view(page).substr(0, at)));
  }
  if (!url.query.empty()) keys.push_back(KeyOf(page));
  return keys;
}

bool UrlSet::Add(std::string_view line) {
  line = Trim(line);
  if (IsPlainHost(line)) return keys_.push_back(KeyOf(line)), true;
  if (line.ends_with("/*")) line.remove_suffix(1);
  if (line.ends_with('*')) return false;
  const std::optional<Url> url = ReadEntry(line);
  if (!url.has_value()) return false;
  const std::optional<std::string> host = HostOf(*url);
  if (!host.has_value()) return false;
  keys_.push_back(KeyOf(*host + std::string(PathOf(*url)) + url->query));
  return true;
}

void UrlSet::Seal() {
  std::sort(keys_.begin(), keys_.end());
  keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
  keys_.shrink_to_fit();
  const int bits = static_cast<int>(std::bit_width(keys_.size() / kKeysOfAStart)) + 1;
  shift_ = 64 - bits;
  starts_.assign((size_t{1} << bits) + 1, 0);
  for (const uint64_t key : keys_) ++starts_[(key >> shift_) + 1];
  std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
}

bool UrlSet::HoldsAny(const std::vector<uint64_t>& keys) const {
  return std::any_of(keys.begin(), keys.end(), [this](uint64_t key) {
    const auto at = [this](size_t i) { return keys_.begin() + static_cast<ptrdiff_t>(i); };
    const size_t start = key >> shift_;
    return std::binary_search(at(starts_[start]), at(starts_[start + 1]), key);
  });
}

}  // namespace quern::text
