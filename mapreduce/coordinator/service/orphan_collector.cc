#include "mapreduce/coordinator/service/orphan_collector.h"

#include <algorithm>
#include <tuple>

#include "common/log.h"

namespace quern::mr {
namespace {

constexpr uint32_t kOrphanPageEntries = 1'000;
constexpr size_t kIdDayBytes = 8;

bool HasOnlyDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Both as "job-20261122-0001": the number has at least four digits, and no zeros before more.
bool IsIdUpTo(std::string_view name, std::string_view last) {
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash != last.rfind('-') || dash < kIdDayBytes) return false;
  const std::string_view day = name.substr(dash - kIdDayBytes, kIdDayBytes);
  const std::string_view number = name.substr(dash + 1);
  if (name.substr(0, dash - kIdDayBytes) != last.substr(0, dash - kIdDayBytes)) return false;
  if (!HasOnlyDigits(day) || !HasOnlyDigits(number)) return false;
  const std::string_view last_number = last.substr(dash + 1);
  return std::tuple(day, number.size(), number) <=
         std::tuple(last.substr(dash - kIdDayBytes, kIdDayBytes), last_number.size(), last_number);
}

// Of an id.
std::string_view DayOf(std::string_view id) {
  return id.substr(id.rfind('-') - kIdDayBytes, kIdDayBytes);
}

// A journal that has been lost, or that this one was begun in the place of, may have given out the
// ids of its last day until this one was made.
bool CanBeOf(const OrphanPlace& place, const PublishFiles::Entry& entry) {
  if (entry.mtime < place.created || !IsIdUpTo(entry.name(), place.last_id)) return false;
  return DayOf(entry.name()) > absl::FormatTime("%Y%m%d", place.created, absl::UTCTimeZone());
}

bool IsOrphan(const OrphanPlace& place, const PublishFiles::Entry& entry, absl::Time now) {
  return entry.is_directory && entry.mtime + kKeepOrphans <= now && CanBeOf(place, entry) &&
         !place.is_known(entry.name());
}

}  // namespace

absl::Status CollectOrphans(const OrphanPlace& place, absl::Time now,
                            const std::function<bool()>& stopping, PublishFiles* files) {
  std::string after;
  for (bool more = true; more && !stopping();) {
    const absl::StatusOr<PublishFiles::Page> page =
        files->ListSome(place.parent, after, kOrphanPageEntries);
    if (absl::IsNotFound(page.status())) return absl::OkStatus();
    RETURN_IF_ERROR(page.status());
    for (const PublishFiles::Entry& entry : page->entries) {
      after = entry.name();
      if (!IsOrphan(place, entry, now)) continue;
      const absl::Status removed = files->DeleteTree(entry.path);
      if (IsRetryable(removed)) return removed;
      if (removed.ok()) {
        LogInfo("orphan_removed", {{"path", entry.path}});
      } else {
        LogWarning("orphan_not_removed", {{"path", entry.path}, {"status", removed}});
      }
    }
    more = page->more && !page->entries.empty();
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
