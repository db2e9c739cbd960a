#include "master/service/chunk_allocator.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/random.h"
#include "common/sizes.h"
#include "master/logic/chunk_lifecycle.h"

namespace quern::master {
namespace {

constexpr uint64_t kIdBlock = 1024;
// Rounds with other servers after some failed.
constexpr int kMaxRounds = 4;

// A file of one kilobyte does not keep 64 MiB from the others.
uint64_t Capacity(const pb::InodeRow& file, const pb::AllocateChunkRequest& request) {
  if (request.expected_bytes() == 0) return file.chunk_size();
  return std::min<uint64_t>(request.expected_bytes(), file.chunk_size());
}

}  // namespace

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

absl::Status ChunkAllocator::TooFewServers(const pb::InodeRow& file, uint32_t needed,
                                           const Placement& placement) {
  const size_t alive = state_.servers.CountAlive(clock_.MonotonicNow());
  // Those that are silent at the moment may have the room that the others lack.
  const auto silent = static_cast<size_t>(
      std::ranges::count_if(placement.rejected, [](const Placement::Rejection& rejection) {
        return rejection.constraint == "suspected" || rejection.constraint == "awaited";
      }));
  if (alive >= needed && placement.servers.size() + silent >= needed) {
    return UnavailableError(
        "{}: a chunk needs {} chunkservers, and some are silent ({}). Try: dfs admin report",
        file.name(), needed, placement.Reasons());
  }
  if (alive >= needed) {
    return ResourceExhaustedError(
        "{}: no room for a chunk of {} on {} chunkservers ({}). Try: dfs df, then delete files or "
        "add servers",
        file.name(), FormatBinarySize(file.chunk_size()), needed, placement.Reasons());
  }
  return UnavailableError(
      "{}: {} of {} chunkservers alive, need {} (min_write_replicas). Try: dfs admin report",
      file.name(), alive, state_.servers.servers().size(), needed);
}

absl::StatusOr<std::vector<ServerId>> ChunkAllocator::ChooseServers(
    const pb::InodeRow& file, const pb::AllocateChunkRequest& request,
    const std::vector<ServerId>& failed) {
  MutexLock lock(&state_.mutex);
  const absl::Time now = clock_.MonotonicNow();
  const uint32_t needed =
      MinWriteReplicas(options_, file.replication(), state_.servers.servers().size());
  PlacementRequest wanted;
  wanted.count = file.replication();
  wanted.bytes = Capacity(file, request);
  wanted.writer_node = request.writer_node();
  wanted.exclude = failed;
  for (const uint32_t server : request.exclude_servers()) wanted.exclude.emplace_back(server);
  Placement placement = state_.placement.Choose(state_.servers, wanted, now, state_.random);
  if (placement.servers.size() < needed) {
    // A writer's bad experience is only a hint: better a doubtful server than none.
    wanted.exclude = failed;
    placement = state_.placement.Choose(state_.servers, wanted, now, state_.random);
  }
  if (placement.servers.size() < needed) return TooFewServers(file, needed, placement);
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

void ChunkAllocator::OnFoundThere(ChunkId chunk, const pb::ServerAddress& server) {
  {
    MutexLock lock(&state_.mutex);
    state_.standing.FoundBeforeItsTime(server.address(), chunk).IgnoreError();
  }
  on_conflict_();
}

std::vector<ServerId> ChunkAllocator::MakeReplicas(const NewChunk& made, const pb::InodeRow& file) {
  const pb::ChunkLocation& location = made.location;
  std::vector<std::pair<ServerId, pb::Order>> orders;
  for (int position = 0; position < location.replicas_size(); ++position) {
    pb::Order order;
    pb::Order::Create* create = order.mutable_create();
    create->set_chunk_id(location.chunk_id());
    *create->mutable_chain() = location.replicas();
    create->set_position(static_cast<uint32_t>(position));
    create->set_reserve_bytes(made.capacity);
    create->set_durability(file.durability());
    create->set_token(made.token);
    orders.emplace_back(ServerId(location.replicas(position).server_id()), std::move(order));
  }
  const auto results = SendAndGather(&orders_, std::move(orders),
                                     {.clock = &clock_, .timeout = options_.order_timeout});
  std::vector<ServerId> failed;
  for (size_t i = 0; i < results.size(); ++i) {
    const absl::Status status = OrderStatus(results[i]);
    if (status.ok()) continue;
    const pb::ServerAddress& server = location.replicas(static_cast<int>(i));
    failed.emplace_back(server.server_id());
    LogWarning("create_failed",
               {{"chunk", made.id}, {"server", failed.back()}, {"status", status}});
    if (absl::IsAlreadyExists(status)) OnFoundThere(made.id, server);
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

absl::StatusOr<ChunkAllocator::NewChunk> ChunkAllocator::Make(
    const pb::InodeRow& file, const pb::AllocateChunkRequest& request) {
  std::vector<ServerId> failed;
  for (int round = 0; round < kMaxRounds; ++round) {
    NewChunk made;
    ASSIGN_OR_RETURN(made.chain, ChooseServers(file, request, failed));
    ASSIGN_OR_RETURN(made.id, NextChunkId());
    made.token = RandomId();
    made.capacity = Capacity(file, request);
    made.location = Locate(made.id, file, made.chain);
    const std::vector<ServerId> refused = MakeReplicas(made, file);
    if (refused.empty()) return made;
    Undo(made);
    failed.insert(failed.end(), refused.begin(), refused.end());
  }
  return UnavailableError(
      "{}: {} chunkservers could not make a replica. Try: again, or dfs admin report", file.name(),
      failed.size());
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

template <typename Response>
absl::StatusOr<Response> ChunkAllocator::Refuse(
    const pb::RequestHeader& header,
    const std::function<absl::Status(const MetadataView& latest)>& check) {
  return committer_.Answer<Response>(
      header, [&](const MetadataView& latest) -> absl::StatusOr<Outcome<Response>> {
        RETURN_IF_ERROR(check(latest));
        return UnavailableError("this was not possible a moment ago. Try: again");
      });
}

absl::StatusOr<pb::AllocateChunkResponse> ChunkAllocator::Allocate(
    const pb::AllocateChunkRequest& request) {
  // A retry after the answer was lost: nothing is made anew.
  if (committer_.HoldsAnswer(request.header())) return Record(request, {});
  pb::InodeRow file;
  {
    const std::unique_ptr<RowReader> rows = committer_.Snapshot();
    const MetadataView view(*rows);
    absl::StatusOr<pb::InodeRow> checked = CheckFile(view, request);
    RETURN_IF_ERROR(view.status());
    if (!checked.ok()) {
      return Refuse<pb::AllocateChunkResponse>(request.header(), [&](const MetadataView& latest) {
        return CheckFile(latest, request).status();
      });
    }
    file = *std::move(checked);
  }
  ASSIGN_OR_RETURN(const NewChunk made, Make(file, request));
  absl::StatusOr<pb::AllocateChunkResponse> response = Record(request, made);
  // The file is gone, or the same request was quicker by another thread.
  if (!response.ok() || response->chunk().chunk_id() != made.id.value()) Undo(made);
  return response;
}

absl::StatusOr<pb::CreateWithChunkResponse> ChunkAllocator::RecordFile(
    const pb::RequestHeader& header, const DecideFile& decide, const NewChunk& made) {
  using Response = pb::CreateWithChunkResponse;
  return committer_.Answer<Response>(
      header, [&](const MetadataView& view) -> absl::StatusOr<Outcome<Response>> {
        ASSIGN_OR_RETURN(Outcome<pb::CreateResponse> file, decide(view));
        pb::CreateFile* create = file.record->mutable_create_file();
        pb::LogRecord chunk =
            ChunkLifecycle::Add(made.id, InodeId(create->inode_id()), create->inode(), made.chain);
        *create->mutable_first_chunk() = std::move(*chunk.mutable_add_chunk());
        Outcome<Response> outcome;
        outcome.record = std::move(file.record);
        *outcome.response.mutable_file() = std::move(file.response);
        *outcome.response.mutable_chunk()->mutable_chunk() = made.location;
        outcome.response.mutable_chunk()->set_capacity(made.capacity);
        return outcome;
      });
}

absl::StatusOr<pb::CreateWithChunkResponse> ChunkAllocator::CreateWithChunk(
    const pb::CreateWithChunkRequest& request, const DecideFile& decide) {
  if (request.file().empty()) {
    return InvalidArgumentError("{}: an empty file has no first chunk", request.file().path());
  }
  if (committer_.HoldsAnswer(request.header())) return RecordFile(request.header(), decide, {});
  pb::InodeRow file;
  {
    // What is wrong with the name is found before any server is asked.
    const std::unique_ptr<RowReader> rows = committer_.Snapshot();
    const MetadataView view(*rows);
    absl::StatusOr<Outcome<pb::CreateResponse>> checked = decide(view);
    RETURN_IF_ERROR(view.status());
    if (!checked.ok()) {
      return Refuse<pb::CreateWithChunkResponse>(
          request.header(), [&](const MetadataView& latest) { return decide(latest).status(); });
    }
    file = checked->record->create_file().inode();
  }
  ASSIGN_OR_RETURN(const NewChunk made, Make(file, request.chunk()));
  absl::StatusOr<pb::CreateWithChunkResponse> response = RecordFile(request.header(), decide, made);
  const bool used = response.ok() && response->chunk().chunk().chunk_id() == made.id.value();
  if (!used) Undo(made);
  return response;
}

}  // namespace quern::master
