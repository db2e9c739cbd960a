// A user's fold: one state a key, which values are added to as they come (fold.h of the API).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quern::mr {

// States are plain memory, aligned to 8 bytes, and travel as their bytes. Used by one thread.
class Fold {
 public:
  virtual ~Fold() = default;
  virtual size_t state_bytes() const = 0;
  virtual void Init(char* state) = 0;
  // Adds the value so many times. Errors are thrown as EngineError.
  virtual void Add(char* state, std::string_view value, uint64_t repeats) = 0;
};

}  // namespace quern::mr
