#include "mapreduce/formats/warc/warc_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "mapreduce/formats/warc/warc_start.h"

namespace quern::mr {

namespace {

constexpr std::string_view kVersionStart = "WARC/";
constexpr size_t kMaxHeadBytes = 64 << 10;
constexpr size_t kFirstHeadBytes = 2 << 10;
constexpr size_t kSmallestWindow = 256 << 10;
constexpr size_t kLargestWindow = 16 << 20;
// Two line ends, and one byte more to see that the member has ended and is right.
constexpr size_t kEndBytes = 5;
// What is looked at behind a block: its line ends, some more that a writer may have added, and how
// the next record begins.
constexpr size_t kBehindBytes = 16;
constexpr std::string_view kHttpPrefix = "HTTP-";

std::optional<uint64_t> ParseLength(std::string_view text) {
  uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

// Some writers put URIs in angle brackets.
std::string_view StripBrackets(std::string_view uri) {
  if (uri.size() >= 2 && uri.front() == '<' && uri.back() == '>')
    return uri.substr(1, uri.size() - 2);
  return uri;
}

bool StartsIgnoringCase(std::string_view text, std::string_view prefix) {
  return EqualsIgnoringCase(text.substr(0, prefix.size()), prefix);
}

bool IsHttp(const HeaderFields& fields) {
  const std::string_view type = fields.Find("Content-Type");
  if (!type.empty()) return StartsIgnoringCase(type, "application/http");
  const std::string_view kind = fields.Find("WARC-Type");
  return (kind == "response" || kind == "request") &&
         StartsIgnoringCase(StripBrackets(fields.Find("WARC-Target-URI")), "http");
}

const char* ReasonOf(HttpBody::Problem problem) {
  switch (problem) {
    case HttpBody::Problem::kNone:
      return nullptr;
    case HttpBody::Problem::kBadChunks:
      return "bad_chunks";
    case HttpBody::Problem::kBadCoding:
      return "bad_coding";
    case HttpBody::Problem::kTooLarge:
      return kTooLargeReason;
  }
  return nullptr;
}

// Whether a record may end before these bytes, which are at least four unless there are no more.
bool MayFollowARecord(std::string_view bytes) {
  return bytes.empty() || bytes.starts_with("\r\n\r\n") || bytes.starts_with("\n\n") ||
         (bytes.size() < 4 && bytes.find_first_not_of("\r\n") == std::string_view::npos);
}

// Whether a record begins behind the line ends in these bytes, or they are all that there is. As
// many line ends as kBehindBytes are those of a page.
bool NextRecordFollows(std::string_view behind) {
  behind = behind.substr(0, kBehindBytes);
  const size_t at = behind.find_first_not_of("\r\n");
  if (at == std::string_view::npos) return behind.size() < kBehindBytes;
  return kVersionStart.starts_with(behind.substr(at, kVersionStart.size()));
}

// Whether a record with this block may end before these bytes. Every head ends with the line ends
// that should end a record, and so does many a line of a page: where no record follows them, a
// block in which one begins has swallowed it. Where one does, it may be a text about WARC files.
bool EndsRecord(std::string_view block, std::string_view behind) {
  return MayFollowARecord(behind) &&
         (NextRecordFollows(behind) || FindVersionLine(block) == std::string_view::npos);
}

// Whether only the next member says if it may: these bytes are all that there is of their own, and
// not yet the line ends behind a record.
bool NextOneSays(std::string_view behind) {
  return behind.size() < 4 && !behind.starts_with("\n\n") && MayFollowARecord(behind);
}

}  // namespace

WarcReader::WarcReader(const ReadOptions& options, const Limits& limits,
                       std::unique_ptr<MemberSource> members)
    : limits_(limits),
      window_bytes_(std::clamp(options.memory_bytes / 3, kSmallestWindow, kLargestWindow)),
      members_(std::move(members)),
      body_({options.scratch_dir, options.memory_bytes / 8, limits.payload_bytes}),
      large_block_(options.scratch_dir, options.memory_bytes / 4) {}

bool WarcReader::Next() {
  if (!status_.ok()) return false;
  while (true) {
    const auto more = EnterMember();
    if (!more.ok()) return Fail(more.status());
    if (!*more) return false;
    const auto found = ReadRecord();
    if (!found.ok()) return Fail(found.status());
    if (*found == Found::kRecord) return true;
  }
}

absl::StatusOr<bool> WarcReader::EnterMember() {
  if (in_member_) return true;
  if (next_ == NextMember::kUnknown) {
    ahead_.clear();
    ASSIGN_OR_RETURN(in_member_, members_->NextMember());
    if (members_->passed_over()) SetAside("bad_member");
  } else if (next_ == NextMember::kEntered) {
    in_member_ = true;
    next_ = NextMember::kUnknown;
  }
  begin_ = end_ = 0;
  large_block_.Clear();
  replay_at_ = 0;
  window_offset_ = index_ = 0;
  numbered_until_ = 0;
  set_aside_here_ = false;
  return in_member_;
}

// At the end of a member within a record. False when the record does not go on.
absl::StatusOr<bool> WarcReader::GoOnInNextMember() {
  if (!members_->has_many() || next_ != NextMember::kUnknown || members_->damaged()) return false;
  ASSIGN_OR_RETURN(const bool more, members_->NextMember());
  const bool passed_over = members_->passed_over();
  if (passed_over) SetAside("bad_member");
  next_ = NextMember::kNone;
  if (!more) return false;
  ahead_.resize(kVersionStart.size());
  size_t size = 0;
  while (size < ahead_.size()) {
    ASSIGN_OR_RETURN(const size_t got, members_->Read(ahead_.data() + size, ahead_.size() - size));
    if (got == 0) break;
    size += got;
  }
  ahead_.resize(size);
  const bool goes_on = !passed_over && ahead_ != kVersionStart;
  next_ = goes_on ? NextMember::kUnknown : NextMember::kEntered;
  if (goes_on) {
    set_aside_here_ = false;
    index_ = 0;
  }
  return goes_on;
}

absl::StatusOr<size_t> WarcReader::ReadMember(char* out, size_t room) {
  if (!replays()) return ReadOn(out, room);
  ASSIGN_OR_RETURN(const std::string_view block, large_block_.View());
  const size_t size = std::min(room, block.size() - replay_at_);
  std::memcpy(out, block.data() + replay_at_, size);
  replay_at_ += size;
  return size;
}

// Of what has not been decoded yet.
absl::StatusOr<size_t> WarcReader::ReadOn(char* out, size_t room) {
  if (next_ != NextMember::kUnknown) return 0;
  if (ahead_.empty()) return members_->Read(out, room);
  const size_t size = std::min(room, ahead_.size());
  std::memcpy(out, ahead_.data(), size);
  ahead_.erase(0, size);
  return size;
}

WarcReader::Found WarcReader::EndMember() {
  if (IsDamaged() && !set_aside_here_) SetAside("bad_member");
  in_member_ = false;
  return Found::kAgain;
}

// At least `want` bytes of the member, unless it has ended.
absl::StatusOr<std::string_view> WarcReader::Fill(size_t want) {
  if (end_ - begin_ >= want) return window();
  if (capacity_ - begin_ < want) {
    const size_t bytes = end_ - begin_;
    // With room behind it, so that what is moved to the front is no more than what goes by.
    const size_t with_room = want + want / 2;
    if (capacity_ < with_room) {
      capacity_ = std::max({with_room, std::min(capacity_ * 2, window_bytes_), kSmallestWindow});
      auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
      if (bytes > 0) std::memcpy(larger.get(), buffer_.get() + begin_, bytes);
      buffer_ = std::move(larger);
    } else {
      std::memmove(buffer_.get(), buffer_.get() + begin_, bytes);
    }
    begin_ = 0;
    end_ = bytes;
  }
  while (end_ - begin_ < want) {
    ASSIGN_OR_RETURN(const size_t got, ReadMember(buffer_.get() + end_, capacity_ - end_));
    if (got == 0) break;
    end_ += got;
  }
  return window();
}

// False at the end of the member.
absl::StatusOr<bool> WarcReader::SkipLineEnds() {
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view bytes, Fill(1));
    if (bytes.empty()) return false;
    const size_t at = bytes.find_first_not_of("\r\n");
    if (at != std::string_view::npos) {
      Consume(at);
      return true;
    }
    Consume(bytes.size());
  }
}

