// Arrow's memory for one file, with a limit.
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/status.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace quern::mr::parquet {

// Thread-safe, as Arrow expects of its pools.
class LimitedPool final : public arrow::MemoryPool {
 public:
  explicit LimitedPool(uint64_t limit_bytes) : limit_(static_cast<int64_t>(limit_bytes)) {}

  using arrow::MemoryPool::Allocate;
  using arrow::MemoryPool::Free;
  using arrow::MemoryPool::Reallocate;
  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override;
  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                           uint8_t** ptr) override;
  void Free(uint8_t* buffer, int64_t size, int64_t alignment) override;
  int64_t bytes_allocated() const override { return used_; }
  int64_t total_bytes_allocated() const override { return total_; }
  int64_t num_allocations() const override { return allocations_; }
  std::string backend_name() const override { return "quern"; }

 private:
  arrow::Status Take(int64_t bytes);

  const int64_t limit_;
  std::atomic<int64_t> used_ = 0;
  std::atomic<int64_t> total_ = 0;
  std::atomic<int64_t> allocations_ = 0;
};

}  // namespace quern::mr::parquet
