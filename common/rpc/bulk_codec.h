// Bulk messages {header = 1; bytes payload = 2} as raw buffers: the header is an ordinary protobuf
// message, the payload is never copied.
//
//   0x0a len header-bytes  0x12 len payload-bytes
//
// Wire-compatible with the .proto, so any gRPC client can take part.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::rpc {

// The payload of a decoded message: references into the received buffer.
class Payload {
 public:
  Payload() = default;
  explicit Payload(std::vector<grpc::Slice> slices);
  size_t size() const { return size_; }
  std::span<const grpc::Slice> slices() const { return slices_; }
  // CRC32C over all slices, continuing from `crc` (0 to begin).
  uint32_t Crc(uint32_t crc = 0) const;
  std::string ToString() const;
  void CopyTo(char* target) const;

 private:
  std::vector<grpc::Slice> slices_;
  size_t size_ = 0;
};

// The slices are shared, not copied, and may be read after the stream has failed: memory that is
// used again belongs into slices with a destroy function. A message without payload takes an empty
// span.
grpc::ByteBuffer EncodeBulk(const google::protobuf::MessageLite& header,
                            std::span<const grpc::Slice> payload);

// InvalidArgument for anything that is not of the shape.
absl::Status DecodeBulk(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* header,
                        Payload* payload);

// InvalidArgument when the other side would refuse the message because it is too long.
absl::Status CheckSendable(const google::protobuf::MessageLite& message);

// A whole ordinary message in a raw buffer.
grpc::ByteBuffer EncodeMessage(const google::protobuf::MessageLite& message);
absl::Status DecodeMessage(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message);

}  // namespace quern::rpc
