// A named thread that is joined, never detached.
#pragma once

#include <pthread.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace quern {

class Thread {
 public:
  Thread() = default;
  // The name is cut to the 15 characters that the kernel keeps.
  Thread(std::string name, std::function<void()> body)
      : thread_([name = name.substr(0, 15), body = std::move(body)] {
          pthread_setname_np(pthread_self(), name.c_str());
          body();
        }) {}
  ~Thread() { Join(); }
  Thread(Thread&&) = default;
  Thread& operator=(Thread&& other) {
    Join();
    thread_ = std::move(other.thread_);
    return *this;
  }

  // Waits for its end; does nothing without a thread.
  void Join() {
    if (thread_.joinable()) thread_.join();
  }
  bool running() const { return thread_.joinable(); }

 private:
  std::thread thread_;
};

}  // namespace quern
