// Text lines: a record is a line without its line feed; a carriage return stays. The last line of a
// file need not end with a line feed; an empty one after the last line feed is no line. A UTF-8
// byte order mark at the start of a file is no part of its first line. A line that is longer than
// records may be is set aside by the piece in which it starts.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "mapreduce/engine/record_reader.h"
#include "mapreduce/engine/scratch_buffer.h"
#include "mapreduce/formats/decoder.h"
#include "mapreduce/formats/input_format.h"

namespace quern::mr {

// Lines that lie within one piece of the stream are views into it; the others are put together in a
// buffer, on disk when they are large.
class LineReader final : public RecordReader {
 public:
  // All lines of contents. Where they end at damage, the line that it cuts is no record: it is set
  // aside.
  LineReader(const ReadOptions& options, std::unique_ptr<DecodedStream> contents);
  // The lines that start in [offset, offset + length) of a file.
  LineReader(const ReadOptions& options, ReadableFile* file, uint64_t offset, uint64_t length);

  bool Next() override;

 private:
  bool LoadBlock();
  bool ReadTail();
  bool NextSlow();
  bool ReadLine();
  bool SkipFirst();
  bool TakePartial(uint64_t start);
  bool PassOverLine(bool is_at_its_end);
  bool EndsAtDamage();

  ReadableFile* const file_;                       // nullptr: the stream is everything there is
  const DecodedStream* const contents_ = nullptr;  // stream_, when it is everything
  std::unique_ptr<ByteStream> stream_;
  uint64_t end_ = 0;  // of what stream_ reads, in the file
  bool reading_tail_ = false;
  bool skip_first_ = false;
  const uint64_t most_bytes_;  // of a line
  const char* at_ = nullptr;
  const char* block_end_ = nullptr;
  uint64_t position_ = 0;  // offset of at_ in the contents
  ScratchBuffer partial_;  // the start of a line whose end is in a later block
  uint64_t tail_bytes_;
  bool damage_counted_ = false;
};

}  // namespace quern::mr
