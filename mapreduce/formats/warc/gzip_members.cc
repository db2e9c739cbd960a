// gzip members, of a whole file or of a piece of one.
#include <optional>
#include <string_view>

#include "common/codecs/inflater.h"
#include "mapreduce/formats/file_cursor.h"
#include "mapreduce/formats/warc/gzip_search.h"
#include "mapreduce/formats/warc/member_source.h"

namespace quern::mr {

namespace {

constexpr size_t kHeaderBytes = 10;

class GzipMembers final : public MemberSource {
 public:
  GzipMembers(ReadableFile* file, uint64_t offset, uint64_t length)
      : file_(file),
        end_(offset + length),
        cursor_(file, offset + length),
        inflater_(Inflater::Wrapper::kGzip),
        start_(offset) {}

  absl::StatusOr<bool> NextMember() override {
    passed_over_ = false;
    ASSIGN_OR_RETURN(start_, FindNext());
    if (start_ >= file_->length()) return false;
    ASSIGN_OR_RETURN(const bool beyond, IsBeyond(start_));
    if (beyond) return false;
    cursor_.SeekTo(start_);
    inflater_.Reset();
    state_ = State::kInside;
    return true;
  }

  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    size_t got = 0;
    while (state_ == State::kInside && got < room) {
      ASSIGN_OR_RETURN(const std::string_view bytes, cursor_.Peek());
      const Inflater::Step step = inflater_.Run(bytes, out + got, room - got);
      cursor_.Skip(step.consumed);
      got += step.produced;
      if (step.state == Inflater::State::kDone) {
        state_ = State::kEnded;
      } else if (step.state == Inflater::State::kDamaged || (bytes.empty() && step.produced == 0)) {
        state_ = State::kDamaged;
      }
    }
    return got;
  }

  bool has_many() const override { return true; }
  bool passed_over() const override { return passed_over_; }
  bool damaged() const override { return state_ == State::kDamaged; }
  bool Abandon() override {
    state_ = State::kDamaged;
    return true;
  }
  // A record takes more than a byte of its member, so that the numbers grow.
  uint64_t RecordOffset(uint64_t, uint64_t index) const override { return start_ + index; }
  uint64_t file_offset() const override { return start_; }

 private:
  enum class State { kBefore, kInside, kEnded, kDamaged };

  absl::StatusOr<uint64_t> FindNext() {
    if (state_ == State::kBefore) return start_ == 0 ? uint64_t{0} : search()->FindBorder(start_);
    if (state_ == State::kDamaged) return search()->Find(start_ + 1);
    ASSIGN_OR_RETURN(const std::string_view next, cursor_.Peek(kHeaderBytes));
    if (next.empty() || LooksLikeGzipMember(next)) return cursor_.offset();
    passed_over_ = next[0] != '\0';
    return search()->Find(cursor_.offset());
  }

  // Whether a member belongs to the next piece, which begins at the first proven one behind the
  // end of this piece.
  absl::StatusOr<bool> IsBeyond(uint64_t start) {
    if (start < end_) return false;
    if (!border_.has_value()) {
      ASSIGN_OR_RETURN(border_, search()->FindBorder(end_));
    }
    return start >= *border_;
  }

  GzipSearch* search() {
    if (search_ == nullptr) search_ = std::make_unique<GzipSearch>(file_);
    return search_.get();
  }

  ReadableFile* const file_;
  const uint64_t end_;
  FileCursor cursor_;
  Inflater inflater_;
  std::unique_ptr<GzipSearch> search_;
  std::optional<uint64_t> border_;
  uint64_t start_;  // of the present member
  State state_ = State::kBefore;
  bool passed_over_ = false;
};

}  // namespace

std::unique_ptr<MemberSource> MakeGzipMembers(ReadableFile* file, uint64_t offset,
                                              uint64_t length) {
  return std::make_unique<GzipMembers>(file, offset, length);
}

}  // namespace quern::mr
