#include "master/service/chunk_allocator.h"

#include <algorithm>
#include <utility>

#include "common/clean_text.h"
#include "common/log.h"
#include "common/random.h"
#include "common/sizes.h"
#include "master/logic/chunk_lifecycle.h"

namespace quern::master {
namespace {

constexpr uint64_t kIdBlock = 1024;
// Rounds with other servers after some failed.
constexpr int kMaxRounds = 4;
// It takes some pieces of what clients send, and chunks cost rows.
constexpr uint64_t kSmallestChunk = uint64_t{4} << 20;

// One of several in a sentence.
std::string ShortReason(const absl::Status& status) {
  constexpr size_t kMaxBytes = 160;
  const std::string_view why = Message(status);
  return CleanLine(why.substr(0, why.find(". Try: ")), kMaxBytes);
}

std::string Chunkservers(uint32_t count) {
  return fmt::format("{} chunkserver{}", count, count == 1 ? "" : "s");
}

}  // namespace

uint64_t ChunkCapacity(const pb::InodeRow& file, uint64_t expected_bytes) {
  if (expected_bytes == 0) return file.chunk_size();
  return std::min<uint64_t>(expected_bytes, file.chunk_size());
}

uint64_t SmallerCapacity(uint64_t capacity) {
  return capacity / 4 >= kSmallestChunk ? capacity / 4 : 0;
}

absl::StatusOr<ChunkId> ChunkAllocator::NextChunkId() {
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (next_chunk_ < reserved_until_) return ChunkId(next_chunk_++);
    }
    // Several callers may reserve at the same time; each block is used by the one that made it.
    uint64_t begin = 0;
    RETURN_IF_ERROR(committer_.Commit(
        [&](const MetadataView& view) -> absl::StatusOr<std::optional<pb::LogRecord>> {
          begin = view.Meta().next_chunk();
          pb::LogRecord record;
          record.mutable_reserve_chunk_ids()->set_next_chunk(begin + kIdBlock);
          return record;
        }));
    MutexLock lock(&mutex_);
    next_chunk_ = begin;
    reserved_until_ = begin + kIdBlock;
  }
}

void ChunkAllocator::DropReserved() {
  MutexLock lock(&mutex_);
  reserved_until_ = next_chunk_;
}

absl::StatusOr<pb::InodeRow> ChunkAllocator::CheckFile(
    const MetadataView& view, const pb::AllocateChunkRequest& request) const {
  const InodeId inode(request.inode_id());
  const FileLifecycle files(view, options_.file_defaults, 0);
  ASSIGN_OR_RETURN(pb::InodeRow file, files.CheckWriter(inode, request.writer_token()));
  RETURN_IF_ERROR(ChunkLifecycle(view).CheckNext(inode, file, request.ordinal()));
  return file;
}

absl::Status ChunkAllocator::TooFewServers(const pb::InodeRow& file, const PlacementRequest& wanted,
                                           uint32_t needed, const Placement& placement,
                                           const Refusals& failed) {
  const size_t alive = state_.servers.CountAlive(clock_.MonotonicNow());
  // Those that are silent at the moment may have the room that the others lack.
  const auto silent = static_cast<size_t>(
      std::ranges::count_if(placement.rejected, [](const Placement::Rejection& rejection) {
        return rejection.constraint == "suspected" || rejection.constraint == "awaited";
      }));
  std::string reasons = placement.Reasons(failed);
  for (const ServerId server : placement.servers) reasons += fmt::format(", {} has room", server);
  if (alive >= needed && placement.servers.size() + silent >= needed) {
    return UnavailableError("{}: a chunk needs {}, and some are silent ({}). Try: dfs admin report",
                            file.name(), Chunkservers(needed), reasons);
  }
  if (alive >= needed) {
    return ResourceExhaustedError(
        "{}: no room for {} on {} ({}). Try: dfs df, then delete files or add servers", file.name(),
        FormatBinarySize(wanted.bytes),
        needed == 1 ? "any chunkserver" : "each of " + Chunkservers(needed), reasons);
  }
  return UnavailableError(
      "{}: {} of {} chunkservers alive, need {} (min_write_replicas). Try: dfs admin report",
      file.name(), alive, state_.servers.servers().size(), needed);
}

