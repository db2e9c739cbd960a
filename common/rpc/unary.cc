#include "common/rpc/unary.h"

namespace quern::rpc {
namespace {

constexpr char kAnswered[] = "answered";

bool Says(const absl::Status& status, std::string_view part) {
  return Message(status).find(part) != std::string_view::npos;
}

}  // namespace

absl::Status StatusOfCall(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::CANCELLED && status.error_message().empty()) {
    return UnavailableError("the server ended the call: it is being stopped");
  }
  return FromGrpc(status);
}

grpc::Status AnswerOf(const absl::Status& status) {
  const grpc::Status plain = ToGrpc(status);
  return plain.ok() ? plain : grpc::Status(plain.error_code(), plain.error_message(), kAnswered);
}

bool IsAnswer(const grpc::Status& status) {
  return status.ok() || status.error_details() == kAnswered;
}

bool NeverReached(const absl::Status& status) {
  return Says(status, "failed to connect to all addresses") || Says(status, "Connection refused") ||
         Says(status, "DNS resolution failed");
}

std::string_view WhyNoAnswer(const absl::Status& status) {
  if (Says(status, "Connection refused")) return "nobody listens there";
  if (Says(status, "DNS resolution failed")) return "there is no machine of that name";
  if (Says(status, "SETTINGS frame")) return "it takes connections, but says nothing";
  if (absl::IsDeadlineExceeded(status)) return "it is slow, or hangs";
  return "it cannot be reached";
}

}  // namespace quern::rpc
