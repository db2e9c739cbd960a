#include "jobs/search/inverted/index_table.h"

#include <optional>
#include <utility>

#include "client/glob.h"
#include "common/cluster_config.h"
#include "common/shell_words.h"
#include "jobs/search/analysis/analysis_settings.h"
#include "jobs/search/inverted/index_keys.h"

namespace quern::inverted {
namespace {

constexpr std::string_view kLocal = "file://";
constexpr std::string_view kWhatMakesOne =
    "An index of words is made by: mr run inverted-index IN OUT; one that search-index has made is "
    "asked by: quern-search query INDEX QUERY";

// What stands behind "Try:" of errors about tables in general would make none of these.
absl::Status NoTable(const absl::Status& status) {
  const std::string_view message = Message(status);
  return MakeStatus(status.code(), fmt::format("{}. {}", message.substr(0, message.find(". Try:")),
                                               kWhatMakesOne));
}

}  // namespace

absl::StatusOr<std::unique_ptr<IndexTable>> IndexTable::Open(const std::string& index,
                                                             const std::string& master) {
  const bool local = index.starts_with(kLocal);
  if (!local && !index.starts_with('/')) {
    return InvalidArgumentError(
        "{}: an index is a path of the cluster, as /index, or of this machine, as file:///index",
        index);
  }
  std::string dir = index;
  while (dir.size() > (local ? kLocal.size() : 0) + 1 && dir.ends_with('/')) dir.pop_back();
  std::unique_ptr<client::FileSystem> fs;
  if (!local) {
    ASSIGN_OR_RETURN(auto masters, FindMasters(master));
    fs = client::FileSystem::Create({.masters = std::move(masters)});
    dir = client::Escape(dir);
  }
  auto parts = mr::TableParts::Find(fs.get(), dir);
  if (absl::IsNotFound(parts.status()) || (parts.ok() && parts->size() == 0)) {
    return NotFoundError("{0}: no index there. Try: mr run inverted-index IN {1}", index,
                         ShellQuotedLine(index));
  }
  RETURN_IF_ERROR(parts.status());
  return std::unique_ptr<IndexTable>(new IndexTable(std::move(fs), *std::move(parts)));
}

IndexTable::IndexTable(std::unique_ptr<client::FileSystem> fs, mr::TableParts parts)
    : fs_(std::move(fs)), parts_(std::move(parts)), checked_(parts_.size()) {}

absl::StatusOr<bool> IndexTable::Get(std::string_view key, std::string* value) {
  const size_t part = PartOf(key, static_cast<uint32_t>(parts_.size()));
  RETURN_IF_ERROR(CheckPart(part));
  return parts_.GetFrom(part, key, value);
}

Lookup IndexTable::lookup() {
  return [this](std::string_view key, std::string* value) { return Get(key, value); };
}

absl::Status IndexTable::ScanLists(
    std::string_view prefix, const std::function<bool(std::string_view, std::string_view)>& take) {
  for (size_t i = 0; i < parts_.size(); ++i) RETURN_IF_ERROR(CheckPart(i));
  return parts_.Scan({.from = "", .to = "", .prefix = std::string(prefix)},
                     [&](std::string_view key, std::string_view value) {
                       return IsListKey(key) && take(key, value);
                     });
}

absl::Status IndexTable::CheckPart(size_t part) {
  if (checked_[part]) return absl::OkStatus();
  std::string value;
  const auto found = parts_.GetFrom(part, kSummaryKey, &value);
  if (absl::IsDataLoss(found.status())) return NoTable(found.status());
  RETURN_IF_ERROR(found.status());
  const std::optional<Summary> summary = *found ? ReadSummary(value) : std::nullopt;
  const std::string& path = parts_.path(part);
  if (!summary.has_value()) {
    return FailedPreconditionError("{}: is no part of an index of words. {}", path, kWhatMakesOne);
  }
  // Words of queries are folded as this program does it.
  if (summary->version != Summary::kVersion || summary->analysis != search::kAnalysisVersion) {
    return FailedPreconditionError(
        "{}: was made by another version of Quern. Try: mr run inverted-index IN OUT --overwrite",
        path);
  }
  // Of another number of parts, words lie in others.
  if (summary->part != part || summary->parts != parts_.size()) {
    return FailedPreconditionError(
        "{}: is part {} of {}, and stands here as part {} of {}: the index is not whole, or more "
        "lies beside it. Try: mr run inverted-index IN OUT --overwrite",
        path, summary->part, summary->parts, part, parts_.size());
  }
  checked_[part] = true;
  return absl::OkStatus();
}

}  // namespace quern::inverted
