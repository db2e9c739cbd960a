// Hosts, domains and URL prefixes, and which of them hold a URL.
//
// Of each entry 64 bits are kept: 8 bytes. Among five million entries one URL in 10^11 would be
// held by mistake.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "jobs/text/url.h"

namespace quern::text {

// Of all entries that hold this URL, in no order: its host and every domain above it, and, of its
// host, every path that it lies below.
std::vector<uint64_t> KeysOfUrl(const Url& url);

class UrlSet {
 public:
  // example.com, blog.example.com, example.com/path, with a scheme or without. Case, a leading
  // "www.", dots around the host and a slash at the end of the path make no difference, nor do
  // port and fragment; other scripts and their Punycode are the same. With a query an entry is one
  // page. "/*" at the end is all that lies below, as without it. False when the line names no host,
  // has tabs or line breaks inside (columns of a table), or ends in another '*': entries are whole
  // names, and no URL would be held. A '*' elsewhere in a path stands for itself.
  bool Add(std::string_view line);
  // After the last Add, before the first Holds.
  void Seal();

  bool empty() const { return keys_.empty(); }
  // Of KeysOfUrl: whether one of them is an entry.
  bool HoldsAny(const std::vector<uint64_t>& keys) const;

 private:
  std::vector<uint64_t> keys_;  // in order when it is sealed
  // By their highest bits: how many keys have lesser ones. So a look-up reads two places of memory,
  // not one for each halving.
  std::vector<size_t> starts_;
  int shift_ = 0;  // what leaves those bits of a key
};

}  // namespace quern::text
