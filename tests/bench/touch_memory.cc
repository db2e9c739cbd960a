// touch_memory MEGABYTES: uses that much memory once and gives it back. A virtual machine hands
// free pages back to its host and pays dearly to get them again; touching them right before a timed
// run keeps that price out of the figures.
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  const size_t bytes = (argc == 2 ? std::strtoull(argv[1], nullptr, 10) : 0) << 20;
  if (bytes == 0) {
    std::fputs("usage: touch_memory MEGABYTES\n", stderr);
    return 2;
  }
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  madvise(memory, bytes, MADV_HUGEPAGE);
  for (size_t i = 0; i < bytes; i += 4096) static_cast<volatile char*>(memory)[i] = 1;
  return 0;
}
