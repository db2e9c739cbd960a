// Where C++ meets the C interface (quern.h): exceptions end here, in both directions.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include "mapreduce/api/quern.h"

namespace quern::internal {

// What unwinds user code when Quern cannot go on. It knows why, so there is no text; let it
// through.
struct HostStopped {};
// Thrown by TaskContext::SkipRecord and Fail. No std::exception, so that a catch of those in user
// code does not swallow it.
struct UserStopped {
  int result;
};

inline std::string_view View(quern_bytes bytes) { return {bytes.data, bytes.size}; }

__attribute__((always_inline)) inline void Emit(quern_output* output, std::string_view key,
                                                std::string_view value) {
  if (quern_emit(output, key.data(), key.size(), value.data(), value.size()) != QUERN_OK) {
    throw HostStopped();
  }
}

inline int Report(quern_task* task, int result, std::string_view reason) {
  return task->host->report(task, result, reason.data(), reason.size());
}

// Runs `call` and makes a result of what comes out of it.
template <typename Call>
__attribute__((always_inline)) inline int Guard(quern_task* task, Call call) noexcept {
  try {
    call();
    return QUERN_OK;
  } catch (const HostStopped&) {
    return QUERN_FAILED;
  } catch (const UserStopped& stopped) {
    return stopped.result;
  } catch (const std::exception& error) {
    return Report(task, QUERN_FAILED, error.what());
  } catch (...) {
    return Report(task, QUERN_FAILED, "threw something that is no std::exception");
  }
}

// Stands where nothing can be emitted, so that an Emit there fails the attempt and says why.
inline quern_output* NoOutput() {
  static quern_output none = {sizeof(none), 0, nullptr, nullptr,
                              [](quern_output*, const char*, size_t, const char*, size_t) -> int {
                                throw std::logic_error("Emit in a constructor");
                              }};
  return &none;
}

}  // namespace quern::internal
