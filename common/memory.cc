#include "common/memory.h"

#include <malloc.h>

#include <algorithm>

namespace quern {

void KeepFreedMemory(size_t bytes) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, static_cast<int>(std::min<size_t>(bytes, 1 << 30)));
}

}  // namespace quern
