// Calls of one object of a user's class that are lent copies of what they are shown, each for as
// long as the interface promises and no longer (lent_memory.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/api/quern.h"
#include "mapreduce/task/lent_memory.h"

namespace quern::mr {

// Used by the task's thread.
class Lender {
 public:
  // `memory` is borrowed; `attempt` ("m-00017.0") is for messages.
  Lender(LentMemory* memory, const quern_class& of, std::string attempt);

  // Each makes the call with copies, takes them back, and returns what the call has.
  int Map(const quern_record& record, const std::function<int(const quern_record*)>& call);
  int MapBatch(quern_batch* batch, const std::function<int(quern_batch*)>& call);
  int Reduce(quern_group* group, const std::function<int(quern_group*)>& call);

  // A copy that is lent until TakeBack, to the function `call` of the class.
  std::string_view Lend(std::string_view bytes, std::string_view what, std::string_view call);
  quern_bytes Lend(quern_bytes bytes, std::string_view what, std::string_view call);
  void TakeBack();
  // Of the present record, until it has been mapped.
  std::string_view LendHeader(std::string_view value, std::string_view name);

 private:
  // A group whose values are lent one at a time.
  struct LentGroup : quern_group {
    LentGroup(Lender* lender, quern_group* group);
    void LendValue();
    void TakeValueBack();
    Lender* const lender;
    quern_group* const of;
    uint64_t number = 0;  // of the present value, from 1
    LentMemory::Loan loans[2];
  };
  static void NextValue(quern_group* group) noexcept;

  quern_record LendRecord(const quern_record& record, const quern_source* source,
                          std::string_view call);
  quern_source LendSource(const quern_source& source, std::string_view call);

  LentMemory* const memory_;
  const std::string class_name_;
  const std::string reduce_;  // what its function over a group is called
  const std::string attempt_;
  std::string call_;  // the present one
  std::vector<LentMemory::Loan> loans_;
};

}  // namespace quern::mr
