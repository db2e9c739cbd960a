// The contents of a WARC file, member by member: a gzip member or a zstd frame, which hold one
// record each as a rule, or a plain file as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/formats/decoder.h"

namespace quern::mr {

// How every record begins.
inline constexpr std::string_view kWarcStart = "WARC/";
// Of what may be a member, to see how its contents begin.
inline constexpr size_t kWarcTrialBytes = 4 << 10;

// Errors are those of the storage; bytes that are wrong end a member and nothing else. Used by one
// thread.
class MemberSource {
 public:
  virtual ~MemberSource() = default;

  // Goes behind the present member, which has been read to its end or abandoned, to the next one.
  // What lies between members and is none is passed over. False when there is none in this piece.
  virtual absl::StatusOr<bool> NextMember() = 0;
  // Whether there may be several, in which a record could go on.
  virtual bool has_many() const = 0;
  // Whether the last NextMember passed over bytes that should have been a member; zeros, which fill
  // up the ends of some files, should not.
  virtual bool passed_over() const = 0;
  // The next decoded bytes of the member; 0 at its end.
  virtual absl::StatusOr<size_t> Read(char* out, size_t room) = 0;
  // At the end of a member: whether it is no true one. The checksum is wrong, say.
  virtual bool damaged() const = 0;
  // Gives the present member up. The next one is looked for right behind its first byte. False
  // where there is one only.
  virtual bool Abandon() = 0;
  // So many bytes of the contents of the present member, from any place on, or as many as there
  // are. Where they have to be decoded one after another there is nothing to be seen.
  virtual absl::StatusOr<std::optional<std::string>> Look(uint64_t, size_t) { return std::nullopt; }

  // The position of a record: `index` counts those of the member.
  virtual uint64_t RecordOffset(uint64_t contents_offset, uint64_t index) const = 0;
  virtual uint64_t file_offset() const = 0;  // how far the file has been read
};

// The members that begin in the piece [offset, offset + length) of a file, which is borrowed.
std::unique_ptr<MemberSource> MakeGzipMembers(ReadableFile* file, uint64_t offset, uint64_t length);
// A whole file each.
std::unique_ptr<MemberSource> MakeZstdMembers(ReadableFile* file);
bool LooksLikeZstdMembers(std::string_view first_bytes);
inline constexpr std::string_view kZstdFrameMagic = "\x28\xb5\x2f\xfd";
// A frame gives nothing before the end of its first block (RFC 8878, 3.1.1.2.4).
inline constexpr size_t kZstdTrialBytes = (128 << 10) + 64;
// Whether these bytes begin a frame that needs no dictionary and whose contents begin a record.
bool BeginsZstdRecord(std::string_view bytes);
std::unique_ptr<MemberSource> MakePlainMember(ReadableFile* file);
// A stream that was decoded before.
std::unique_ptr<MemberSource> MakeStreamMember(std::unique_ptr<DecodedStream> contents);

}  // namespace quern::mr
