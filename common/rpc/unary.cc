#include "common/rpc/unary.h"

namespace quern::rpc {

absl::Status StatusOfCall(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::CANCELLED && status.error_message().empty()) {
    return UnavailableError("the server ended the call: it is being stopped");
  }
  return FromGrpc(status);
}

std::string_view WhyNoAnswer(const absl::Status& status) {
  const auto says = [said = Message(status)](std::string_view part) {
    return said.find(part) != std::string_view::npos;
  };
  if (says("Connection refused")) return "nobody listens there";
  if (says("DNS resolution failed")) return "there is no machine of that name";
  if (says("SETTINGS frame")) return "it takes connections, but says nothing";
  if (absl::IsDeadlineExceeded(status)) return "it is slow, or hangs";
  return "it cannot be reached";
}

}  // namespace quern::rpc
