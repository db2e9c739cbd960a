// Between the messages of the wire and the plain values inside.
#pragma once

#include "chunkserver/store/chunk_store.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::chunkserver {

void ToProto(const ReplicaReport& report, dfs::v1::ReplicaReport* out);
void ToProto(const DiskStatus& disk, dfs::v1::DiskReport* out);
// InvalidArgument: no chain, a place outside it, or no capacity.
absl::StatusOr<ReplicaSpec> SpecFromProto(const dfs::v1::Order::Create& create);

// The chunk that an order is about.
ChunkId ChunkOf(const dfs::v1::Order& order);
// "Create", "Fence", ...
std::string_view NameOf(const dfs::v1::Order& order);

}  // namespace quern::chunkserver