void WarcReader::SetOffset() {
  // Of records that are found in a member when it has been left: they are numbered on.
  if (next_ != NextMember::kUnknown || window_offset_ < numbered_until_) {
    ++offset_;
    return;
  }
  const uint64_t own = members_->RecordOffset(window_offset_, index_);
  offset_ = numbered_until_ == 0 ? own : std::max(own, offset_ + 1);
}

absl::StatusOr<WarcReader::Found> WarcReader::ReadRecord() {
  ASSIGN_OR_RETURN(const bool more, SkipLineEnds());
  if (!more) return EndMember();
  SetOffset();
  ASSIGN_OR_RETURN(const bool has_head, ReadHead());
  if (!has_head) return PassOver(head_.empty() ? "bad_head" : "truncated");
  const auto length = ParseLength(fields_.Find("Content-Length"));
  if (!length.has_value()) return PassOver("bad_head");
  if (*length > limits_.block_bytes) return PassOver("too_large");
  if (head_.size() + *length + kBehindBytes <= window_bytes_) return ReadBlock(*length);
  return ReadLargeBlock(*length);
}

// The head of a record into head_ and fields_; it is not consumed. False when there is none, with
// head_ empty, or only a part of one.
absl::StatusOr<bool> WarcReader::ReadHead() {
  head_.clear();
  for (size_t want = kFirstHeadBytes; want <= kMaxHeadBytes;) {
    ASSIGN_OR_RETURN(const std::string_view bytes, Fill(want));
    if (!kVersionStart.starts_with(bytes.substr(0, kVersionStart.size()))) return false;
    const size_t size = EndOfHead(bytes.substr(0, kMaxHeadBytes));
    if (size != std::string_view::npos) {
      head_.assign(bytes.substr(0, size));
      std::string_view rest = head_;
      TakeLine(&rest);
      fields_.Parse(rest);
      return true;
    }
    if (bytes.size() >= want) {
      want *= 4;
      continue;
    }
    ASSIGN_OR_RETURN(const bool more, GoOnInNextMember());
    if (!more) {
      head_.assign(bytes);
      return false;
    }
  }
  return false;
}

