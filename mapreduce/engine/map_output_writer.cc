#include "mapreduce/engine/map_output_writer.h"

#include <lz4.h>
#include <sys/uio.h>

#include <cstring>

namespace quern::mr {

namespace {

// Written in pieces of about this size.
constexpr size_t kFlushBytes = 512 << 10;
// An open block may grow by one more record of at most kLargeRecordBytes.
constexpr size_t kBufferBytes =
    kFlushBytes + kBlockHeaderBytes + kBlockBytes + kLargeRecordBytes + 2 * kMaxVarintBytes;

}  // namespace

absl::StatusOr<std::unique_ptr<MapOutputWriter>> MapOutputWriter::Create(
    const std::string& path, const MapOutputIdentity& identity, uint32_t partitions, Codec codec) {
  ASSIGN_OR_RETURN(
      std::unique_ptr<File> file,
      FileSystem::Real()->Open(path, {.write = true, .create = true, .truncate = true}));
  std::unique_ptr<MapOutputWriter> writer(new MapOutputWriter(std::move(file), partitions, codec));
  const std::string header = map_output_format::EncodeHeader(identity);
  std::memcpy(writer->buffer_.get(), header.data(), header.size());
  writer->size_ = header.size();
  writer->index_[0].offset = writer->position();
  return writer;
}

MapOutputWriter::MapOutputWriter(std::unique_ptr<File> file, uint32_t partitions, Codec codec)
    : file_(std::move(file)),
      codec_(codec),
      index_(partitions),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {}

absl::Status MapOutputWriter::Append(uint32_t partition, std::string_view key,
                                     std::string_view value) {
  if (partition != partition_) RETURN_IF_ERROR(SwitchTo(partition));
  ++index_[partition].records;
  ++records_;
  if (key.size() + value.size() > kLargeRecordBytes) return AppendLarge(key, value);
  if (!block_open_) OpenBlock();
  char* to = EncodeVarint(key.size(), buffer_.get() + size_);
  to = EncodeVarint(value.size(), to);
  std::memcpy(to, key.data(), key.size());
  std::memcpy(to + key.size(), value.data(), value.size());
  size_ = static_cast<size_t>(to - buffer_.get()) + key.size() + value.size();
  return size_ - block_ >= kBlockHeaderBytes + kBlockBytes ? CloseBlock() : absl::OkStatus();
}

absl::Status MapOutputWriter::AppendLarge(std::string_view key, std::string_view value) {
  if (key.size() + value.size() > kMaxRecordBytes) {
    return InvalidArgumentError("record of {} bytes: the limit is 1 GiB",
                                key.size() + value.size());
  }
  if (block_open_) RETURN_IF_ERROR(CloseBlock());
  RETURN_IF_ERROR(Flush());
  char start[kBlockHeaderBytes + 2 * kMaxVarintBytes] = {};
  const char* const end =
      EncodeVarint(value.size(), EncodeVarint(key.size(), start + kBlockHeaderBytes));
  const auto start_bytes = static_cast<size_t>(end - start);
  const std::string_view sizes(start + kBlockHeaderBytes, start_bytes - kBlockHeaderBytes);
  const size_t raw = sizes.size() + key.size() + value.size();
  EncodeBlockHeader(static_cast<uint32_t>(raw), Codec::kNone, {sizes, key, value}, start);
  const iovec parts[3] = {{start, start_bytes},
                          {const_cast<char*>(key.data()), key.size()},
                          {const_cast<char*>(value.data()), value.size()}};
  RETURN_IF_ERROR(file_->Pwritev(parts, flushed_));
  flushed_ += kBlockHeaderBytes + raw;
  return absl::OkStatus();
}

absl::Status MapOutputWriter::SwitchTo(uint32_t partition) {
  if (block_open_) RETURN_IF_ERROR(CloseBlock());
  index_[partition_].bytes = position() - index_[partition_].offset;
  while (partition_ < partition) index_[++partition_].offset = position();
  return absl::OkStatus();
}

void MapOutputWriter::OpenBlock() {
  block_ = size_;
  size_ += kBlockHeaderBytes;
  block_open_ = true;
}

absl::Status MapOutputWriter::CloseBlock() {
  char* const records = buffer_.get() + block_ + kBlockHeaderBytes;
  const size_t raw = size_ - block_ - kBlockHeaderBytes;
  Codec codec = Codec::kNone;
  size_t stored = raw;
  if (codec_ == Codec::kLz4) {
    compressed_.resize(static_cast<size_t>(LZ4_compressBound(static_cast<int>(raw))));
    const int packed = LZ4_compress_default(records, compressed_.data(), static_cast<int>(raw),
                                            static_cast<int>(compressed_.size()));
    if (packed > 0 && static_cast<size_t>(packed) < raw) {
      codec = Codec::kLz4;
      stored = static_cast<size_t>(packed);
      std::memcpy(records, compressed_.data(), stored);
    }
  }
  EncodeBlockHeader(static_cast<uint32_t>(raw), codec, {{records, stored}}, buffer_.get() + block_);
  size_ = block_ + kBlockHeaderBytes + stored;
  block_open_ = false;
  return size_ >= kFlushBytes ? Flush() : absl::OkStatus();
}

absl::Status MapOutputWriter::Flush() {
  if (size_ == 0) return absl::OkStatus();
  RETURN_IF_ERROR(file_->Pwrite({buffer_.get(), size_}, flushed_));
  flushed_ += size_;
  size_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> MapOutputWriter::Finish() {
  RETURN_IF_ERROR(SwitchTo(static_cast<uint32_t>(index_.size()) - 1));
  RETURN_IF_ERROR(Flush());
  const std::string end = map_output_format::EncodeIndexAndFooter(index_, flushed_);
  RETURN_IF_ERROR(file_->Pwrite(end, flushed_));
  return flushed_ + end.size();
}

}  // namespace quern::mr
