// Checks the blocks of a run while its bytes go by, in pieces of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/block.h"

namespace quern::mr {

// Keeps nothing but the header and the running CRC of the present block. Used by one thread.
class BlockChecker {
 public:
  // DataLoss: the bytes are not what was written. Nothing more may be added then.
  absl::Status Add(std::string_view bytes);
  // DataLoss when the last block is not there as a whole.
  absl::Status Finish() const;
  // Any block so far has to be unpacked by its reader.
  bool packed() const { return packed_; }

 private:
  absl::Status BeginBlock();

  char header_[kBlockHeaderBytes];
  size_t header_bytes_ = 0;   // of the present block
  uint64_t stored_left_ = 0;  // after its header
  uint32_t wanted_crc_ = 0;
  uint32_t crc_ = 0;
  bool packed_ = false;
};

}  // namespace quern::mr
