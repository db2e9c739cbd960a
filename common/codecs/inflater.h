// DEFLATE with its three wrappers, by zlib. (ISA-L 2.30 is faster, but now and then calls a member
// damaged whose first block header lies across the end of the input at hand.)
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace quern {

// One stream or member at a time. Used by one thread.
class Inflater {
 public:
  enum class Wrapper {
    kGzip,  // RFC 1952
    kZlib,  // RFC 1950
    kRaw,   // RFC 1951
  };
  enum class State {
    kMore,     // wants more input, or more room
    kDone,     // the member has ended and its checksum is right
    kDamaged,  // these bytes are none
  };
  struct Step {
    size_t consumed = 0;  // of the input
    size_t produced = 0;
    State state = State::kMore;
  };

  explicit Inflater(Wrapper wrapper);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Makes ready for another member.
  void Reset();
  void Reset(Wrapper wrapper);
  // Goes on as far as input and room reach. With no input left it may still have bytes to give: it
  // has given all of them when a step leaves room.
  Step Run(std::string_view input, char* out, size_t room);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

// Whether these bytes may begin a gzip member: all checks that the first ten of them allow. Fewer
// than ten bytes are no member.
bool LooksLikeGzipMember(std::string_view bytes);

}  // namespace quern
