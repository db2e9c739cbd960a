// zstd frames of a whole file, with the dictionary that a first frame to skip may hold ("WARC file
// compression with Zstandard 1.0", IIPC).
#include <zstd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapreduce/formats/file_cursor.h"
#include "mapreduce/formats/warc/member_source.h"

namespace quern::mr {

namespace {

constexpr size_t kMagicBytes = 4;
constexpr std::string_view kDictionaryMagic = "\x5d\x2a\x4d\x18";
constexpr size_t kSkipHeaderBytes = 8;
constexpr size_t kMaxDictionaryBytes = 16 << 20;
constexpr size_t kNowhere = std::string_view::npos;

bool IsSkipFrame(std::string_view bytes) {
  return bytes.size() >= kSkipHeaderBytes &&
         (static_cast<unsigned char>(bytes[0]) & 0xf0) == 0x50 &&
         bytes.substr(1, 3) == "\x2a\x4d\x18";
}

// Little-endian, behind the magic of a frame to skip.
uint64_t SkipFrameBytes(std::string_view bytes) {
  uint64_t size = 0;
  for (size_t i = kSkipHeaderBytes; i > kMagicBytes; --i) {
    size = size << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return kSkipHeaderBytes + size;
}

class ZstdMembers final : public MemberSource {
 public:
  explicit ZstdMembers(ReadableFile* file)
      : file_(file), cursor_(file, file->length()), context_(ZSTD_createDCtx()) {}
  ~ZstdMembers() override { ZSTD_freeDCtx(context_); }

  absl::StatusOr<bool> NextMember() override {
    passed_over_ = false;
    if (state_ == State::kBefore) RETURN_IF_ERROR(LoadDictionary());
    if (state_ == State::kDamaged) cursor_.SeekTo(start_ + 1);
    // Behind a true end a frame needs no proof: that it stands there is one.
    ASSIGN_OR_RETURN(const bool found, FindFrame(state_ != State::kDamaged));
    start_ = cursor_.offset();
    if (!found) return false;
    ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
    state_ = State::kInside;
    return true;
  }

  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    ZSTD_outBuffer output = {out, room, 0};
    while (state_ == State::kInside && output.pos < output.size) {
      ASSIGN_OR_RETURN(const std::string_view bytes, cursor_.Peek());
      ZSTD_inBuffer input = {bytes.data(), bytes.size(), 0};
      const size_t before = output.pos;
      const size_t result = ZSTD_decompressStream(context_, &output, &input);
      cursor_.Skip(input.pos);
      if (ZSTD_isError(result) != 0 || (bytes.empty() && output.pos == before)) {
        state_ = State::kDamaged;
      } else if (result == 0) {
        state_ = State::kEnded;
      }
    }
    return output.pos;
  }

  bool has_many() const override { return true; }
  bool passed_over() const override { return passed_over_; }
  bool damaged() const override { return state_ == State::kDamaged; }
  bool Abandon() override {
    state_ = State::kDamaged;
    return true;
  }
  uint64_t RecordOffset(uint64_t, uint64_t index) const override { return start_ + index; }
  uint64_t file_offset() const override { return start_; }

 private:
  enum class State { kBefore, kInside, kEnded, kDamaged };

  // The cursor goes to the next frame with data; `here` believes one that stands where it should.
  absl::StatusOr<bool> FindFrame(bool here) {
    while (true) {
      ASSIGN_OR_RETURN(std::string_view bytes, cursor_.Peek(kSkipHeaderBytes));
      if (bytes.size() < kSkipHeaderBytes) {
        // No frame is so short: one that was cut, unless it is zeros that fill up the file.
        passed_over_ = passed_over_ || (here && bytes.find_first_not_of('\0') != kNowhere);
        return false;
      }
      if (here && IsSkipFrame(bytes)) {
        const uint64_t next = cursor_.offset() + SkipFrameBytes(bytes);
        if (next > file_->length()) {
          passed_over_ = true;
          return false;
        }
        cursor_.SeekTo(next);
        continue;
      }
      if (bytes.starts_with(kZstdFrameMagic)) {
        if (here) return true;
        ASSIGN_OR_RETURN(const bool begins, BeginsRecord());
        if (begins) return true;
        ASSIGN_OR_RETURN(bytes, cursor_.Peek(kSkipHeaderBytes));
      }
      // Zeros fill up the ends of some files, not their beginnings.
      const bool at_start = state_ == State::kBefore;
      if (std::exchange(here, false)) passed_over_ = at_start || bytes[0] != '\0';
      const size_t at = bytes.find(kZstdFrameMagic[0], 1);
      cursor_.Skip(at == std::string_view::npos ? bytes.size() - kMagicBytes : at);
    }
  }

  absl::StatusOr<bool> BeginsRecord() {
    ASSIGN_OR_RETURN(const std::string_view bytes, cursor_.Peek(kWarcTrialBytes));
    char start[kWarcStart.size()];
    ZSTD_outBuffer output = {start, sizeof(start), 0};
    ZSTD_inBuffer input = {bytes.data(), bytes.size(), 0};
    ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
    // A frame whose first block is longer than these bytes gives none of it: it is believed.
    const size_t result = ZSTD_decompressStream(context_, &output, &input);
    if (ZSTD_isError(result) != 0) return false;
    return output.pos == 0 || kWarcStart.starts_with(std::string_view(start, output.pos));
  }

  absl::Status LoadDictionary() {
    ASSIGN_OR_RETURN(std::string_view bytes, cursor_.Peek(kSkipHeaderBytes));
    if (bytes.size() < kSkipHeaderBytes || !bytes.starts_with(kDictionaryMagic)) {
      return absl::OkStatus();
    }
    const uint64_t size = SkipFrameBytes(bytes);
    if (size > kMaxDictionaryBytes) {
      return InvalidArgumentError("its zstd dictionary has {} bytes, the limit is {}", size,
                                  kMaxDictionaryBytes);
    }
    ASSIGN_OR_RETURN(bytes, cursor_.Peek(size));
    if (bytes.size() < size) return DataLossError("ends within its zstd dictionary");
    std::string dictionary(bytes.substr(kSkipHeaderBytes, size - kSkipHeaderBytes));
    if (dictionary.starts_with(kZstdFrameMagic)) {  // it may be compressed itself
      std::string plain(kMaxDictionaryBytes, '\0');
      const size_t got =
          ZSTD_decompress(plain.data(), plain.size(), dictionary.data(), dictionary.size());
      if (ZSTD_isError(got) != 0) return DataLossError("its zstd dictionary is damaged");
      dictionary = plain.substr(0, got);
    }
    if (ZSTD_isError(ZSTD_DCtx_loadDictionary(context_, dictionary.data(), dictionary.size()))) {
      return DataLossError("its zstd dictionary is damaged");
    }
    return absl::OkStatus();
  }

  ReadableFile* const file_;
  FileCursor cursor_;
  ZSTD_DCtx* const context_;
  uint64_t start_ = 0;  // of the present frame
  State state_ = State::kBefore;
  bool passed_over_ = false;
};

}  // namespace

bool LooksLikeZstdMembers(std::string_view first_bytes) {
  return first_bytes.starts_with(kZstdFrameMagic) || IsSkipFrame(first_bytes);
}

bool BeginsZstdRecord(std::string_view bytes) {
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                   ZSTD_freeDCtx);
  char start[kWarcStart.size()];
  ZSTD_outBuffer output = {start, sizeof(start), 0};
  ZSTD_inBuffer input = {bytes.data(), bytes.size(), 0};
  if (ZSTD_isError(ZSTD_decompressStream(context.get(), &output, &input)) != 0) return false;
  return std::string_view(start, output.pos) == kWarcStart;
}

std::unique_ptr<MemberSource> MakeZstdMembers(ReadableFile* file) {
  return std::make_unique<ZstdMembers>(file);
}

}  // namespace quern::mr
