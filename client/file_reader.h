// Reads one file as it was when it was opened.
//
// Every byte is checked against its CRC32C before the caller sees it. When a replica is gone, slow
// or corrupt, the next one is read from the same place; a corrupt one is reported to the master.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "client/types.h"
#include "common/status.h"

namespace quern::client {

class ReaderImpl;
class ReadStreamImpl;

// Bytes of a range, in order. Asks for the next chunk before the present one ends. Used by one
// thread at a time; holds at most about 16 MiB.
class ReadStream {
 public:
  explicit ReadStream(std::unique_ptr<ReadStreamImpl> impl);
  ~ReadStream();

  // The next bytes, at most 1 MiB, valid until the next call. Empty at the end of the range.
  // After an error the stream is over.
  absl::StatusOr<std::string_view> Next();

 private:
  std::unique_ptr<ReadStreamImpl> impl_;
};

// Thread-safe. Streams may outlive their reader, not the FileSystem.
class FileReader {
 public:
  // Made by FileSystem::Open.
  explicit FileReader(std::shared_ptr<ReaderImpl> impl);
  ~FileReader();

  const FileStatus& status() const;

  // A sequential stream over [offset, offset + length), cut at the end of the file. Starts reading
  // at the first Next.
  std::unique_ptr<ReadStream> Stream(uint64_t offset, uint64_t length);

  // Reads up to n bytes at `offset` into `out`; less only at the end of the file.
  absl::StatusOr<size_t> Pread(uint64_t offset, size_t n, char* out);

 private:
  std::shared_ptr<ReaderImpl> impl_;
};

}  // namespace quern::client
