// Bytes that gRPC sends without copying them.
#pragma once

#include <grpcpp/support/slice.h>

#include <atomic>
#include <memory>
#include <utility>

namespace quern::rpc {

// [begin, begin + bytes) as a slice. `owner` keeps them alive and is destroyed when gRPC has let go
// of them, by whichever thread does.
template <typename Owner>
grpc::Slice OwnedSlice(const void* begin, size_t bytes, Owner owner) {
  struct Held {
    explicit Held(Owner given) : owner(std::move(given)) {}
    Owner owner;
    // Orders the making before the destruction in our own code, too: gRPC's reference count does,
    // but the packaged gRPC is not instrumented for ThreadSanitizer.
    std::atomic<bool> made{false};
  };
  auto* held = new Held(std::move(owner));
  held->made.store(true, std::memory_order_release);
  return {const_cast<void*>(begin), bytes,
          [](void* data) {
            const std::unique_ptr<Held> done(static_cast<Held*>(data));
            static_cast<void>(done->made.load(std::memory_order_acquire));
          },
          held};
}

}  // namespace quern::rpc
