// A part of a file as memory: its pages belong to the file cache and not to the process.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace quern {

// Header only, for plugins. Used by one thread.
class MappedRange {
 public:
  MappedRange() = default;
  ~MappedRange() { Reset(); }
  MappedRange(MappedRange&& other) noexcept
      : start_(std::exchange(other.start_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        skipped_(std::exchange(other.skipped_, 0)) {}
  MappedRange& operator=(MappedRange&&) = delete;

  // To read [offset, offset + size), which is in the file: beyond its end, SIGBUS waits. Instead of
  // what was mapped before. False: errno says why, and nothing is mapped.
  bool Map(int fd, uint64_t offset, size_t size) {
    Reset();
    const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    skipped_ = static_cast<size_t>(offset % page);
    size_ = skipped_ + size;
    void* const start =
        mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(offset - skipped_));
    if (start != MAP_FAILED) start_ = static_cast<const char*>(start);
    return start_ != nullptr;
  }
  void Reset() {
    if (start_ != nullptr) munmap(const_cast<char*>(start_), size_);
    start_ = nullptr;
  }
  bool is_mapped() const { return start_ != nullptr; }
  // Until the next change.
  std::string_view bytes() const {
    if (start_ == nullptr) return {};
    return {start_ + skipped_, size_ - skipped_};
  }

 private:
  const char* start_ = nullptr;
  size_t size_ = 0;
  size_t skipped_ = 0;  // of the first page
};

}  // namespace quern
