// Between the messages of the wire and the plain values inside.
#pragma once

#include "chunkserver/store/chunk_store.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

void ToProto(const ReplicaReport& report, pb::ReplicaReport* out);
void ToProto(const DiskStatus& disk, pb::DiskReport* out);
// InvalidArgument: no chain, a place outside it, or no capacity.
absl::StatusOr<ReplicaSpec> SpecFromProto(const pb::Order::Create& create);

// The chunk that an order is about.
ChunkId ChunkOf(const pb::Order& order);
// "Create", "Fence", ...
std::string_view NameOf(const pb::Order& order);

}  // namespace quern::chunkserver
