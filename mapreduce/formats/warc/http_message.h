// An HTTP/1 message as crawlers store it, and the body that it carries (RFC 9112).
#pragma once

#include <string_view>

#include "common/codecs/inflater.h"
#include "common/status.h"
#include "mapreduce/engine/scratch_buffer.h"
#include "mapreduce/formats/warc/header_fields.h"

namespace quern::mr {

// Used by one thread. Views point into the bytes that were parsed.
class HttpHead {
 public:
  // The head of a response or a request. False when the bytes do not begin with one.
  bool Parse(std::string_view message);
  // "200"; empty for a request.
  std::string_view status() const { return status_; }
  std::string_view Find(std::string_view name) const { return fields_.Find(name); }
  size_t bytes() const { return bytes_; }  // with the empty line

 private:
  HeaderFields fields_;
  std::string_view status_;
  size_t bytes_ = 0;
};

// Undoes transfer and content codings: chunked, gzip, deflate. Others ("br") are left as they are.
// Keeps its buffers for the next message. Used by one thread.
class HttpBody {
 public:
  struct Options {
    std::string scratch_dir;
    size_t memory_bytes = 0;   // of each of two buffers
    uint64_t limit_bytes = 0;  // of the decoded body
  };
  // Why there is no body.
  enum class Problem { kNone, kBadChunks, kBadCoding, kTooLarge };

  explicit HttpBody(const Options& options);

  // What the body stands for; a view of `body` itself when it is not coded. A body that is not in
  // the coding that its head claims (servers say so, and crawlers that decode keep the head) is
  // taken as it is when its first bytes show it, or when it is no such coding and looks like text.
  // `cut_short`: the crawler says that the end is missing, so what there is counts. Not OK only
  // when the scratch disk fails.
  absl::StatusOr<std::string_view> Decode(const HttpHead& head, std::string_view body,
                                          bool cut_short, Problem* problem);

 private:
  absl::StatusOr<std::string_view> JoinChunks(std::string_view body, bool cut_short,
                                              Problem* problem);
  absl::StatusOr<std::string_view> Inflate(std::string_view body, Inflater::Wrapper wrapper,
                                           bool cut_short, Problem* problem);
  ScratchBuffer* NextBuffer();

  const Options options_;
  ScratchBuffer buffers_[2];
  int used_ = 0;
  Inflater inflater_;
  const std::unique_ptr<char[]> piece_;
};

}  // namespace quern::mr
