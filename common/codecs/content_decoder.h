// Decompresses streams by their content: gzip, bzip2, xz, zstd and lz4.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/codecs/stream_decoder.h"
#include "common/status.h"

namespace quern {

// What has to be seen of a file to know whether it is compressed.
inline constexpr size_t kMagicBytes = 10;

// True when the first bytes of a file, kMagicBytes of them where it is that long, are those of a
// compressed one.
bool LooksCompressed(std::string_view first_bytes);

// What is not compressed comes out as it went in. Several members or frames one after another are
// one stream; what stands behind the last member of gzip or bzip2 and is none is passed over, as
// gunzip does. It holds little memory whatever the contents expand to. Used by one thread.
class ContentDecoder {
 public:
  // The next bytes, valid until the next call; empty at the end.
  using Source = std::function<absl::StatusOr<std::string_view>()>;

  // Reads the first bytes.
  static absl::StatusOr<std::unique_ptr<ContentDecoder>> Open(Source source);

  // As a Source; errors are those of the source it was opened with.
  absl::StatusOr<std::string_view> Next();
  // At the end: whether they end where compressed bytes are damaged, end too early, or ask for more
  // memory than kMaxDecoderBytes. What was decoded before has been given.
  bool damaged() const { return !damage_.ok(); }
  // The same in words, or OK.
  const absl::Status& damage() const { return damage_; }

 private:
  ContentDecoder(Source source, std::string first, std::unique_ptr<StreamDecoder> decoder);
  absl::StatusOr<std::string_view> NextRaw();

  const Source source_;
  std::string first_;  // taken from the source to look at
  bool started_ = false;
  const std::unique_ptr<StreamDecoder> decoder_;  // null: not compressed
  const std::unique_ptr<char[]> output_;
  std::string_view input_;
  bool eof_ = false;
  absl::Status damage_;
};

}  // namespace quern
