// Records of one fixed length. A file whose length is no multiple of it ends in DataLoss; contents
// that end at damage are set aside from there on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "mapreduce/engine/record_reader.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/formats/decoder.h"

namespace quern::mr {

class FixedReader final : public RecordReader {
 public:
  // All records of contents.
  FixedReader(std::unique_ptr<DecodedStream> contents, uint64_t record_bytes);
  // The records that start in [offset, offset + length) of a file.
  FixedReader(ReadableFile* file, uint64_t offset, uint64_t length, uint64_t record_bytes);
  bool Next() override;

 private:
  bool EndAtDamage();

  const size_t record_bytes_;
  uint64_t position_;                              // of the next record in the file
  const DecodedStream* const contents_ = nullptr;  // stream_, when it is everything
  std::unique_ptr<ByteStream> stream_;
  std::string_view block_;
  std::string partial_;
  bool damage_counted_ = false;
};

}  // namespace quern::mr
