#include "master/logic/standing.h"

#include <algorithm>
#include <utility>

namespace quern::master {

void Standing::Load(std::vector<MasterStart> starts, uint64_t next_chunk) {
  std::ranges::sort(starts, {}, &MasterStart::first_index);
  starts_ = std::move(starts);
  if (starts_.empty()) starts_.emplace_back();
  next_chunk_ = next_chunk;
  conflicts_.clear();
}

void Standing::Reserved(uint64_t next_chunk) { next_chunk_ = std::max(next_chunk_, next_chunk); }

std::vector<MasterStart> Standing::HistoryFor(const FollowedMaster& followed) const {
  std::vector<MasterStart> history;
  const auto found = std::ranges::find(starts_, followed.start_id, &MasterStart::id);
  if (found != starts_.end() && found->id != start().id) history.push_back(*found);
  history.push_back(start());
  return history;
}

absl::Status Standing::Note(std::string_view address, Conflict conflict) {
  const absl::Status status = FailedPreconditionError("{}: {}", address, conflict.reason);
  conflicts_.insert_or_assign(std::string(address), std::move(conflict));
  return status;
}

absl::Status Standing::Register(const pb::ServerMessage::Register& registration) {
  Conflict conflict;
  conflict.followed = {.term = registration.max_term(),
                       .start_id = registration.start_id(),
                       .log_index = registration.max_log_index()};
  conflict.max_chunk = ChunkId(registration.max_chunk_id());
  conflict.replica_count = registration.replica_count();
  const absl::Status history = CheckHistory(starts_, conflict.followed);
  if (!history.ok()) {
    conflict.reason = Message(history);
  } else if (conflict.max_chunk.value() >= next_chunk_) {
    conflict.reason =
        fmt::format("has chunk {}, an id that this master has yet to give out", conflict.max_chunk);
  } else {
    conflicts_.erase(registration.address());
    return absl::OkStatus();
  }
  return Note(registration.address(), std::move(conflict));
}

absl::Status Standing::CheckReplica(std::string_view address, ChunkId chunk) {
  if (chunk.value() < next_chunk_) return absl::OkStatus();
  return Note(address, {.followed = {},
                        .max_chunk = chunk,
                        .replica_count = 1,
                        .reason = fmt::format(
                            "has chunk {}, an id that this master has yet to give out", chunk)});
}

absl::Status Standing::FoundBeforeItsTime(std::string_view address, ChunkId chunk) {
  return Note(address, {.followed = {},
                        .max_chunk = chunk,
                        .replica_count = 1,
                        .reason = fmt::format(
                            "had chunk {} already when this master gave out that id", chunk)});
}

absl::Status Standing::status() const {
  if (conflicts_.empty()) return absl::OkStatus();
  const auto& [address, conflict] = *conflicts_.begin();
  return FailedPreconditionError(
      "this master is halted, because its database is an old copy: {} of the chunkservers know "
      "more, such as {}: {}. Try: stop the master and put its newest directory back; if that is "
      "lost: dfs admin adopt-history",
      conflicts_.size(), address, conflict.reason);
}

Standing::Adoption Standing::Adopt(uint64_t new_start_id) const {
  Adoption adoption;
  uint64_t term = start().term;
  uint64_t next_chunk = next_chunk_;
  adoption.index = start().first_index + 1;
  for (const auto& [address, conflict] : conflicts_) {
    term = std::max(term, conflict.followed.term);
    next_chunk = std::max(next_chunk, conflict.max_chunk.value() + 1);
    adoption.index = std::max(adoption.index, conflict.followed.log_index + 1);
    const uint64_t id = conflict.followed.start_id;
    if (id == 0) continue;
    const auto& noted = adoption.record.followed();
    if (std::ranges::any_of(noted, [&](const auto& start) { return start.id() == id; })) continue;
    pb::MasterStart* start = adoption.record.add_followed();
    start->set_term(conflict.followed.term);
    start->set_id(id);
  }
  adoption.record.set_term(term + 1);
  adoption.record.set_start_id(new_start_id);
  adoption.record.set_next_chunk(next_chunk);
  return adoption;
}

std::vector<uint64_t> StartsToForget(std::vector<MasterStart> starts) {
  std::vector<uint64_t> ids;
  if (starts.size() < kKeptStarts) return ids;
  std::ranges::sort(starts, {}, &MasterStart::first_index);
  starts.resize(starts.size() - kKeptStarts + 1);
  for (const MasterStart& start : starts) ids.push_back(start.id);
  return ids;
}

}  // namespace quern::master
