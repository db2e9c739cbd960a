#include "mapreduce/formats/warc/http_message.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/clean_text.h"

namespace quern::mr {

namespace {

constexpr size_t kPieceBytes = 64 << 10;
// Codings that one message may have one over another.
constexpr size_t kMaxCodings = 4;

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "GET /x HTTP/1.1"
bool IsRequestLine(std::string_view line) {
  const size_t last = line.rfind(' ');
  const std::string_view method = line.substr(0, line.find(' '));
  return last != std::string_view::npos && line.substr(last + 1).starts_with("HTTP/") &&
         !method.empty() &&
         std::all_of(method.begin(), method.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// The size that a chunk begins with; an extension behind it is passed over.
std::optional<uint64_t> ParseChunkSize(std::string_view line) {
  line = TrimBlanks(line.substr(0, line.find(';')));
  constexpr size_t kMaxDigits = 15;
  if (line.empty() || line.size() > kMaxDigits) return std::nullopt;
  uint64_t size = 0;
  for (const char c : line) {
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') {
      size = size * 16 + static_cast<uint64_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      size = size * 16 + static_cast<uint64_t>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return size;
}

// Codings in the order in which they were applied.
std::vector<std::string_view> Codings(std::string_view list) {
  std::vector<std::string_view> codings;
  while (!list.empty() && codings.size() < kMaxCodings) {
    const size_t comma = std::min(list.find(','), list.size());
    codings.push_back(TrimBlanks(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return codings;
}

bool IsChunked(const HttpHead& head) {
  const auto codings = Codings(head.Find("Transfer-Encoding"));
  return !codings.empty() && EqualsIgnoringCase(codings.back(), "chunked");
}

// Whether a body is text in no coding: servers claim codings, and crawlers that undo them leave the
// claim. Of compressed bytes every tenth is a control character that texts do not have; a few bytes
// may have none by chance, and are text when they are UTF-8 too.
bool LooksLikeText(std::string_view body) {
  constexpr std::string_view kOfTexts = "\t\n\v\f\r\x1b";  // the last one in ISO-2022-JP
  constexpr size_t kLookedAt = 4096;
  constexpr size_t kFew = 64;
  const std::string_view head = body.substr(0, kLookedAt);
  const auto controls = std::count_if(head.begin(), head.end(), [&](char c) {
    return static_cast<unsigned char>(c) < ' ' && kOfTexts.find(c) == std::string_view::npos;
  });
  if (head.size() < kFew) return controls == 0 && IsUtf8(head);
  return static_cast<size_t>(controls) * 50 <= head.size();
}

// RFC 1950: the first two bytes are a multiple of 31 and name the method.
bool LooksLikeZlib(std::string_view bytes) {
  if (bytes.size() < 2) return false;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto second = static_cast<unsigned char>(bytes[1]);
  return (first & 0x0f) == 8 && (first << 8 | second) % 31 == 0;
}

// What to undo a coding with; nothing for one that is not known, or that was not applied.
std::optional<Inflater::Wrapper> WrapperOf(std::string_view coding, std::string_view body) {
  if (EqualsIgnoringCase(coding, "gzip") || EqualsIgnoringCase(coding, "x-gzip")) {
    if (body.starts_with("\x1f\x8b")) return Inflater::Wrapper::kGzip;
  } else if (EqualsIgnoringCase(coding, "deflate")) {
    // Servers mean one or the other by it.
    return LooksLikeZlib(body) ? Inflater::Wrapper::kZlib : Inflater::Wrapper::kRaw;
  }
  return std::nullopt;
}

}  // namespace

bool HttpHead::Parse(std::string_view message) {
  bytes_ = std::min(EndOfHead(message), message.size());
  std::string_view rest = message.substr(0, bytes_);
  const std::string_view line = TakeLine(&rest);
  status_ = {};
  if (line.starts_with("HTTP/")) {
    const size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return false;
    const std::string_view behind = TrimBlanks(line.substr(blank));
    status_ = behind.substr(0, behind.find(' '));
    if (status_.size() != 3 || !IsDigits(status_)) return false;
  } else if (!IsRequestLine(line)) {
    return false;
  }
  fields_.Parse(rest);
  return true;
}

HttpBody::HttpBody(const Options& options)
    : options_(options),
      buffers_{{options.scratch_dir, options.memory_bytes},
               {options.scratch_dir, options.memory_bytes}},
      inflater_(Inflater::Wrapper::kGzip),
      piece_(std::make_unique_for_overwrite<char[]>(kPieceBytes)) {}

ScratchBuffer* HttpBody::NextBuffer() {
  used_ ^= 1;
  buffers_[used_].Clear();
  return &buffers_[used_];
}

absl::StatusOr<std::string_view> HttpBody::Decode(const HttpHead& head, std::string_view body,
                                                  bool cut_short, Problem* problem) {
  *problem = Problem::kNone;
  if (IsChunked(head)) {
    ASSIGN_OR_RETURN(body, JoinChunks(body, cut_short, problem));
  }
  const auto codings = Codings(head.Find("Content-Encoding"));
  for (auto coding = codings.rbegin(); coding != codings.rend(); ++coding) {
    if (*problem != Problem::kNone || body.empty()) break;
    const auto wrapper = WrapperOf(*coding, body);
    if (!wrapper.has_value()) break;
    ASSIGN_OR_RETURN(const std::string_view plain, Inflate(body, *wrapper, cut_short, problem));
    if (plain.data() == body.data()) break;  // a text: in none of the other codings either
    body = plain;
  }
  if (*problem == Problem::kNone && body.size() > options_.limit_bytes) {
    *problem = Problem::kTooLarge;
  }
  return body;
}

absl::StatusOr<std::string_view> HttpBody::JoinChunks(std::string_view body, bool cut_short,
                                                      Problem* problem) {
  ScratchBuffer* const joined = NextBuffer();
  std::string_view rest = body;
  for (bool first = true; !rest.empty(); first = false) {
    const std::optional<uint64_t> size = ParseChunkSize(TakeLine(&rest));
    if (!size.has_value() && first) return body;  // not chunked at all
    if (!size.has_value() || (*size > rest.size() && !cut_short)) break;
    if (*size == 0) return joined->View();  // trailers may follow
    const std::string_view chunk = rest.substr(0, *size);
    rest.remove_prefix(chunk.size());
    // The usual case: one chunk, and the end.
    RETURN_IF_ERROR(joined->Append(chunk));
    if (!rest.empty() && !TakeLine(&rest).empty()) break;
    if (rest.empty() && cut_short) return joined->View();
  }
  if (body.empty()) return body;
  *problem = Problem::kBadChunks;
  return std::string_view();
}

absl::StatusOr<std::string_view> HttpBody::Inflate(std::string_view body, Inflater::Wrapper wrapper,
                                                   bool cut_short, Problem* problem) {
  const std::string_view coded = body;
  // A gzip member is known by its first bytes. Of the others any text may begin one, and a short
  // one even end.
  const bool may_be_text = wrapper != Inflater::Wrapper::kGzip;
  ScratchBuffer* const plain = NextBuffer();
  inflater_.Reset(wrapper);
  while (true) {
    const Inflater::Step step = inflater_.Run(body, piece_.get(), kPieceBytes);
    body.remove_prefix(step.consumed);
    if (plain->size() + step.produced > options_.limit_bytes) {
      *problem = Problem::kTooLarge;
      return std::string_view();
    }
    RETURN_IF_ERROR(plain->Append({piece_.get(), step.produced}));
    const bool ended = step.consumed == 0 && step.produced < kPieceBytes;
    if (step.state == Inflater::State::kDone) {
      if (may_be_text && !body.empty() && LooksLikeText(coded)) return coded;
      // Several members make one body, too; what is none behind them is passed over.
      if (wrapper != Inflater::Wrapper::kGzip || !LooksLikeGzipMember(body)) break;
      inflater_.Reset();
      continue;
    }
    if (step.state == Inflater::State::kMore && !ended) continue;
    if (may_be_text && LooksLikeText(coded)) return coded;
    if (cut_short && plain->size() > 0) break;
    *problem = Problem::kBadCoding;
    return std::string_view();
  }
  return plain->View();
}

}  // namespace quern::mr