absl::StatusOr<std::vector<ServerId>> ChunkAllocator::ChooseServers(std::span<const Wish> wishes,
                                                                    const Writer& writer,
                                                                    const Refusals& failed) {
  const pb::InodeRow& file = wishes.front().file;
  MutexLock lock(&state_.mutex);
  const absl::Time now = clock_.MonotonicNow();
  const uint32_t needed =
      MinWriteReplicas(options_, file.replication(), state_.servers.servers().size());
  PlacementRequest wanted;
  wanted.count = file.replication();
  for (const Wish& wish : wishes) wanted.bytes += wish.capacity;
  wanted.writer_node = writer.node;
  for (const auto& [server, why] : failed) wanted.exclude.push_back(server);
  const size_t refused = wanted.exclude.size();
  wanted.exclude.insert(wanted.exclude.end(), writer.avoid.begin(), writer.avoid.end());
  Placement placement = state_.placement.Choose(state_.servers, wanted, now, state_.random);
  if (placement.servers.size() < needed) {
    // A writer's bad experience is only a hint: better a doubtful server than none.
    wanted.exclude.resize(refused);
    placement = state_.placement.Choose(state_.servers, wanted, now, state_.random);
  }
  if (placement.servers.size() < needed) {
    return TooFewServers(file, wanted, needed, placement, failed);
  }
  for (const ServerId server : placement.servers) state_.placement.NoteCreation(server, now);
  return placement.servers;
}

pb::ChunkLocation ChunkAllocator::Locate(ChunkId chunk, const pb::InodeRow& file,
                                         const std::vector<ServerId>& chain) {
  pb::ChunkLocation location;
  location.set_chunk_id(chunk.value());
  location.set_ordinal(file.chunk_count());
  location.set_file_offset(file.length());
  location.set_state(pb::CHUNK_STATE_OPEN);
  location.set_wanted_replicas(file.replication());
  MutexLock lock(&state_.mutex);
  ClusterState::Allocation& allocation = state_.allocating[chunk];
  for (const ServerId server : chain) {
    const ServerInfo* info = state_.servers.Find(server);
    if (info == nullptr) continue;
    *location.add_replicas() = info->Address();
    allocation.made_in.emplace_back(server, info->session);
  }
  return location;
}

void ChunkAllocator::OnFoundThere(ChunkId chunk, ServerId server) {
  {
    MutexLock lock(&state_.mutex);
    const ServerInfo* info = state_.servers.Find(server);
    if (info == nullptr) return;
    state_.standing.FoundBeforeItsTime(info->Address().address(), chunk).IgnoreError();
  }
  on_conflict_();
}

ChunkAllocator::Refusals ChunkAllocator::MakeReplicas(std::span<const NewChunk> made,
                                                      pb::Durability durability, bool* only_room) {
  std::vector<std::pair<ServerId, pb::Order>> orders;
  std::vector<ChunkId> chunks;  // of each order
  for (const NewChunk& chunk : made) {
    const auto& replicas = chunk.location.replicas();
    for (int position = 0; position < replicas.size(); ++position) {
      pb::Order order;
      pb::Order::Create* create = order.mutable_create();
      create->set_chunk_id(chunk.id.value());
      *create->mutable_chain() = replicas;
      create->set_position(static_cast<uint32_t>(position));
      create->set_reserve_bytes(chunk.capacity);
      create->set_durability(durability);
      create->set_token(chunk.token);
      orders.emplace_back(ServerId(replicas[position].server_id()), std::move(order));
      chunks.push_back(chunk.id);
    }
  }
  std::vector<ServerId> servers;
  for (const auto& [server, order] : orders) servers.push_back(server);
  const auto results = SendAndGather(&orders_, std::move(orders),
                                     {.clock = &clock_, .timeout = options_.order_timeout});
  Refusals failed;
  for (size_t i = 0; i < results.size(); ++i) {
    const absl::Status status = OrderStatus(results[i]);
    if (status.ok()) continue;
    failed.insert_or_assign(servers[i], fmt::format("could not: {}", ShortReason(status)));
    if (only_room != nullptr && !absl::IsResourceExhausted(status)) *only_room = false;
    LogWarning("create_failed", {{"chunk", chunks[i]}, {"server", servers[i]}, {"status", status}});
    if (absl::IsAlreadyExists(status)) OnFoundThere(chunks[i], servers[i]);
  }
  return failed;
}

void ChunkAllocator::Undo(const NewChunk& made) {
  {
    MutexLock lock(&state_.mutex);
    state_.allocating.erase(made.id);
  }
  // Orders of one server keep their order, so this also ends a Create that is still on its way. The
  // token keeps it from taking away anything else.
  for (const ServerId server : made.chain) {
    pb::Order order;
    order.mutable_delete_()->set_chunk_id(made.id.value());
    order.mutable_delete_()->set_create_token(made.token);
    orders_.Send(server, std::move(order));
  }
}

