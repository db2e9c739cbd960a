#include "chunkserver/store/rows.h"

#include "quern/dfs/v1/chunk_store.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

namespace {

void AppendBigEndian(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

template <typename Row>
absl::StatusOr<Row> Parse(std::string_view bytes) {
  Row row;
  if (!row.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return DataLossError("chunk store: a row of {} bytes does not parse as {}", bytes.size(),
                         row.GetTypeName());
  }
  return row;
}

}  // namespace

std::string ChunkKey(ChunkId chunk) {
  std::string key;
  AppendBigEndian(chunk.value(), &key);
  return key;
}

std::string AppendKey(ChunkId chunk, uint64_t end) {
  std::string key = ChunkKey(chunk);
  AppendBigEndian(end, &key);
  return key;
}

absl::StatusOr<uint64_t> EndOfAppendKey(std::string_view key) {
  if (key.size() != 16) return DataLossError("chunk store: an append key of {} bytes", key.size());
  uint64_t end = 0;
  for (const char c : key.substr(8)) end = end << 8 | static_cast<uint8_t>(c);
  return end;
}

std::string EncodeIdentity(const DiskIdentity& identity) {
  pb::DiskIdentityRow row;
  row.set_server_uuid(identity.server_uuid);
  row.set_disk_uuid(identity.disk_uuid);
  row.set_cluster_id(identity.cluster_id);
  row.set_max_term(identity.followed.term);
  row.set_max_log_index(identity.followed.log_index);
  row.set_start_id(identity.followed.start_id);
  for (const KnownDisk& disk : identity.disks) {
    auto* known = row.add_disks();
    known->set_disk_uuid(disk.uuid);
    known->set_path(disk.path);
    known->set_forgotten(disk.forgotten);
  }
  return row.SerializeAsString();
}

absl::StatusOr<DiskIdentity> DecodeIdentity(std::string_view bytes) {
  ASSIGN_OR_RETURN(const auto row, Parse<pb::DiskIdentityRow>(bytes));
  DiskIdentity identity;
  identity.server_uuid = row.server_uuid();
  identity.disk_uuid = row.disk_uuid();
  identity.cluster_id = row.cluster_id();
  identity.followed = {
      .term = row.max_term(), .start_id = row.start_id(), .log_index = row.max_log_index()};
  for (const auto& disk : row.disks()) {
    identity.disks.push_back({disk.disk_uuid(), disk.path(), disk.forgotten()});
  }
  return identity;
}

std::string EncodeReplica(const ReplicaRecord& record) {
  pb::ReplicaRow row;
  row.set_chunk_id(record.spec.chunk.value());
  row.set_state(static_cast<pb::ReplicaState>(record.state));
  row.set_durability(static_cast<pb::Durability>(record.spec.durability));
  row.set_suspect(record.suspect);
  row.set_boot_id(record.spec.boot_id);
  row.set_capacity_bytes(record.spec.capacity_bytes);
  for (const ChainMember& member : record.spec.chain) {
    auto* address = row.add_chain();
    address->set_server_id(member.server.value());
    address->set_address(member.address);
  }
  row.set_position(record.spec.position);
  row.set_length(record.length);
  row.set_crc(record.crc);
  row.set_synced(record.synced);
  row.set_sealed(record.sealed);
  row.set_since_ms(record.since_ms);
  row.set_create_token(record.spec.create_token);
  row.set_condemned(record.condemned);
  row.set_in_index(record.in_index);
  return row.SerializeAsString();
}

absl::StatusOr<ReplicaRecord> DecodeReplica(std::string_view bytes) {
  ASSIGN_OR_RETURN(const auto row, Parse<pb::ReplicaRow>(bytes));
  if (row.state() < pb::REPLICA_STATE_OPEN || row.state() > pb::REPLICA_STATE_REMOVED) {
    return DataLossError("chunk store: replica {} has unknown state {}", ChunkId(row.chunk_id()),
                         static_cast<int>(row.state()));
  }
  ReplicaRecord record;
  record.spec.chunk = ChunkId(row.chunk_id());
  record.spec.durability = static_cast<Durability>(row.durability());
  record.spec.capacity_bytes = row.capacity_bytes();
  for (const auto& address : row.chain()) {
    record.spec.chain.push_back({ServerId(address.server_id()), address.address()});
  }
  record.spec.position = row.position();
  record.spec.boot_id = row.boot_id();
  record.state = static_cast<ReplicaState>(row.state());
  record.suspect = row.suspect();
  record.length = row.length();
  record.crc = row.crc();
  record.synced = row.synced();
  record.sealed = row.sealed();
  record.since_ms = row.since_ms();
  record.spec.create_token = row.create_token();
  record.condemned = row.condemned();
  record.in_index = row.in_index();
  return record;
}

std::string EncodeAppend(const AppendRecord& append) {
  pb::AppendRow row;
  row.set_start(append.start);
  row.set_payload_crc(append.payload_crc);
  row.set_producer(append.producer);
  row.set_seq(append.seq);
  row.set_committed(append.committed);
  row.set_running_crc(append.running_crc);
  row.mutable_closed_blocks()->Add(append.closed_blocks.begin(), append.closed_blocks.end());
  row.set_tail_crc(append.tail_crc);
  row.set_synced(append.synced);
  return row.SerializeAsString();
}

absl::StatusOr<AppendRecord> DecodeAppend(uint64_t end, std::string_view bytes) {
  ASSIGN_OR_RETURN(const auto row, Parse<pb::AppendRow>(bytes));
  return AppendRecord{.start = row.start(),
                      .end = end,
                      .payload_crc = row.payload_crc(),
                      .producer = row.producer(),
                      .seq = row.seq(),
                      .committed = row.committed(),
                      .running_crc = row.running_crc(),
                      .closed_blocks = {row.closed_blocks().begin(), row.closed_blocks().end()},
                      .tail_crc = row.tail_crc(),
                      .synced = row.synced()};
}

std::string EncodeSums(const SealedSums& sums) {
  pb::SumsRow row;
  row.mutable_block_crcs()->Add(sums.blocks.begin(), sums.blocks.end());
  for (const ProducerSeq& producer : sums.producers) {
    auto* added = row.add_producers();
    added->set_producer(producer.producer);
    added->set_last_seq(producer.last_seq);
  }
  return row.SerializeAsString();
}

absl::StatusOr<SealedSums> DecodeSums(std::string_view bytes) {
  ASSIGN_OR_RETURN(const auto row, Parse<pb::SumsRow>(bytes));
  SealedSums sums;
  sums.blocks.assign(row.block_crcs().begin(), row.block_crcs().end());
  for (const auto& producer : row.producers()) {
    sums.producers.push_back({producer.producer(), producer.last_seq()});
  }
  return sums;
}

}  // namespace quern::chunkserver
