#include "mapreduce/engine/mapped_memory.h"

#include <sys/mman.h>

#include <new>

namespace quern::mr {

namespace {

constexpr size_t kPageBytes = 4096;

}  // namespace

MappedMemory::MappedMemory(size_t bytes)
    : size_((bytes + kPageBytes - 1) / kPageBytes * kPageBytes) {
  void* memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  madvise(memory, size_, MADV_HUGEPAGE);  // advice: a kernel without huge pages refuses it
  data_ = static_cast<char*>(memory);
}

MappedMemory::~MappedMemory() { munmap(data_, size_); }

void MappedMemory::Trim(size_t keep) {
  const size_t from = (keep + kPageBytes - 1) / kPageBytes * kPageBytes;
  if (from < size_) madvise(data_ + from, size_ - from, MADV_DONTNEED);
}

}  // namespace quern::mr
