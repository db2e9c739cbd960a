// A whole file as one record. One whose compressed bytes are damaged, or that is larger
// than records may be, is set aside.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "mapreduce/engine/record_reader.h"
#include "mapreduce/engine/scratch_buffer.h"
#include "mapreduce/formats/decoder.h"
#include "mapreduce/formats/input_format.h"

namespace quern::mr {

class WholeReader final : public RecordReader {
 public:
  WholeReader(const ReadOptions& options, std::unique_ptr<DecodedStream> contents)
      : path_(options.path),
        most_bytes_(options.most_bytes),
        stream_(std::move(contents)),
        contents_(options.scratch_dir, options.memory_bytes) {}
  bool Next() override;

 private:
  const std::string path_;
  const uint64_t most_bytes_;
  const std::unique_ptr<DecodedStream> stream_;
  ScratchBuffer contents_;
  bool done_ = false;
};

}  // namespace quern::mr
