// The engine's side of quern_group: a key and its values, as a reducer or combiner sees them.
#pragma once

#include <cstdint>
#include <string_view>

#include "mapreduce/api/quern.h"

namespace quern::mr {

// Used by one thread.
class GroupSource {
 public:
  virtual ~GroupSource() = default;
  GroupSource(const GroupSource&) = delete;
  GroupSource& operator=(const GroupSource&) = delete;

  quern_group* group() { return &group_; }
  std::string_view key() const { return {group_.key.data, group_.key.size}; }

 protected:
  GroupSource() = default;

  // Moves to the next run of equal values with SetRun; false when there is none.
  virtual bool NextRun() = 0;

  void StartGroup(std::string_view key) {
    group_.key = {key.data(), key.size()};
    group_.record_key = group_.key;
  }
  // The first or next run: `value`, `repeats` times (at least once).
  void SetRun(std::string_view value, uint64_t repeats) {
    group_.value = {value.data(), value.size()};
    group_.repeats = repeats;
  }
  // The whole key of the present value, where it is longer than the group's.
  void SetRecordKey(std::string_view key) { group_.record_key = {key.data(), key.size()}; }
  void EndValues() { group_.repeats = 0; }
  bool has_value() const { return group_.repeats > 0; }

 private:
  struct Group : quern_group {
    explicit Group(GroupSource* of) : quern_group(), owner(of) {
      size = sizeof(quern_group);
      next_run = Next;
    }
    GroupSource* const owner;
  };
  static void Next(quern_group* group) noexcept {
    GroupSource* const source = static_cast<Group*>(group)->owner;
    if (!source->NextRun()) source->EndValues();
  }

  Group group_{this};
};

}  // namespace quern::mr
