// A large reserved piece of anonymous memory that costs only what has been touched.
#pragma once

#include <cstddef>

namespace quern::mr {

// Huge pages are asked for: touching fresh memory costs a tenth with them. Contents start as zeros.
class MappedMemory {
 public:
  // Throws std::bad_alloc when the address space is used up.
  explicit MappedMemory(size_t bytes);
  ~MappedMemory();
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  // Gives what lies behind the first `keep` bytes back to the system.
  void Trim(size_t keep);

 private:
  char* data_;
  size_t size_;
};

}  // namespace quern::mr
