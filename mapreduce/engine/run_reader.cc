#include "mapreduce/engine/run_reader.h"

#include <cerrno>
#include <cstring>

namespace quern::mr {

bool RunReader::NextBlock() {
  if (!status_.ok() || position_ == run_.bytes) return false;
  const absl::Status status = LoadBlock();
  return status.ok() || Fail(status);
}

bool RunReader::Fail(const absl::Status& status) {
  const std::string place = run_.file == nullptr ? "fetched map output" : run_.file->path();
  status_ = Annotate(status, fmt::format("{}: before offset {}", place, run_.offset + position_));
  at_ = end_ = nullptr;
  position_ = run_.bytes;
  return false;
}

absl::Status RunReader::LoadBlock() {
  mapping_.Reset();
  const uint64_t left = run_.bytes - position_;
  if (left < kBlockHeaderBytes) return DataLossError("block header cut short");
  if (run_.memory != nullptr) {
    std::memcpy(header_, run_.memory->data() + run_.offset + position_, kBlockHeaderBytes);
  } else {
    ASSIGN_OR_RETURN(const size_t got,
                     run_.file->Pread(run_.offset + position_, kBlockHeaderBytes, header_));
    if (got != kBlockHeaderBytes) return DataLossError("file ends within a block header");
  }
  ASSIGN_OR_RETURN(const BlockHeader header, DecodeBlockHeader({header_, kBlockHeaderBytes}));
  if (header.stored_bytes > left - kBlockHeaderBytes) return DataLossError("block cut short");
  position_ += kBlockHeaderBytes;
  const bool packed = header.codec == Codec::kLz4;
  ASSIGN_OR_RETURN(std::string_view block, LoadStored(header, packed ? &stored_ : &raw_));
  position_ += header.stored_bytes;
  RETURN_IF_ERROR(CheckBlock({header_, kBlockHeaderBytes}, block));
  if (packed) {
    raw_.resize(header.raw_bytes);
    RETURN_IF_ERROR(Lz4Decompress(block, header.raw_bytes, raw_.data()));
    block = raw_;
  }
  at_ = block.data();
  end_ = block.data() + block.size();
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> RunReader::LoadStored(const BlockHeader& header,
                                                       std::string* buffer) {
  if (run_.memory != nullptr) {
    return std::string_view(*run_.memory).substr(run_.offset + position_, header.stored_bytes);
  }
  if (header.stored_bytes > 2 * kLargeRecordBytes) return MapStored(header.stored_bytes);
  buffer->resize(header.stored_bytes);
  ASSIGN_OR_RETURN(const size_t got,
                   run_.file->Pread(run_.offset + position_, buffer->size(), buffer->data()));
  if (got != buffer->size()) return DataLossError("file ends within a block");
  return std::string_view(*buffer);
}

absl::StatusOr<std::string_view> RunReader::MapStored(uint64_t size) {
  // A mapping beyond the end of the file would raise SIGBUS.
  ASSIGN_OR_RETURN(const uint64_t file_size, run_.file->Size());
  const uint64_t offset = run_.offset + position_;
  if (offset + size > file_size) return DataLossError("file ends within a block");
  if (!mapping_.Map(run_.file->fd(), offset, size)) {
    return ErrnoStatus(errno, "map a large record");
  }
  return mapping_.bytes();
}

}  // namespace quern::mr
