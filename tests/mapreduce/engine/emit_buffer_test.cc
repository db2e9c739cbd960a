#include "mapreduce/engine/emit_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace quern::mr {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

// A sink with a small window, as the engine's are.
class WindowBuffer : public EmitBuffer {
 public:
  WindowBuffer() { SetWindow(window_, window_ + sizeof(window_)); }
  Records Take() {
    Drain();
    return std::move(records_);
  }

 private:
  void AppendSlow(std::string_view key, std::string_view value) override {
    Drain();
    if (kRecordHeaderBytes + key.size() + value.size() > sizeof(window_)) {
      records_.emplace_back(key, value);
    } else {
      Append(key, value);
    }
  }
  void Drain() {
    for (const char* at = window_; at < cursor();) {
      uint32_t sizes[2];
      std::memcpy(sizes, at, sizeof(sizes));
      at += kRecordHeaderBytes;
      records_.emplace_back(std::string(at, sizes[0]), std::string(at + sizes[0], sizes[1]));
      at += sizes[0] + sizes[1];
    }
    SetWindow(window_, window_ + sizeof(window_));
  }

  char window_[64];
  Records records_;
};

TEST(EmitBufferTest, KeepsRecordsOfEveryLengthWholeAndInOrder) {
  WindowBuffer buffer;
  Records want;
  for (size_t key = 0; key < 40; ++key) {
    for (size_t value = 0; value < 40; ++value) {
      std::string k(key, 'k');
      std::string v(value, 'v');
      for (size_t i = 0; i < key; ++i) k[i] = static_cast<char>('a' + i % 26);
      for (size_t i = 0; i < value; ++i) v[i] = static_cast<char>('A' + i % 26);
      buffer.Append(k, v);
      want.emplace_back(k, v);
    }
  }
  EXPECT_EQ(buffer.Take(), want);
}

TEST(EmitBufferTest, KeepsTheFirstErrorOfUserCodeAndTakesNoMore) {
  class Refuses : public EmitBuffer {
   public:
    int calls = 0;

   private:
    void AppendSlow(std::string_view, std::string_view) override {
      throw EngineError(ResourceExhaustedError("disk full {}", ++calls));
    }
  };
  Refuses buffer;
  EXPECT_EQ(quern_emit(buffer.output(), "k", 1, "v", 1), QUERN_FAILED);
  EXPECT_EQ(quern_emit(buffer.output(), "k", 1, "v", 1), QUERN_FAILED);
  EXPECT_EQ(buffer.calls, 1);
  EXPECT_EQ(buffer.user_status(), ResourceExhaustedError("disk full 1"));
  EXPECT_THROW(buffer.Append("k", "v"), EngineError) << "the engine's own records throw";
}

}  // namespace
}  // namespace quern::mr
