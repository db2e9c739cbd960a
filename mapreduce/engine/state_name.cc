#include "mapreduce/engine/state_name.h"

#include <string_view>

namespace quern::mr {
namespace {

std::string WithoutPrefix(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

}  // namespace

std::string StateName(pb::JobState state) {
  return WithoutPrefix(pb::JobState_Name(state), "JOB_STATE_");
}

std::string StateName(pb::AttemptState state) {
  return WithoutPrefix(pb::AttemptState_Name(state), "ATTEMPT_STATE_");
}

std::string StateName(pb::JobStatus::Stage::State state) {
  return WithoutPrefix(pb::JobStatus::Stage::State_Name(state), "STATE_");
}

}  // namespace quern::mr
