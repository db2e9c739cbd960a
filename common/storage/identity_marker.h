// A small file beside a database that says whose it is and how far it had come.
//
// A database that is missing, or that is an old copy, opens without complaint; the marker is what
// notices. Its owner writes it at the first format and moves `sequence` on now and then (a master
// at every start: its term). At a start: marker without database, or a database behind its marker,
// refuses to run; neither there means a first format.
//
// File IDENTITY, text, one "key value" per line, the last line a CRC32C of the others:
//   quern-identity 1
//   role master
//   cluster 7f3a...
//   id 1
//   sequence 12
//   crc e3069283
#pragma once

#include <cstdint>
#include <string>

#include "common/storage/file_io.h"

namespace quern {

struct IdentityMarker {
  std::string role{};        // "master", "chunkserver-disk", "coordinator"
  std::string cluster_id{};  // may be empty until it is known
  std::string id{};          // of this store within the cluster
  uint64_t sequence = 0;
};

// In `dir`. NotFound: there is none. DataLoss: damaged.
absl::StatusOr<IdentityMarker> ReadIdentityMarker(FileSystem* fs, const std::string& dir);
// Durable when OK. InvalidArgument for values with spaces or control characters.
absl::Status WriteIdentityMarker(FileSystem* fs, const std::string& dir,
                                 const IdentityMarker& marker);

}  // namespace quern
