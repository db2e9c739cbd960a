// The caller's side of a FileWriter: fills pieces and hands them to the sending thread.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "client/file_sender.h"
#include "client/file_system_impl.h"
#include "client/file_writer.h"
#include "common/thread.h"

namespace quern::client {

// The methods are those of FileWriter. Used by one thread at a time.
class WriterImpl {
 public:
  WriterImpl(FileSystem::Impl* fs, WriterIdentity identity, uint64_t chunk_size, absl::Time mtime);
  ~WriterImpl();

  absl::Status Append(std::string_view bytes);
  absl::StatusOr<std::span<char>> Room();
  absl::Status Commit(size_t bytes);
  absl::Status Flush();
  absl::Status Sync();
  absl::StatusOr<FileStatus> Close();
  absl::Status Abandon();
  uint64_t length() const { return length_; }
  uint32_t crc() const;

 private:
  absl::Status CheckOpen() const;
  // Hands the piece that is being filled to the sender.
  absl::Status SendPiece();
  absl::StatusOr<FileStatus> SealAndComplete();

  FileSystem::Impl* const fs_;
  const WriterIdentity identity_;
  const uint64_t chunk_size_;
  const absl::Time mtime_;
  SharedPiece filling_;
  uint64_t length_ = 0;
  uint32_t handed_over_crc_ = 0;
  bool over_ = false;  // closed or abandoned
  FileSender sender_;
  Thread thread_;
};

}  // namespace quern::client
