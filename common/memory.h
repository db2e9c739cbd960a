// Settings of the C library's allocator.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quern {

// Received pieces of 1 MiB are allocated and freed at gigabytes a second. By default each is
// mapped, faulted in page by page and unmapped again, which costs more than receiving it: measured,
// a stream of 1 GiB takes 0.28 s instead of 0.55 s when freed memory is kept. Up to `bytes` of it
// are. Call once at the start of a process; servers do it in rpc::Server::Start.
void KeepFreedMemory(size_t bytes);

// Of the machine, or of the limit that this process lives under, whichever is less.
uint64_t PhysicalMemoryBytes();

}  // namespace quern
