// Memory of its own for what user code is only lent: `mr run --local --check`.
//
//   | closed | ...      bytes of a loan| guard | closed
//            ^ first page              ^ never open
//
// A loan can be read until it is taken back. From then on its pages are closed, and they are used
// again only after all others were, so that whoever has kept a view of it faults. What reads past
// its end faults as well, and what writes into it. A fault says in a FaultNote what it was.
#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/fd.h"
#include "common/mutex.h"
#include "common/status.h"

namespace quern::mr {

// What a process died of, for whoever waits for it.
class FaultNote {
 public:
  // In memory that is shared with children that are forked later.
  FaultNote();
  // In a file.
  explicit FaultNote(const std::string& path);

  // Adds a line; of several threads that fault at once, each. Takes no memory and no lock: for
  // handlers of signals.
  void Add(std::span<const std::string_view> parts) const;
  // The first line, without its end. Empty when there was no fault.
  std::string Read() const;
  int fd() const { return file_.get(); }

 private:
  const UniqueFd file_;
};

// Thread-safe. One at a time in a process, whose SIGSEGV it handles as long as it lives.
class LentMemory {
 public:
  struct Loan {
    uint32_t first_page = 0;
    bool is_copy = false;  // else it is what was to be lent
    std::string_view bytes;
  };

  // Each splits mappings of the process in two places, and the system allows 65530 of those, which
  // user code needs as well.
  static constexpr uint32_t kMaxLoans = 16'384;

  // `note` is borrowed.
  static absl::StatusOr<std::unique_ptr<LentMemory>> Create(const FaultNote* note);
  ~LentMemory();
  LentMemory(const LentMemory&) = delete;
  LentMemory& operator=(const LentMemory&) = delete;

  // `what` ("the value of the record at file:///in:4711") is lent to `borrower` ("Words::Map")
  // until something has happened ("it had returned"). Lent as it is where there is no room for it:
  // above 64 MiB, beside kMaxLoans others, or when the system gives no memory.
  Loan Lend(std::string_view bytes, std::string borrower, std::string what, std::string until);
  void TakeBack(const Loan& loan);

  // What an access of user code to this address is; empty for one outside of all loans.
  std::string Describe(const void* address) const;

 private:
  struct Slot {
    uint32_t pages = 0;  // without the guard
    bool is_lent = false;
    std::string borrower;
    std::string what;
    std::string until;
  };
  static constexpr uint32_t kPages = 65536;
  // What Describe says, in pieces. Takes no memory and no lock.
  using Sentence = std::array<std::string_view, 5>;

  LentMemory(char* base, size_t page_bytes, const FaultNote* note);
  // The first of so many pages, one behind another, that nobody has; kPages: there are none.
  uint32_t FindFree(uint32_t pages) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint32_t EndOfLoanIn(uint32_t first, uint32_t pages) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Sentence SentenceOf(const void* address) const;
  static void OnFault(int number, siginfo_t* info, void* context);

  char* const base_;
  const size_t page_bytes_;
  const FaultNote* const note_;
  mutable Mutex mutex_;
  uint32_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t lent_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of each page the first one of the loan that it was last part of, and at that one the loan. Read
  // without the lock by the handler of a fault, which may have come at any place.
  const std::unique_ptr<uint32_t[]> first_of_;
  const std::unique_ptr<Slot[]> slots_;
};

}  // namespace quern::mr
