// What the parts of the client library share.
#pragma once

#include <memory>

#include "client/file_system.h"
#include "client/master_client.h"
#include "client/piece.h"
#include "client/suspects.h"
#include "common/clock.h"
#include "common/rpc/channel.h"

namespace quern::client {

// Every member is thread-safe.
struct FileSystem::Impl {
  explicit Impl(const ClientOptions& client_options)
      : options(client_options), master(client_options), suspects(Clock::Real()) {}

  // A server that failed: avoided for a while, and reconnected to at once when it is asked again.
  void Suspect(const ServerAddress& server) {
    suspects.Add(server.id);
    channels.Forget(server.address);
  }

  const ClientOptions options;
  MasterClient master;
  rpc::ChannelCache channels;
  Suspects suspects;
  const std::shared_ptr<PiecePool> pieces = PiecePool::Create();
};

// An error about a file that is being written: the master knows it by its last name only, the
// caller by its path.
absl::Status OfFile(const absl::Status& status, std::string_view path);

}  // namespace quern::client
