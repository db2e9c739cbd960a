#include "jobs/command/wire.h"

#include <cstdint>
#include <stdexcept>

namespace quern::command {

namespace {

constexpr size_t kMaxRecordBytes = size_t{1} << 30;
constexpr size_t kLengthBytes = FrameLength().size();

// False when it has not come to its end.
bool TakeFrame(std::string_view* bytes, std::string_view* frame) {
  if (bytes->size() < kLengthBytes) return false;
  size_t size = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) size = size << 8 | static_cast<uint8_t>((*bytes)[i]);
  if (size > kMaxRecordBytes) {
    throw std::runtime_error("the command wrote a frame of " + std::to_string(size) +
                             " bytes, the limit is " + std::to_string(kMaxRecordBytes) +
                             ". Does it write lines?");
  }
  if (bytes->size() - kLengthBytes < size) return false;
  *frame = bytes->substr(kLengthBytes, size);
  bytes->remove_prefix(kLengthBytes + size);
  return true;
}

}  // namespace

void CheckFitsLine(std::string_view text, const char* what) {
  if (text.find('\n') == std::string_view::npos) return;
  throw std::invalid_argument(std::string("a ") + what +
                              " with a line feed in it cannot be handed on as a line. Try: --io "
                              "frames");
}

FrameLength LengthOfFrame(size_t size) {
  FrameLength length;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length[i] = static_cast<char>(size >> (8 * (kLengthBytes - 1 - i)));
  }
  return length;
}

void RecordSplitter::Take(std::string_view bytes) {
  const auto give = [this](std::string_view some) {
    return frames_ ? GiveFrames(some) : GiveLines(some);
  };
  if (!rest_.empty()) {
    // As a rule the end of one line is all that is needed.
    const size_t end = frames_ ? std::string_view::npos : bytes.find('\n');
    const bool ends = end != std::string_view::npos;
    const size_t needed = ends ? end + 1 : bytes.size();
    rest_ += bytes.substr(0, needed);
    // A line that goes on is not looked through again: it may come in any number of pieces.
    if (frames_ || ends) rest_.erase(0, give(rest_));
    bytes.remove_prefix(needed);
  }
  bytes.remove_prefix(give(bytes));
  rest_ += bytes;
  if (rest_.size() > kMaxRecordBytes + 2 * kLengthBytes) {
    throw std::runtime_error("the command wrote a record of more than " +
                             std::to_string(kMaxRecordBytes) + " bytes");
  }
}

void RecordSplitter::Finish() {
  if (rest_.empty()) return;
  if (frames_) throw std::runtime_error("the command ended in the middle of a frame");
  GiveLine(rest_);
  rest_.clear();
}

size_t RecordSplitter::GiveLines(std::string_view bytes) {
  size_t at = 0;
  while (true) {
    const size_t end = bytes.find('\n', at);
    if (end == std::string_view::npos) return at;
    GiveLine(bytes.substr(at, end - at));
    at = end + 1;
  }
}

void RecordSplitter::GiveLine(std::string_view line) {
  size_t end = 0;
  for (size_t field = 0; field < rules_.key_fields; ++field) {
    const size_t from = field == 0 ? 0 : end + rules_.separator.size();
    end = line.find(rules_.separator, from);
    if (end == std::string_view::npos) return give_(line, "");
  }
  const std::string_view value = line.substr(end + rules_.separator.size());
  give_(rules_.keeps_separator && value.empty() ? line : line.substr(0, end), value);
}

size_t RecordSplitter::GiveFrames(std::string_view bytes) {
  std::string_view left = bytes;
  while (true) {
    std::string_view after = left;
    std::string_view key, value;
    if (!TakeFrame(&after, &key) || !TakeFrame(&after, &value)) return bytes.size() - left.size();
    give_(key, value);
    left = after;
  }
}

}  // namespace quern::command