absl::StatusOr<std::vector<ChunkAllocator::NewChunk>> ChunkAllocator::Make(
    std::span<const Wish> wishes, const Writer& writer, bool* only_room) {
  Refusals failed;
  for (int round = 0; round < kMaxRounds; ++round) {
    ASSIGN_OR_RETURN(const std::vector<ServerId> chain, ChooseServers(wishes, writer, failed));
    std::vector<NewChunk> made;
    for (const Wish& wish : wishes) {
      ASSIGN_OR_RETURN(const ChunkId id, NextChunkId());
      made.push_back({.id = id,
                      .token = RandomId(),
                      .chain = chain,
                      .location = {},
                      .capacity = wish.capacity});
    }
    // All ids are there: from here on everything is undone when something fails.
    for (size_t i = 0; i < made.size(); ++i) {
      made[i].location = Locate(made[i].id, wishes[i].file, chain);
    }
    Refusals refused = MakeReplicas(made, wishes.front().file.durability(), only_room);
    if (refused.empty()) return made;
    for (const NewChunk& chunk : made) Undo(chunk);
    failed.merge(refused);
  }
  std::vector<std::string> reasons;
  for (const auto& [server, why] : failed) reasons.push_back(fmt::format("{} {}", server, why));
  constexpr size_t kNamed = 10;
  if (reasons.size() > kNamed) reasons.resize(kNamed);
  return UnavailableError(
      "{}: {} chunkservers could not make a replica ({}). Try: again, or dfs admin report",
      wishes.front().file.name(), failed.size(), fmt::join(reasons, ", "));
}

absl::StatusOr<ChunkAllocator::NewChunk> ChunkAllocator::MakeNext(Wish wish, const Writer& writer,
                                                                  bool length_known) {
  bool only_room = true;
  while (true) {
    absl::StatusOr<std::vector<NewChunk>> made = Make({&wish, 1}, writer, &only_room);
    if (made.ok()) return std::move(made->front());
    const uint64_t smaller = SmallerCapacity(wish.capacity);
    // Servers that did not answer would be asked in vain once more. Those that have the room on no
    // single disk may be so many that not all were asked (Unavailable).
    const bool no_chunk =
        absl::IsResourceExhausted(made.status()) || absl::IsUnavailable(made.status());
    if (length_known || smaller == 0 || !no_chunk || !only_room) return made.status();
    wish.capacity = smaller;
  }
}

absl::StatusOr<pb::AllocateChunkResponse> ChunkAllocator::Record(
    const pb::AllocateChunkRequest& request, const NewChunk& made) {
  return committer_.Answer<pb::AllocateChunkResponse>(
      request.header(),
      [&](const MetadataView& view) -> absl::StatusOr<Outcome<pb::AllocateChunkResponse>> {
        ASSIGN_OR_RETURN(const pb::InodeRow file, CheckFile(view, request));
        Outcome<pb::AllocateChunkResponse> outcome;
        outcome.record =
            ChunkLifecycle::Add(made.id, InodeId(request.inode_id()), file, made.chain);
        *outcome.response.mutable_chunk() = made.location;
        outcome.response.set_capacity(made.capacity);
        return outcome;
      });
}

absl::StatusOr<pb::AllocateChunkResponse> ChunkAllocator::Refuse(
    const pb::AllocateChunkRequest& request) {
  using Answer = Outcome<pb::AllocateChunkResponse>;
  return committer_.Answer<pb::AllocateChunkResponse>(
      request.header(), [&](const MetadataView& latest) -> absl::StatusOr<Answer> {
        RETURN_IF_ERROR(CheckFile(latest, request).status());
        return UnavailableError("this was not possible a moment ago. Try: again");
      });
}

absl::StatusOr<pb::AllocateChunkResponse> ChunkAllocator::Allocate(
    const pb::AllocateChunkRequest& request) {
  // A retry after the answer was lost: nothing is made anew.
  if (committer_.HoldsAnswer(request.header())) return Record(request, {});
  Wish wish;
  {
    const std::unique_ptr<RowReader> rows = committer_.Snapshot();
    const MetadataView view(*rows);
    absl::StatusOr<pb::InodeRow> checked = CheckFile(view, request);
    RETURN_IF_ERROR(view.status());
    if (!checked.ok()) return Refuse(request);
    wish.file = *std::move(checked);
  }
  wish.capacity = ChunkCapacity(wish.file, request.expected_bytes());
  Writer writer{.node = request.writer_node(), .avoid = {}};
  for (const uint32_t server : request.exclude_servers()) writer.avoid.emplace_back(server);
  const bool length_known = request.expected_bytes() != 0;
  ASSIGN_OR_RETURN(const NewChunk chunk, MakeNext(std::move(wish), writer, length_known));
  absl::StatusOr<pb::AllocateChunkResponse> response = Record(request, chunk);
  // The file is gone, or the same request was quicker by another thread.
  if (!response.ok() || response->chunk().chunk_id() != chunk.id.value()) Undo(chunk);
  return response;
}

}  // namespace quern::master