absl::StatusOr<WarcReader::Found> WarcReader::ReadBlock(uint64_t length) {
  const size_t size = head_.size() + length;
  ASSIGN_OR_RETURN(std::string_view bytes, Fill(size + kBehindBytes));
  // Of a record that went on in other members, the end of one says nothing. One that is only asked
  // what follows may be damaged: the record is not in it.
  bool sound = false;
  for (bool moved_on = false;
       bytes.size() < size || (moved_on && NextOneSays(bytes.substr(size)));) {
    sound = sound || (bytes.size() >= size && !IsDamaged());
    ASSIGN_OR_RETURN(moved_on, GoOnInNextMember());
    if (!moved_on) break;
    ASSIGN_OR_RETURN(bytes, Fill(size + kBehindBytes));
  }
  // A member that holds one record is right only when its checksum is.
  if (!sound && bytes.size() < size + kEndBytes && IsDamaged()) return PassOver("truncated");
  if (bytes.size() < size) return PassOver("truncated");
  const std::string_view block = bytes.substr(head_.size(), length);
  Consume(size);
  if (!EndsRecord(block, window())) {
    begin_ -= length;  // look through the block, which may hold what comes next
    window_offset_ -= length;
    return PassOver("false_length");
  }
  ++index_;
  return MakePayload(block);
}

// Where the file can be looked at anywhere, a block is read only when a record may end behind it: a
// file of many heads that claim much is not copied again and again.
absl::StatusOr<bool> WarcReader::MayHaveBlock(uint64_t length, const char** why_not) {
  // With the last byte of the block, to see that it is there.
  const uint64_t last = window_offset_ + head_.size() + length - 1;
  ASSIGN_OR_RETURN(const auto seen, members_->Look(last, 1 + kBehindBytes));
  if (!seen.has_value()) return true;
  *why_not = seen->empty() ? "truncated" : "false_length";
  return !seen->empty() && MayFollowARecord(std::string_view(*seen).substr(1));
}

// One that does not fit in the window. When its length is wrong there may be any number of records
// in what it claims, which is read again from large_block_: nothing is decoded twice, nor copied
// again for each of many heads in there that claim as much.
absl::StatusOr<WarcReader::Found> WarcReader::ReadLargeBlock(uint64_t length) {
  const char* why_not = nullptr;
  ASSIGN_OR_RETURN(const bool may_be, MayHaveBlock(length, &why_not));
  if (!may_be) {
    Consume(head_.size());
    return PassOver(why_not);
  }
  if (!replays()) {
    large_block_.Clear();
    RETURN_IF_ERROR(large_block_.Append(window()));
    replay_at_ = window().size();
  }
  // Of the block in large_block_, which has all of the window.
  const uint64_t begin = replay_at_ - window().size() + head_.size();
  const uint64_t end = begin + length;
  Gathered gathered;
  // A chain of them would gather a whole file.
  const bool too_far = end > 2 * std::max<uint64_t>(limits_.block_bytes, window_bytes_);
  if (!too_far) RETURN_IF_ERROR(GatherLargeBlock(end, &gathered));
  ASSIGN_OR_RETURN(const std::string_view bytes, large_block_.View());
  const bool complete = bytes.size() >= end;
  const std::string_view behind = bytes.substr(std::min<uint64_t>(end, bytes.size()));
  const bool damaged = !gathered.sound && behind.size() < kEndBytes && IsDamaged();
  if (complete && !damaged && EndsRecord(bytes.substr(begin, length), behind)) {
    ++index_;
    window_offset_ += head_.size() + length;
    begin_ = end_ = 0;
    replay_at_ = end;
    return MakePayload(bytes.substr(begin, length));
  }
  Consume(head_.size());
  if (gathered.moved_on) numbered_until_ = window_offset_ + (bytes.size() - begin);
  return PassOver(complete || too_far ? "false_length" : "truncated");
}

