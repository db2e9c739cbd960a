#include "chunkserver/service/order_executor.h"

#include "chunkserver/service/convert.h"
#include "common/log.h"

namespace quern::chunkserver {

using pb::Order;

OrderExecutor::OrderExecutor(const Services& services)
    : services_(services),
      copier_(services),
      paces_(services.store->disk_count(), Pace(services.limits.verify_bytes_per_second)) {}

void OrderExecutor::Stop() {
  copier_.Stop();
  MutexLock lock(&mutex_);
  stopping_ = true;
  stop_.SignalAll();
}

absl::Status OrderExecutor::PauseUnlessStopping(absl::Duration pause) {
  const absl::Time until = services_.clock->MonotonicNow() + pause;
  MutexLock lock(&mutex_);
  while (!stopping_) {
    const absl::Duration left = until - services_.clock->MonotonicNow();
    if (left <= absl::ZeroDuration()) return absl::OkStatus();
    stop_.WaitFor(&mutex_, left);
  }
  return UnavailableError("the chunkserver is stopping");
}

OrderQueue::Place OrderExecutor::Route(const Order& order) {
  ChunkStore* store = services_.store;
  if (order.has_create() || order.has_copy()) {
    absl::StatusOr<ChunkStore::Room> room = store->ClaimRoom(
        order.has_create() ? order.create().reserve_bytes() : order.copy().length());
    if (!room.ok()) return {};
    return {room->disk, std::move(room->claim)};
  }
  const absl::StatusOr<size_t> disk = store->DiskOf(ChunkOf(order));
  if (!disk.ok() || !store->DiskAnswers(*disk).ok()) return {};
  return {*disk, nullptr};
}

pb::ServerMessage::OrderResult OrderExecutor::Execute(const Order& order,
                                                      std::optional<size_t> disk) {
  Result result;
  result.set_order_id(order.order_id());
  absl::Status status;
  if (!disk) {
    status = WithoutDisk(order, &result);
  } else {
    // What needs room goes to the next disk where one takes no writes, and the mark with it.
    const bool needs_room = order.has_create() || order.has_copy();
    if (!needs_room) status = services_.store->SaveMark(*disk);
    if (status.ok()) status = Dispatch(order, *disk, &result);
  }
  services_.metrics->orders.Increment();
  result.set_code(static_cast<int32_t>(status.code()));
  if (status.ok()) {
    LogDebug(
        "order_done",
        {{"order", OrderId(order.order_id())}, {"kind", NameOf(order)}, {"chunk", ChunkOf(order)}});
    return result;
  }
  services_.metrics->order_failures.Increment();
  result.set_message(std::string(Message(status)));
  LogWarning("order_failed", {{"order", OrderId(order.order_id())},
                              {"kind", NameOf(order)},
                              {"chunk", ChunkOf(order)},
                              {"status", status}});
  return result;
}

absl::Status OrderExecutor::WithoutDisk(const Order& order, Result* result) {
  const ChunkStore& store = *services_.store;
  if (order.kind_case() == Order::KIND_NOT_SET) {
    return UnimplementedError("an order of a kind that this version does not know");
  }
  if (order.has_create()) RETURN_IF_ERROR(SpecFromProto(order.create()).status());
  if (order.has_copy()) {
    if (const std::optional<ReplicaReport> here = copier_.Here(order.copy())) {
      ToProto(*here, result->mutable_replica());
      return absl::OkStatus();
    }
  }
  if (order.has_create() || order.has_copy()) {
    RETURN_IF_ERROR(store.CheckRoom(order.has_create() ? order.create().reserve_bytes()
                                                       : order.copy().length()));
  } else {
    const absl::StatusOr<size_t> disk = store.DiskOf(ChunkOf(order));
    // Repeated after a lost answer: it is gone, which is what was wanted.
    if (order.has_delete_() && absl::IsNotFound(disk.status())) return absl::OkStatus();
    RETURN_IF_ERROR(disk.status());
    RETURN_IF_ERROR(store.DiskAnswers(*disk));
  }
  return UnavailableError("the disk hung, and answers again");
}

absl::Status OrderExecutor::Dispatch(const Order& order, size_t disk, Result* result) {
  switch (order.kind_case()) {
    case Order::kCreate:
      return Create(order.create(), disk, result);
    case Order::kFence:
      return Fence(order.fence(), result);
    case Order::kFinalize:
      return Finalize(order.finalize(), result);
    case Order::kCopy:
      return Copy(order.copy(), disk, result);
    case Order::kDelete:
      return Delete(order.delete_(), disk);
    case Order::kQuarantine:
      return Quarantine(order.quarantine(), result);
    case Order::kVerify:
      return Verify(order.verify(), disk, result);
    case Order::KIND_NOT_SET:
      break;
  }
  return UnimplementedError("an order of a kind that this version does not know");
}

absl::Status OrderExecutor::Create(const Order::Create& order, size_t disk, Result* result) {
  ASSIGN_OR_RETURN(ReplicaSpec spec, SpecFromProto(order));
  const ChunkId chunk = spec.chunk;
  RETURN_IF_ERROR(services_.store->Create(std::move(spec), disk));
  ToProto({.chunk = chunk, .state = ReplicaState::kOpen}, result->mutable_replica());
  return absl::OkStatus();
}

absl::Status OrderExecutor::Fence(const Order::Fence& order, Result* result) {
  // NotFound ends the vote of the replica for good; the store says it only when it misses no disk.
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica,
                   services_.store->Find(ChunkId(order.chunk_id())));
  ASSIGN_OR_RETURN(const Replica::FenceAnswer answer, replica->Fence(order.producer()));
  ToProto(answer.report, result->mutable_replica());
  result->set_committed(answer.committed);
  result->set_last_seq(answer.last_seq);
  result->set_suspect(answer.suspect);
  if (order.prefix_length() > 0) {
    ASSIGN_OR_RETURN(const std::optional<uint32_t> crc, replica->CrcAt(order.prefix_length()));
    if (crc.has_value()) result->set_prefix_crc(*crc);
  }
  return absl::OkStatus();
}

