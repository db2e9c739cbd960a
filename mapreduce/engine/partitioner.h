// Which reduce task gets a key.
#pragma once

#include <cstdint>
#include <string_view>

namespace quern::mr {

// A pure function of the key: all map tasks have to agree.
class Partitioner {
 public:
  virtual ~Partitioner() = default;
  // From 0 to partitions - 1; a larger result is refused. Errors are thrown as EngineError.
  virtual uint32_t Partition(std::string_view key, uint32_t partitions) const = 0;
};

}  // namespace quern::mr
