#include "common/rpc/unary.h"

namespace quern::rpc {
namespace {

constexpr char kAnswered[] = "answered";
constexpr char kTooManyCalls[] = "the server has as many calls as it takes at a time";

// gRPC's words for a call that found all threads taken (ServerOptions::max_unary_threads). By them
// and not by its code alone, which handlers and the limits of messages have as well.
bool FoundNoThread(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
         status.error_message() == "Server Threadpool Exhausted";
}

bool Says(const absl::Status& status, std::string_view part) {
  return Message(status).find(part) != std::string_view::npos;
}

}  // namespace

absl::Status StatusOfCall(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::CANCELLED && status.error_message().empty()) {
    return UnavailableError("the server ended the call: it is being stopped");
  }
  if (FoundNoThread(status)) return UnavailableError("{}", kTooManyCalls);
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
         Says(status, "DNS resolution failed") || Says(status, kTooManyCalls);
}

std::string_view WhyNoAnswer(const absl::Status& status) {
  if (Says(status, "Connection refused")) return "nobody listens there";
  if (Says(status, "DNS resolution failed")) return "there is no machine of that name";
  if (Says(status, "SETTINGS frame")) return "it takes connections, but says nothing";
  if (Says(status, kTooManyCalls)) return "it has too much to do";
  if (absl::IsDeadlineExceeded(status)) return "it is slow, or hangs";
  return "it cannot be reached";
}

}  // namespace quern::rpc
