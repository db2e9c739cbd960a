#include "mapreduce/engine/scratch_buffer.h"

#include <cerrno>

#include "common/random.h"

namespace quern::mr {

absl::Status ScratchBuffer::Append(std::string_view bytes) {
  if (file_ == nullptr && memory_.size() + bytes.size() <= memory_bytes_) {
    memory_.append(bytes);
    return absl::OkStatus();
  }
  if (file_ == nullptr) RETURN_IF_ERROR(MoveToFile());
  mapping_.Reset();
  RETURN_IF_ERROR(file_->Pwrite(bytes, file_bytes_));
  file_bytes_ += bytes.size();
  return absl::OkStatus();
}

absl::Status ScratchBuffer::MoveToFile() {
  const std::string path = fmt::format("{}/large-{}", scratch_dir_, RandomHex(8));
  ASSIGN_OR_RETURN(file_, FileSystem::Real()->Open(path, {.create = true, .exclusive = true}));
  RETURN_IF_ERROR(FileSystem::Real()->Remove(path));
  RETURN_IF_ERROR(file_->Pwrite(memory_, 0));
  file_bytes_ = memory_.size();
  std::string().swap(memory_);
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> ScratchBuffer::View() {
  if (file_ == nullptr) return std::string_view(memory_);
  if (!mapping_.is_mapped() && !mapping_.Map(file_->fd(), 0, file_bytes_)) {
    return ErrnoStatus(errno, "map a large record");
  }
  return mapping_.bytes();
}

void ScratchBuffer::Clear() {
  mapping_.Reset();
  file_.reset();
  file_bytes_ = 0;
  memory_.clear();
}

}  // namespace quern::mr
