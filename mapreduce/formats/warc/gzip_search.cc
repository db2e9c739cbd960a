#include "mapreduce/formats/warc/gzip_search.h"

#include <cstring>

#include "mapreduce/formats/warc/member_source.h"

namespace quern::mr {

namespace {

constexpr size_t kScrapBytes = 128 << 10;
constexpr size_t kMemberHeaderBytes = 10;
constexpr uint64_t kMaxStoredBlockBytes = 65'535;  // RFC 1951, 3.2.4

}  // namespace

GzipSearch::GzipSearch(ReadableFile* file)
    : file_(file),
      cursor_(file),
      inflater_(Inflater::Wrapper::kGzip),
      scrap_(std::make_unique_for_overwrite<char[]>(kScrapBytes)) {}

absl::StatusOr<uint64_t> GzipSearch::Find(uint64_t from) {
  cursor_.SeekTo(from);
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view bytes, cursor_.Peek(kMemberHeaderBytes));
    if (bytes.size() < kMemberHeaderBytes) return file_->length();
    // The last bytes are looked at again together with those behind them.
    const size_t searched = bytes.size() - kMemberHeaderBytes + 1;
    const auto* const found = static_cast<const char*>(std::memchr(bytes.data(), '\x1f', searched));
    cursor_.Skip(found == nullptr ? searched : static_cast<size_t>(found - bytes.data()));
    if (found == nullptr) continue;
    ASSIGN_OR_RETURN(const bool begins, BeginsRecord());
    if (begins) return cursor_.offset();
    cursor_.Skip(1);
  }
}

absl::StatusOr<bool> GzipSearch::BeginsRecord() {
  ASSIGN_OR_RETURN(std::string_view bytes, cursor_.Peek(kMemberHeaderBytes));
  if (!LooksLikeGzipMember(bytes)) return false;
  ASSIGN_OR_RETURN(bytes, cursor_.Peek(kWarcTrialBytes));
  inflater_.Reset();
  const Inflater::Step step = inflater_.Run(bytes, scrap_.get(), kWarcStart.size());
  return std::string_view(scrap_.get(), step.produced) == kWarcStart;
}

absl::StatusOr<uint64_t> GzipSearch::FindBorder(uint64_t from) {
  while (true) {
    ASSIGN_OR_RETURN(const uint64_t place, Find(from));
    if (place >= file_->length()) return place;
    ASSIGN_OR_RETURN(const bool proven, ChainFrom(place));
    if (proven) return place;
    from = place + 1;
  }
}

absl::StatusOr<bool> GzipSearch::ChainFrom(uint64_t offset) {
  FileCursor cursor(file_);
  cursor.SeekTo(offset);
  while (true) {
    ASSIGN_OR_RETURN(const bool passed, PassMember(&cursor));
    if (!passed) return false;
    if (cursor.offset() - offset > kMaxStoredBlockBytes) return true;
    ASSIGN_OR_RETURN(const std::string_view next, cursor.Peek(kMemberHeaderBytes));
    if (next.empty()) return true;
    if (!LooksLikeGzipMember(next)) return false;
  }
}

// False when it is damaged.
absl::StatusOr<bool> GzipSearch::PassMember(FileCursor* cursor) {
  inflater_.Reset();
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view bytes, cursor->Peek());
    const Inflater::Step step = inflater_.Run(bytes, scrap_.get(), kScrapBytes);
    cursor->Skip(step.consumed);
    if (step.state == Inflater::State::kDone) return true;
    if (step.state == Inflater::State::kDamaged) return false;
    if (step.consumed == 0 && step.produced < kScrapBytes) return false;  // the file ends
  }
}

}  // namespace quern::mr
