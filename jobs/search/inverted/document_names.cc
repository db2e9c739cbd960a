#include "jobs/search/inverted/document_names.h"

#include <optional>

#include "jobs/search/inverted/name_block.h"

namespace quern::inverted {
namespace {

constexpr size_t kMostKeptBytes = 64 << 20;

}  // namespace

// Empty when there is none: no name is in it.
absl::StatusOr<const std::string*> DocumentNames::Block(const std::string& key) {
  const auto kept = blocks_.find(key);
  if (kept != blocks_.end()) return &kept->second;
  std::string block;
  RETURN_IF_ERROR(lookup_(key, &block).status());
  if (bytes_ > kMostKeptBytes) {
    blocks_.clear();
    bytes_ = 0;
  }
  bytes_ += block.size();
  return &(blocks_[key] = std::move(block));
}

absl::StatusOr<std::string> DocumentNames::Find(DocumentNumber number) {
  ASSIGN_OR_RETURN(const std::string* const block, Block(NamesKey(number)));
  std::optional<std::string> name = NameInBlock(*block, number.document % kNamesPerBlock);
  if (name.has_value()) return *std::move(name);
  return DataLossError("the index has no name of document {} of map task {}", number.document,
                       number.task);
}

}  // namespace quern::inverted
