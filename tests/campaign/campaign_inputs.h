// What the jobs of a campaign read, made from a seed.
#pragma once

#include <cstdint>
#include <string>

namespace quern::campaign {

// Writes the inputs below `dir`, which is made; a test failure when it cannot:
//
//   text        lines of words, 3 MB
//   packed/     lines of words: plain, gzip and zstd
//   log         "ERROR p7: words"; WARN and others
//   visits      an access log
//   objects     JSON lines {"id", "lang", "size", "text"}
//   pages       JSON lines {"id", "url", "html"}, some of them copies
//   edges       lines NODE<TAB>NODE
//   left,right  lines of columns between tabs, whose first is a key
void WriteCampaignInputs(const std::string& dir, uint64_t seed);

}  // namespace quern::campaign
