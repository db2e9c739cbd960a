// Records as bytes of a pipe, in both directions.
//
// Lines: KEY SEPARATOR VALUE LF, as Hadoop Streaming has them. Frames (its "rawbytes"): each of key
// and value as four big-endian bytes of length and so many bytes; they may hold anything.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace quern::command {

struct LineRules {
  std::string separator = "\t";
  // So many fields make the key of a line; the rest is the value.
  size_t key_fields = 1;
  // A line with an empty value is a key as a whole, its separator with it: written as text it is
  // that line again. Not for keys that are grouped.
  bool keeps_separator = false;
};

// Throws std::invalid_argument for what a line cannot carry.
void CheckFitsLine(std::string_view text, const char* what);

using FrameLength = std::array<char, 4>;
FrameLength LengthOfFrame(size_t size);

// What goes to a command, given to `put` in parts one after another: a record may be large, and is
// copied nowhere. What goes into lines has been checked.
template <typename Put>
void PutLine(std::string_view key, std::string_view value, const LineRules& rules, Put put) {
  put(key);
  put(std::string_view(rules.separator));
  put(value);
  put(std::string_view("\n"));
}
// A line that is nothing but a value.
template <typename Put>
void PutValueLine(std::string_view value, Put put) {
  put(value);
  put(std::string_view("\n"));
}
template <typename Put>
void PutFrames(std::string_view key, std::string_view value, Put put) {
  for (const std::string_view bytes : {key, value}) {
    const FrameLength length = LengthOfFrame(bytes.size());
    put(std::string_view(length.data(), length.size()));
    put(bytes);
  }
}

// Takes what comes from a command, in whatever pieces, and gives the records in it.
class RecordSplitter {
 public:
  using Give = std::function<void(std::string_view key, std::string_view value)>;

  RecordSplitter(bool frames, LineRules rules, Give give)
      : frames_(frames), rules_(std::move(rules)), give_(std::move(give)) {}

  // Throws std::runtime_error for a record that is too large.
  void Take(std::string_view bytes);
  // The command has ended: a last line without a line feed counts, half a frame throws.
  void Finish();

 private:
  // Gives the whole records in `bytes`; how many bytes they took.
  size_t GiveLines(std::string_view bytes);
  size_t GiveFrames(std::string_view bytes);
  void GiveLine(std::string_view line);

  const bool frames_;
  const LineRules rules_;
  const Give give_;
  std::string rest_;  // of a record that has not come to its end
};

}  // namespace quern::command
