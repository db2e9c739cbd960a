#include "mapreduce/task/skip_reasons.h"

#include "common/clean_text.h"
#include "common/status.h"

namespace quern::mr {

namespace {

constexpr size_t kMaxReasonBytes = 100;

}  // namespace

void SkipReasons::Add(std::string_view reason) {
  ++total_;
  const std::string name = reason.empty() ? "no reason" : CleanLine(reason, kMaxReasonBytes);
  if (const auto known = reasons_.find(name); known != reasons_.end()) {
    ++known->second;
  } else if (reasons_.size() < kMaxReasons) {
    reasons_[name] = 1;
  } else {
    ++reasons_["other reasons"];
  }
}

void SkipReasons::Export(std::string_view what, UserContext* context) const {
  if (total_ == 0) return;
  context->SetEngineCounter(what, total_);
  for (const auto& [reason, count] : reasons_) {
    context->SetEngineCounter(fmt::format("{}: {}", what, reason), count);
  }
}

}  // namespace quern::mr
