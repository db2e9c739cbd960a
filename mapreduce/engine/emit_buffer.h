// Where emitted records go: the engine's side of quern_output.
//
// User code fills a window of memory without any call, so that an emit costs two short copies
// (quern_emit). Only when the window is full does the engine get control, and then it takes over
// thousands of records at once. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/status.h"
#include "mapreduce/api/quern.h"
#include "mapreduce/engine/block.h"
#include "mapreduce/engine/engine_error.h"

namespace quern::mr {

class EmitBuffer {
 public:
  static constexpr size_t kRecordHeaderBytes = QUERN_RECORD_HEADER_BYTES;

  virtual ~EmitBuffer() = default;
  EmitBuffer(const EmitBuffer&) = delete;
  EmitBuffer& operator=(const EmitBuffer&) = delete;

  // Copies the record; both views may go away afterwards. For the engine's own records: errors are
  // thrown as EngineError.
  __attribute__((always_inline)) void Append(std::string_view key, std::string_view value) {
    const size_t size = kRecordHeaderBytes + key.size() + value.size();
    if (size > static_cast<size_t>(window_.limit - window_.cursor)) [[unlikely]] {
      AppendSlow(key, value);
    } else {
      quern_emit(&window_, key.data(), key.size(), value.data(), value.size());
    }
  }

  // What user code writes to. Errors of its records are kept in user_status.
  quern_output* output() { return &window_; }
  const absl::Status& user_status() const { return user_status_; }

 protected:
  EmitBuffer() = default;

  // The record does not fit in the window: take over what lies in it, open a new one, and see to
  // this record, whatever its size.
  virtual void AppendSlow(std::string_view key, std::string_view value) = 0;

  void SetWindow(char* begin, char* limit) {
    window_.cursor = begin;
    window_.limit = limit;
  }
  // End of the last record in the window.
  char* cursor() const { return window_.cursor; }

 private:
  struct Window : quern_output {
    explicit Window(EmitBuffer* of)
        : quern_output{sizeof(quern_output), 0, nullptr, nullptr, EmitSlow}, owner(of) {}
    EmitBuffer* const owner;
  };
  // Reads a byte of each page. Who copies the record later may be at work of its own by then, and
  // what cannot be read is a fault of the call that has given it. No record is larger.
  static void Touch(std::string_view bytes) {
    constexpr size_t kPageBytes = 4096;
    if (bytes.empty() || bytes.size() > kMaxRecordBytes) return;
    const volatile char* const at = bytes.data();
    for (size_t i = 0; i < bytes.size(); i += kPageBytes) static_cast<void>(at[i]);
    static_cast<void>(at[bytes.size() - 1]);
  }

  // Called by user code: nothing may be thrown through it.
  static int EmitSlow(quern_output* output, const char* key, size_t key_size, const char* value,
                      size_t value_size) noexcept {
    EmitBuffer* const buffer = static_cast<Window*>(output)->owner;
    try {
      if (!buffer->user_status_.ok()) return QUERN_FAILED;
      Touch({key, key_size});
      Touch({value, value_size});
      buffer->AppendSlow({key, key_size}, {value, value_size});
      return QUERN_OK;
    } catch (const EngineError& error) {
      buffer->user_status_ = error.status();
    }
    return QUERN_FAILED;
  }

  Window window_{this};
  absl::Status user_status_;  // the first error
};

}  // namespace quern::mr
