// Where emitted records go: a window of memory that user code fills without any call.
//
// A record lies in the window as
//   u32 key size | u32 value size | key bytes | value bytes        (host byte order, unaligned)
// so that an Emit costs two short copies. Only when the window is full does the engine get control,
// and then it takes over thousands of records at once. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace quern {

namespace internal {

// memcpy for short strings of unknown length: a call into the C library costs more than the copy.
inline void CopyShort(char* to, const char* from, size_t size) {
  if (__builtin_constant_p(size) || size > 16) {
    std::memcpy(to, from, size);
  } else if (size >= 8) {  // two halves that overlap
    std::memcpy(to, from, 8);
    std::memcpy(to + size - 8, from + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(to, from, 4);
    std::memcpy(to + size - 4, from + size - 4, 4);
  } else if (size > 0) {
    to[0] = from[0];
    to[size / 2] = from[size / 2];
    to[size - 1] = from[size - 1];
  }
}

}  // namespace internal

class EmitBuffer {
 public:
  static constexpr size_t kRecordHeaderBytes = 8;

  virtual ~EmitBuffer() = default;
  EmitBuffer(const EmitBuffer&) = delete;
  EmitBuffer& operator=(const EmitBuffer&) = delete;

  // Copies the record; both views may go away afterwards.
  __attribute__((always_inline)) void Append(std::string_view key, std::string_view value) {
    const size_t size = kRecordHeaderBytes + key.size() + value.size();
    if (size > static_cast<size_t>(limit_ - cursor_)) [[unlikely]] {
      AppendSlow(key, value);
      return;
    }
    const uint32_t sizes[2] = {static_cast<uint32_t>(key.size()),
                               static_cast<uint32_t>(value.size())};
    char* to = cursor_;
    cursor_ += size;
    std::memcpy(to, sizes, sizeof(sizes));
    internal::CopyShort(to + kRecordHeaderBytes, key.data(), key.size());
    internal::CopyShort(to + kRecordHeaderBytes + key.size(), value.data(), value.size());
  }

 protected:
  EmitBuffer() = default;

  // The record does not fit in the window: take over what lies in it, open a new one, and see to
  // this record, whatever its size.
  virtual void AppendSlow(std::string_view key, std::string_view value) = 0;

  void SetWindow(char* begin, char* limit) {
    cursor_ = begin;
    limit_ = limit;
  }
  // End of the last record in the window.
  char* cursor() const { return cursor_; }

 private:
  char* cursor_ = nullptr;
  char* limit_ = nullptr;
};

namespace internal {

// Stands where nothing can be emitted, so that an Emit there fails the attempt and says why.
class NoOutput final : public EmitBuffer {
 public:
  static EmitBuffer* Get() {
    static NoOutput none;
    return &none;
  }

 private:
  void AppendSlow(std::string_view, std::string_view) override {
    throw std::logic_error("Emit in a constructor, or in Start or Finish of a combiner");
  }
};

}  // namespace internal
}  // namespace quern
