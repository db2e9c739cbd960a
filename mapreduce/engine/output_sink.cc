#include "mapreduce/engine/output_sink.h"

#include "mapreduce/engine/engine_error.h"

namespace quern::mr {

void OutputSink::AppendSlow(std::string_view key, std::string_view value) {
  if (status_.ok()) [[likely]]
    status_ = writer_->Append(key, value);
  if (!status_.ok()) [[unlikely]]
    throw EngineError(status_);
  ++records_;
}

absl::Status OutputSink::Close() {
  RETURN_IF_ERROR(status_);
  RETURN_IF_ERROR(writer_->Close());
  return file_->Close();
}

}  // namespace quern::mr