absl::Status OrderExecutor::Finalize(const Order::Finalize& order, Result* result) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica,
                   services_.store->Find(ChunkId(order.chunk_id())));
  ASSIGN_OR_RETURN(const ReplicaReport report, replica->Finalize(order.length(), order.crc()));
  if (report.state == ReplicaState::kFinalized) replica->Judged();
  ToProto(report, result->mutable_replica());
  return absl::OkStatus();
}

absl::Status OrderExecutor::Copy(const Order::Copy& order, size_t disk, Result* result) {
  ASSIGN_OR_RETURN(const ReplicaReport report, copier_.Copy(order, disk));
  ToProto(report, result->mutable_replica());
  return absl::OkStatus();
}

absl::Status OrderExecutor::Delete(const Order::Delete& order, size_t disk) {
  const ChunkId chunk(order.chunk_id());
  if (order.create_token() != 0) {
    const auto replica = services_.store->Find(chunk);
    if (replica.ok() && (*replica)->spec().create_token != order.create_token()) {
      return FailedPreconditionError("chunk {}: the replica here was not made by that order",
                                     chunk);
    }
  }
  // The order may have waited for long, and be about one that another has taken the place of since:
  // the master has yet to hear of that one, and may need it.
  const absl::Status status = services_.store->Remove(chunk, disk);
  // Repeated after a lost answer: it is gone, which is what was wanted.
  return status.code() == absl::StatusCode::kNotFound ? absl::OkStatus() : status;
}

absl::Status OrderExecutor::Verify(const Order::Verify& order, size_t disk, Result* result) {
  const ChunkId chunk(order.chunk_id());
  const auto before_read = [&](uint64_t bytes) {
    return PauseUnlessStopping(paces_[disk].Next(bytes, services_.clock->MonotonicNow()));
  };
  const auto before_retry = [&] { return PauseUnlessStopping(services_.limits.verify_retry); };
  ASSIGN_OR_RETURN(
      const Verification verification,
      services_.store->Verify(chunk, {.before_read = before_read, .before_retry = before_retry}));
  // Trouble of the server or its disk says nothing about the replica.
  if (verification.outcome == Verification::Outcome::kUnreadable) return verification.why;
  ToProto(verification.report, result->mutable_replica());
  return absl::OkStatus();
}

absl::Status OrderExecutor::Quarantine(const Order::Quarantine& order, Result* result) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica,
                   services_.store->Find(ChunkId(order.chunk_id())));
  RETURN_IF_ERROR(replica->Quarantine());
  ToProto(replica->facts().report, result->mutable_replica());
  return absl::OkStatus();
}

}  // namespace quern::chunkserver
