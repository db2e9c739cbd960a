#include "jobs/search/inverted/name_block.h"

#include <algorithm>

#include "jobs/search/segment/varint.h"
#include "jobs/text/utf8.h"

namespace quern::inverted {

void NameBlock::Add(std::string_view name) {
  name = text::WholeCharacters(name, kMaxNameBytes);
  const auto shared = static_cast<size_t>(
      std::mismatch(name.begin(), name.end(), last_.begin(), last_.end()).first - name.begin());
  search::AppendVarint(shared, &bytes_);
  search::AppendVarint(name.size() - shared, &bytes_);
  bytes_.append(name.substr(shared));
  last_.assign(name);
  ++names_;
}

void NameBlock::Clear() {
  bytes_.clear();
  last_.clear();
  names_ = 0;
}

std::optional<std::string> NameInBlock(std::string_view block, uint32_t index) {
  search::ByteReader in(block);
  std::string name;
  for (uint64_t i = 0; i <= index; ++i) {
    if (in.done()) return std::nullopt;
    const uint64_t shared = in.Varint();
    const std::string_view rest = in.Text();
    if (!in.ok() || shared > name.size()) return std::nullopt;
    name.resize(static_cast<size_t>(shared));
    name.append(rest);
  }
  return name;
}

}  // namespace quern::inverted
