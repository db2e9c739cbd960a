#include "chunkserver/service/convert.h"

namespace quern::chunkserver {

using pb::Order;

void ToProto(const ReplicaReport& report, pb::ReplicaReport* out) {
  out->set_chunk_id(report.chunk.value());
  out->set_state(static_cast<pb::ReplicaState>(report.state));
  out->set_length(report.length);
  out->set_crc(report.crc);
  out->set_expired(report.expired);
}

void ToProto(const DiskStatus& disk, pb::DiskReport* out) {
  out->set_path(disk.path);
  out->set_capacity_bytes(disk.capacity_bytes);
  out->set_free_bytes(disk.free_bytes);
  out->set_used_bytes(disk.used_bytes);
  out->set_failed(!disk.health.ok());
  out->set_device(disk.device);
  out->set_hangs(!disk.answers.ok());
}

absl::StatusOr<ReplicaSpec> SpecFromProto(const Order::Create& create) {
  ReplicaSpec spec;
  spec.chunk = ChunkId(create.chunk_id());
  spec.capacity_bytes = create.reserve_bytes();
  spec.position = create.position();
  spec.create_token = create.token();
  const bool sync = create.durability() == pb::DURABILITY_SYNC;
  spec.durability = sync ? Durability::kSync : Durability::kOnClose;
  for (const pb::ServerAddress& server : create.chain()) {
    spec.chain.push_back({ServerId(server.server_id()), server.address()});
  }
  if (!spec.chunk || spec.position >= spec.chain.size() || spec.capacity_bytes == 0) {
    return InvalidArgumentError("create chunk {}: place {} in a chain of {}, capacity {}",
                                spec.chunk, spec.position, spec.chain.size(), spec.capacity_bytes);
  }
  return spec;
}

ChunkId ChunkOf(const Order& order) {
  switch (order.kind_case()) {
    case Order::kCreate:
      return ChunkId(order.create().chunk_id());
    case Order::kFence:
      return ChunkId(order.fence().chunk_id());
    case Order::kFinalize:
      return ChunkId(order.finalize().chunk_id());
    case Order::kCopy:
      return ChunkId(order.copy().chunk_id());
    case Order::kDelete:
      return ChunkId(order.delete_().chunk_id());
    case Order::kQuarantine:
      return ChunkId(order.quarantine().chunk_id());
    case Order::kVerify:
      return ChunkId(order.verify().chunk_id());
    case Order::KIND_NOT_SET:
      break;
  }
  return ChunkId();
}

std::string_view NameOf(const Order& order) {
  switch (order.kind_case()) {
    case Order::kCreate:
      return "Create";
    case Order::kFence:
      return "Fence";
    case Order::kFinalize:
      return "Finalize";
    case Order::kCopy:
      return "Copy";
    case Order::kDelete:
      return "Delete";
    case Order::kQuarantine:
      return "Quarantine";
    case Order::kVerify:
      return "Verify";
    case Order::KIND_NOT_SET:
      break;
  }
  return "nothing";
}

}  // namespace quern::chunkserver
