// Where a combiner emits to: checks that it stays under its group's key.
#pragma once

#include <functional>
#include <string_view>

#include "common/status.h"
#include "mapreduce/api/emit_buffer.h"
#include "mapreduce/api/reduce_input.h"
#include "mapreduce/engine/engine_error.h"

namespace quern::mr {

// Opens no window: every Append comes through, which is cheap enough for what is left after
// combining.
class CombinerOutput final : public EmitBuffer {
 public:
  using Forward = std::function<absl::Status(std::string_view key, std::string_view value)>;
  CombinerOutput(const ReduceInput* group, Forward forward)
      : group_(group), forward_(std::move(forward)) {}

 private:
  void AppendSlow(std::string_view key, std::string_view value) override {
    // Another key could belong to another partition, or break the order of a sorted run.
    const absl::Status status =
        key == group_->key()
            ? forward_(key, value)
            : InvalidArgumentError("a combiner may emit only under its group's key");
    if (!status.ok()) throw EngineError(status);
  }

  const ReduceInput* const group_;
  const Forward forward_;
};

}  // namespace quern::mr
