// Records of one fixed length. A file whose length is no multiple of it ends in DataLoss.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "mapreduce/engine/record_reader.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

class FixedReader final : public RecordReader {
 public:
  // All records of a stream.
  FixedReader(std::unique_ptr<ByteStream> contents, uint64_t record_bytes);
  // The records that start in [offset, offset + length) of a file.
  FixedReader(ReadableFile* file, uint64_t offset, uint64_t length, uint64_t record_bytes);
  bool Next() override;

 private:
  const size_t record_bytes_;
  uint64_t position_;  // of the next record in the file
  std::unique_ptr<ByteStream> stream_;
  std::string_view block_;
  std::string partial_;
};

}  // namespace quern::mr
