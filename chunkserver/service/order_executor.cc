#include "chunkserver/service/order_executor.h"

#include "chunkserver/service/convert.h"
#include "common/log.h"

namespace quern::chunkserver {

using dfs::v1::Order;

dfs::v1::ServerMessage::OrderResult OrderExecutor::Execute(const Order& order) {
  Result result;
  result.set_order_id(order.order_id());
  const absl::Status status = Dispatch(order, &result);
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

absl::Status OrderExecutor::Dispatch(const Order& order, Result* result) {
  switch (order.kind_case()) {
    case Order::kCreate:
      return Create(order.create(), result);
    case Order::kFence:
      return Fence(order.fence(), result);
    case Order::kFinalize:
      return Finalize(order.finalize(), result);
    case Order::kCopy:
      return Copy(order.copy(), result);
    case Order::kDelete:
      return Delete(order.delete_());
    case Order::kQuarantine:
      return Quarantine(order.quarantine(), result);
    case Order::kVerify:
      return Verify(order.verify(), result);
    case Order::KIND_NOT_SET:
      break;
  }
  return UnimplementedError("an order of a kind that this version does not know");
}

absl::Status OrderExecutor::Create(const Order::Create& order, Result* result) {
  ASSIGN_OR_RETURN(ReplicaSpec spec, SpecFromProto(order));
  const ChunkId chunk = spec.chunk;
  RETURN_IF_ERROR(services_.store->Create(std::move(spec)));
  ToProto({.chunk = chunk, .state = ReplicaState::kOpen}, result->mutable_replica());
  return absl::OkStatus();
}

// "Not found" ends the vote of a replica for good, so it is only said when every disk has been
// looked at. A disk that is gone for good is taken out of --dir.
absl::Status OrderExecutor::NotHere(ChunkId chunk) const {
  for (const DiskStatus& disk : services_.store->Disks()) {
    if (disk.health.ok()) continue;
    return UnavailableError(
        "chunk {}: not on the disks that work; it may be on {} ({}). Try: bring that disk back, or "
        "take it out of --dir",
        chunk, disk.path, Message(disk.health));
  }
  return NotFoundError("chunk {}: not here", chunk);
}

absl::Status OrderExecutor::Fence(const Order::Fence& order, Result* result) {
  const auto found = services_.store->Find(ChunkId(order.chunk_id()));
  if (absl::IsNotFound(found.status())) return NotHere(ChunkId(order.chunk_id()));
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica, found);
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
  ToProto(report, result->mutable_replica());
  return absl::OkStatus();
}

absl::Status OrderExecutor::Copy(const Order::Copy& order, Result* result) {
  ASSIGN_OR_RETURN(const ReplicaReport report, copier_.Copy(order));
  ToProto(report, result->mutable_replica());
  return absl::OkStatus();
}

absl::Status OrderExecutor::Delete(const Order::Delete& order) {
  const ChunkId chunk(order.chunk_id());
  if (order.create_token() != 0) {
    const auto replica = services_.store->Find(chunk);
    if (replica.ok() && (*replica)->spec().create_token != order.create_token()) {
      return FailedPreconditionError("chunk {}: the replica here was not made by that order",
                                     chunk);
    }
  }
  const absl::Status status = services_.store->Remove(chunk);
  // Repeated after a lost answer: it is gone, which is what was wanted.
  return status.code() == absl::StatusCode::kNotFound ? absl::OkStatus() : status;
}

absl::Status OrderExecutor::Verify(const Order::Verify& order, Result* result) {
  const ChunkId chunk(order.chunk_id());
  ASSIGN_OR_RETURN(const Verification verification, services_.store->Verify(chunk));
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
