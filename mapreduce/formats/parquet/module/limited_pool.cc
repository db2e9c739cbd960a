#include "mapreduce/formats/parquet/module/limited_pool.h"

namespace quern::mr::parquet {

arrow::Status LimitedPool::Take(int64_t bytes) {
  const int64_t now = used_.fetch_add(bytes) + bytes;
  if (now > limit_) {
    used_ -= bytes;
    return arrow::Status::OutOfMemory("takes more than ", limit_, " bytes of memory");
  }
  if (bytes > 0) total_ += bytes;
  return arrow::Status::OK();
}

arrow::Status LimitedPool::Allocate(int64_t size, int64_t alignment, uint8_t** out) {
  ARROW_RETURN_NOT_OK(Take(size));
  const arrow::Status status = arrow::system_memory_pool()->Allocate(size, alignment, out);
  if (!status.ok()) used_ -= size;
  ++allocations_;
  return status;
}

arrow::Status LimitedPool::Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                                      uint8_t** ptr) {
  ARROW_RETURN_NOT_OK(Take(new_size - old_size));
  const arrow::Status status =
      arrow::system_memory_pool()->Reallocate(old_size, new_size, alignment, ptr);
  if (!status.ok()) used_ -= new_size - old_size;
  return status;
}

void LimitedPool::Free(uint8_t* buffer, int64_t size, int64_t alignment) {
  arrow::system_memory_pool()->Free(buffer, size, alignment);
  used_ -= size;
}

}  // namespace quern::mr::parquet
