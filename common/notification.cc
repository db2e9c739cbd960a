#include "common/notification.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace quern {

void Notification::Notify() {
  // From the exchange on whoever waits may go, and this object with it; the kernel only looks for
  // sleepers at the address.
  std::atomic<uint32_t>* const address = &state_;
  if (state_.exchange(kNotified, std::memory_order_acq_rel) != kAwaited) return;
  syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void Notification::Wait() {
  uint32_t state = kOpen;
  state_.compare_exchange_strong(state, kAwaited, std::memory_order_acq_rel);
  // Comes back at once when the state is another by then, and may wake for no reason.
  while (state_.load(std::memory_order_acquire) != kNotified) {
    syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, kAwaited, nullptr, nullptr, 0);
  }
}

}  // namespace quern
