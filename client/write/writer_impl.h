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

  // Close in steps, for a file that is one piece, so that those of many files can be made at once
  // (small_files.h):
  //
  //   BeginWhole -> SendWhole -> EndWhole -> MasterClient::Complete -> Completed
  //
  // A step that gives nothing leaves the rest to SealAndComplete. After an error the writer is to
  // be abandoned.
  absl::StatusOr<std::optional<WholeChunk>> BeginWhole();
  absl::StatusOr<std::optional<pb::CompleteRequest>> EndWhole(const WholeChunk& whole,
                                                              const ChunkFailure& failure);
  absl::StatusOr<FileStatus> Completed(const absl::StatusOr<pb::CompleteResponse>& response);
  // Close, which after an error leaves the writer to be abandoned.
  absl::StatusOr<FileStatus> SealAndComplete();
  // Abandon but for the call of the master; nothing when the writer was closed or abandoned before.
  std::optional<pb::AbandonRequest> BeginAbandon();

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
  // Closed or abandoned.
  void MarkOver();
  // Hands the piece that is being filled to the sender.
  absl::Status SendPiece();
  void StartSender();
  // The piece that is being filled, with its checksum.
  SharedPiece TakeFilled();
  pb::CompleteRequest CompleteRequest(const std::optional<FileSender::ClosedChunk>& closed) const;
  absl::Status CheckAllSealed();
  // All of the file is the piece that is being filled.
  absl::StatusOr<std::optional<pb::CompleteRequest>> WriteWhole();

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