// At least `end` bytes into large_block_, and a few more, unless there are fewer.
absl::Status WarcReader::GatherLargeBlock(uint64_t end, Gathered* gathered) {
  const uint64_t want = end + kBehindBytes;
  const auto lacking = [&] {
    return std::min<uint64_t>(want - std::min(large_block_.size(), want), kSmallestWindow);
  };
  const auto piece = std::make_unique_for_overwrite<char[]>(lacking());
  while (lacking() > 0) {
    ASSIGN_OR_RETURN(const size_t got, ReadOn(piece.get(), lacking()));
    if (got > 0) {
      RETURN_IF_ERROR(large_block_.Append({piece.get(), got}));
      continue;
    }
    if (large_block_.size() >= end) {
      ASSIGN_OR_RETURN(const std::string_view bytes, large_block_.View());
      // Of a record that went on in other members, the end of one says nothing.
      if (!gathered->moved_on || !NextOneSays(bytes.substr(end))) break;
      gathered->sound = gathered->sound || !IsDamaged();
    }
    ASSIGN_OR_RETURN(const bool more, GoOnInNextMember());
    if (!more) break;
    gathered->moved_on = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<WarcReader::Found> WarcReader::MakePayload(std::string_view block) {
  SetKey(StripBrackets(fields_.Find("WARC-Target-URI")));
  value_ = block;
  has_http_ = IsHttp(fields_);
  if (!has_http_) return Found::kRecord;
  // Only the record itself is lost: the next one begins behind it.
  if (!http_.Parse(block)) {
    SetAside("no_http_head");
    return Found::kAgain;
  }
  HttpBody::Problem problem = HttpBody::Problem::kNone;
  const bool cut_short = !fields_.Find("WARC-Truncated").empty();
  ASSIGN_OR_RETURN(value_, body_.Decode(http_, block.substr(http_.bytes()), cut_short, &problem));
  if (const char* reason = ReasonOf(problem); reason != nullptr) {
    SetAside(reason);
    return Found::kAgain;
  }
  return Found::kRecord;
}

absl::StatusOr<WarcReader::Found> WarcReader::PassOver(const char* reason) {
  // Whatever seems wrong in a damaged member is wrong for that reason, and counted once.
  if (!IsDamaged()) SetAside(reason);
  if (IsDamaged() && !set_aside_here_) SetAside("bad_member");
  set_aside_here_ = true;
  ++index_;
  return SearchRecord();
}

// Goes to the next version line of the member that is not the one at which the window begins.
absl::StatusOr<WarcReader::Found> WarcReader::SearchRecord() {
  uint64_t strayed = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view bytes, Fill(kFirstHeadBytes));
    const size_t at = FindVersionLine(bytes);
    if (at != std::string_view::npos) {
      Consume(at);
      return Found::kAgain;
    }
    if (bytes.size() < kFirstHeadBytes) {
      Consume(bytes.size());
      return EndMember();
    }
    // One that is only begun here is found with the bytes behind it, and those that stand before.
    const size_t passed = bytes.size() - kVersionLineBytes + 1;
    Consume(passed);
    strayed += passed;
    if (strayed > limits_.stray_bytes && !replays() && next_ == NextMember::kUnknown &&
        members_->Abandon()) {
      return EndMember();
    }
  }
}

std::string_view WarcReader::header(std::string_view name) const {
  if (StartsIgnoringCase(name, kHttpPrefix)) {
    if (!has_http_) return {};
    name.remove_prefix(kHttpPrefix.size());
    return EqualsIgnoringCase(name, "Status") ? http_.status() : http_.Find(name);
  }
  return StripBrackets(fields_.Find(name));
}

}  // namespace quern::mr
