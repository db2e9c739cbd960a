// The decompressors behind ContentDecoder, one for each library.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "common/status.h"

namespace quern {

// Dictionaries of `xz -9` and `zstd --long` are this large.
inline constexpr size_t kMaxDecoderBytes = size_t{128} << 20;

// Turns one compressed stream into its contents. Used by one thread.
class StreamDecoder {
 public:
  struct Step {
    size_t consumed = 0;
    size_t produced = 0;
  };

  virtual ~StreamDecoder() = default;
  virtual std::string_view name() const = 0;
  // Goes on as far as input and room reach; `eof`: no more input comes. DataLoss when the bytes are
  // damaged or need more memory than kMaxDecoderBytes, with a message for users.
  virtual absl::StatusOr<Step> Run(std::string_view input, char* out, size_t room, bool eof) = 0;
  // Whether the stream may not end here.
  virtual bool inside() const = 0;
};

std::unique_ptr<StreamDecoder> MakeGzipDecoder();
std::unique_ptr<StreamDecoder> MakeBzip2Decoder();
std::unique_ptr<StreamDecoder> MakeXzDecoder();
std::unique_ptr<StreamDecoder> MakeZstdDecoder();
std::unique_ptr<StreamDecoder> MakeLz4Decoder();

}  // namespace quern
