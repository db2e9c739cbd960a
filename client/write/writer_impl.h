// The caller's side of a FileWriter: fills pieces and hands them to the sending thread.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "client/client_context.h"
#include "client/file_writer.h"
#include "client/write/file_sender.h"
#include "common/thread.h"

namespace quern::client {

class WriterImpl final : public FileWriter {
 public:
  WriterImpl(ClientContext* context, WriterIdentity identity, uint64_t chunk_size,
             absl::Time mtime);
  ~WriterImpl() override;

  // What is known of the file before the first byte; to be called before that.
  void ExpectTotal(uint64_t bytes) { sender_.queue()->ExpectTotal(bytes); }
  void UseFirstChunk(OpenChunk chunk) { sender_.UseFirstChunk(std::move(chunk)); }

  absl::Status Append(std::string_view bytes) override;
  absl::StatusOr<std::span<char>> Room() override;
  absl::Status Commit(size_t bytes) override;
  absl::Status Flush() override;
  absl::Status Sync() override;
  absl::StatusOr<FileStatus> Close() override;
  absl::Status Abandon() override;
  uint64_t length() const override { return length_; }
  uint32_t crc() const override;

 private:
  absl::Status CheckOpen() const;
  // Hands the piece that is being filled to the sender.
  absl::Status SendPiece();
  void StartSender();
  // The piece that is being filled, with its checksum.
  SharedPiece TakeFilled();
  // All of the file is the piece that is being filled: sends it as one closed chunk. Nothing: the
  // sender has been started with what is left.
  absl::StatusOr<std::optional<FileSender::ClosedChunk>> SendWhole();
  absl::StatusOr<FileStatus> Complete(const std::optional<FileSender::ClosedChunk>& closed);
  absl::StatusOr<FileStatus> SealAndComplete();

  ClientContext* const context_;
  const WriterIdentity identity_;
  const uint64_t chunk_size_;
  const absl::Time mtime_;
  SharedPiece filling_;
  uint64_t length_ = 0;
  uint32_t handed_over_crc_ = 0;
  bool over_ = false;  // closed or abandoned
  // Forced seals whose chunks are known to have enough durable copies.
  uint64_t copied_seals_ = 0;
  FileSender sender_;
  Thread thread_;
};

}  // namespace quern::client
