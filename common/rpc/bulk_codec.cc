#include "common/rpc/bulk_codec.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <cstring>

#include "common/crc32c.h"
#include "common/rpc/settings.h"

namespace quern::rpc {
namespace {

constexpr uint8_t kHeaderTag = 0x0a;   // field 1, length-delimited
constexpr uint8_t kPayloadTag = 0x12;  // field 2, length-delimited
constexpr size_t kMaxHeaderBytes = 64 << 10;

// Walks the slices of a buffer byte by byte where needed and slice by slice where possible.
class SliceReader {
 public:
  explicit SliceReader(const std::vector<grpc::Slice>& slices) : slices_(slices) { SkipEmpty(); }

  bool AtEnd() const { return index_ == slices_.size(); }

  bool ReadByte(uint8_t* byte) {
    if (AtEnd()) return false;
    *byte = slices_[index_].begin()[offset_];
    Advance(1);
    return true;
  }

  bool ReadVarint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      uint8_t byte = 0;
      if (!ReadByte(&byte)) return false;
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }

  bool ReadString(size_t bytes, std::string* text) {
    text->clear();
    while (bytes > 0) {
      if (AtEnd()) return false;
      const size_t take = std::min(bytes, slices_[index_].size() - offset_);
      text->append(reinterpret_cast<const char*>(slices_[index_].begin()) + offset_, take);
      Advance(take);
      bytes -= take;
    }
    return true;
  }

  bool ReadSlices(size_t bytes, std::vector<grpc::Slice>* out) {
    while (bytes > 0) {
      if (AtEnd()) return false;
      const grpc::Slice& slice = slices_[index_];
      const size_t take = std::min(bytes, slice.size() - offset_);
      out->push_back(offset_ == 0 && take == slice.size() ? slice
                                                          : slice.sub(offset_, offset_ + take));
      Advance(take);
      bytes -= take;
    }
    return true;
  }

 private:
  void Advance(size_t bytes) {
    offset_ += bytes;
    SkipEmpty();
  }
  void SkipEmpty() {
    while (index_ < slices_.size() && offset_ == slices_[index_].size()) {
      ++index_;
      offset_ = 0;
    }
  }

  const std::vector<grpc::Slice>& slices_;
  size_t index_ = 0;
  size_t offset_ = 0;
};

void AppendVarint(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

absl::Status Malformed(std::string_view what) {
  return InvalidArgumentError("bulk message: {}", what);
}

}  // namespace

Payload::Payload(std::vector<grpc::Slice> slices) : slices_(std::move(slices)) {
  for (const grpc::Slice& slice : slices_) size_ += slice.size();
}

uint32_t Payload::Crc(uint32_t crc) const {
  for (const grpc::Slice& slice : slices_) crc = ExtendCrc32c(crc, slice.begin(), slice.size());
  return crc;
}

std::string Payload::ToString() const {
  std::string text(size_, '\0');
  CopyTo(text.data());
  return text;
}

void Payload::CopyTo(char* target) const {
  for (const grpc::Slice& slice : slices_) {
    std::memcpy(target, slice.begin(), slice.size());
    target += slice.size();
  }
}

grpc::ByteBuffer EncodeBulk(const google::protobuf::MessageLite& header,
                            std::span<const grpc::Slice> payload) {
  size_t payload_bytes = 0;
  for (const grpc::Slice& slice : payload) payload_bytes += slice.size();
  std::string prefix(1, static_cast<char>(kHeaderTag));
  AppendVarint(header.ByteSizeLong(), &prefix);
  header.AppendToString(&prefix);
  if (payload_bytes > 0) {
    prefix.push_back(static_cast<char>(kPayloadTag));
    AppendVarint(payload_bytes, &prefix);
  }
  std::vector<grpc::Slice> slices;
  slices.reserve(payload.size() + 1);
  slices.emplace_back(prefix);
  slices.insert(slices.end(), payload.begin(), payload.end());
  return {slices.data(), slices.size()};
}

absl::Status DecodeBulk(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* header,
                        Payload* payload) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return Malformed("unreadable buffer");
  SliceReader reader(slices);
  header->Clear();
  std::vector<grpc::Slice> payload_slices;
  while (!reader.AtEnd()) {
    uint8_t tag = 0;
    uint64_t bytes = 0;
    if (!reader.ReadByte(&tag) || !reader.ReadVarint(&bytes)) return Malformed("cut short");
    if (tag == kHeaderTag) {
      std::string text;
      if (bytes > kMaxHeaderBytes) return Malformed("header too long");
      if (!reader.ReadString(bytes, &text)) return Malformed("cut short");
      if (!header->ParseFromString(text)) return Malformed("header does not parse");
    } else if (tag == kPayloadTag) {
      payload_slices.clear();
      if (!reader.ReadSlices(bytes, &payload_slices)) return Malformed("cut short");
    } else {
      return Malformed("unknown field");
    }
  }
  *payload = Payload(std::move(payload_slices));
  return absl::OkStatus();
}

absl::Status CheckSendable(const google::protobuf::MessageLite& message) {
  const size_t bytes = message.ByteSizeLong();
  if (bytes > static_cast<size_t>(kMaxMessageBytes)) {
    return InvalidArgumentError("a message of {} bytes, the limit is {}", bytes, kMaxMessageBytes);
  }
  return absl::OkStatus();
}

grpc::ByteBuffer EncodeMessage(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

absl::Status DecodeMessage(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return Malformed("unreadable buffer");
  std::string text;
  text.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  if (!message->ParseFromString(text)) return Malformed("message does not parse");
  return absl::OkStatus();
}

}  // namespace quern::rpc
