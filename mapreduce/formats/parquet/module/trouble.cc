#include "mapreduce/formats/parquet/module/trouble.h"

#include <parquet/exception.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace quern::mr::parquet {

namespace {

class WrongDetail final : public arrow::StatusDetail {
 public:
  static constexpr char kId[] = "quern::wrong";
  const char* type_id() const override { return kId; }
  std::string ToString() const override { return kId; }
};

Problem ProblemOf(const arrow::Status& status) {
  if (status.ok()) return Problem::kNone;
  const auto& detail = status.detail();
  if (detail != nullptr && std::strcmp(detail->type_id(), WrongDetail::kId) == 0) {
    return Problem::kWrong;
  }
  if (status.IsOutOfMemory()) return Problem::kMemory;
  return status.IsCancelled() ? Problem::kStopped : Problem::kDamaged;
}

}  // namespace

arrow::Status Wrong(const std::string& what) {
  return {arrow::StatusCode::Invalid, what, std::make_shared<WrongDetail>()};
}

arrow::Status Stopped() { return arrow::Status::Cancelled("the file of the task has failed"); }

void Tell(const arrow::Status& status, Trouble* trouble) {
  trouble->problem = ProblemOf(status);
  const std::string& text = status.message();
  size_t size = std::min(text.size(), sizeof(trouble->text) - 1);
  while (size > 0 && text[size - 1] == '\n') --size;  // Thrift's end with it
  std::memcpy(trouble->text, text.data(), size);
  trouble->text[size] = '\0';
}

}  // namespace quern::mr::parquet
