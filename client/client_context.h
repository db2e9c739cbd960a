// What the writers and readers of one FileSystem share.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "client/master/master_client.h"
#include "client/options.h"
#include "client/patience.h"
#include "client/piece.h"
#include "client/suspects.h"
#include "client/write/resting_streams.h"
#include "client/write/writer_renewals.h"
#include "common/clock.h"
#include "common/rpc/channel.h"

namespace quern::client {

// Every member is thread-safe. The clock is borrowed.
class ClientContext {
 public:
  explicit ClientContext(const ClientOptions& client_options)
      : options(client_options),
        clock(client_options.clock),
        master(client_options),
        suspects(clock),
        slow_local(clock),
        resting_streams(clock),
        renewals(options.renew_writers, [this](const WriterIdentity& writer) { Renew(writer); }) {}

  // A server that failed: avoided for a while, and reconnected to at once when it is asked again.
  void Suspect(const ServerAddress& server) {
    suspects.Add(server.id);
    channels.Forget(server.address);
    resting_streams.Forget(server.id);
  }

  // A server that could not give its replica of a chunk. One that answers that it has none, another
  // one than was sealed, or one that is shorter, says so of this replica; anything else speaks
  // against the server.
  void SuspectReplica(const ServerAddress& server, ChunkId chunk, const absl::Status& why) {
    if (absl::IsNotFound(why) || absl::IsFailedPrecondition(why) || absl::IsOutOfRange(why)) {
      suspects.AddReplica(server.id, chunk);
    } else {
      Suspect(server);
    }
  }

  // Tells the master that a replica's bytes are wrong; it finds out for itself.
  void ReportBadReplica(ChunkId chunk, ServerId server, std::string_view reason) {
    pb::ReportBadReplicaRequest report;
    report.set_chunk_id(chunk.value());
    report.set_server_id(server.value());
    report.set_reason(std::string(reason));
    master.ReportBadReplica(report);
  }

  // Tells the master that the file is still being written.
  void Renew(const WriterIdentity& writer) {
    pb::RenewWriterRequest request;
    request.set_inode_id(writer.inode.value());
    request.set_writer_token(writer.token);
    master.RenewWriter(request);
  }

  const ClientOptions options;
  Clock* const clock;
  MasterClient master;
  rpc::ChannelCache channels;
  AwaitedBytes awaited_reads;
  AwaitedBytes awaited_writes;  // a link may be much slower in one direction
  Suspects suspects;
  Suspects slow_local;  // did not say at once whether they hand out a file
  RestingStreams resting_streams;
  const std::shared_ptr<PiecePool> pieces = PiecePool::Create();
  WriterRenewals renewals;  // uses the others, so it ends first
};

}  // namespace quern::client
