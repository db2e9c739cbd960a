#include "mapreduce/task/lent_memory.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace quern::mr {
namespace {

// What stands in front of a loan in its first page: nobody takes it for data.
constexpr int kFiller = 0xdb;

// Whose faults are described, and what handled them before.
std::atomic<const LentMemory*> watched;
struct sigaction handled_before;

absl::Status NoAddresses(int error_number, size_t bytes) {
  const absl::Status why = ErrnoStatus(error_number, "memory for --check");
  return MakeStatus(why.code(),
                    fmt::format("{}: {} MiB of addresses are more than this process may have. Try: "
                                "ulimit -v unlimited before it, or no --check",
                                Message(why), bytes >> 20));
}

}  // namespace

FaultNote::FaultNote() : file_(memfd_create("quern-fault", MFD_CLOEXEC)) {}

FaultNote::FaultNote(const std::string& path)
    : file_(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {}

void FaultNote::Add(std::span<const std::string_view> parts) const {
  std::array<iovec, 8> pieces = {};
  const size_t count = std::min(parts.size(), pieces.size() - 1);
  for (size_t i = 0; i < count; ++i) {
    pieces[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
  }
  char end[] = "\n";
  pieces[count] = {end, 1};
  [[maybe_unused]] const ssize_t n =
      writev(file_.get(), pieces.data(), static_cast<int>(count + 1));
}

std::string FaultNote::Read() const {
  char text[4096];
  const ssize_t got = pread(file_.get(), text, sizeof(text), 0);
  if (got <= 0) return "";
  const std::string_view lines(text, static_cast<size_t>(got));
  return std::string(lines.substr(0, lines.find('\n')));
}

absl::StatusOr<std::unique_ptr<LentMemory>> LentMemory::Create(const FaultNote* note) {
  const auto page_bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const base = mmap(nullptr, kPages * page_bytes, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return NoAddresses(errno, kPages * page_bytes);
  std::unique_ptr<LentMemory> memory(new LentMemory(static_cast<char*>(base), page_bytes, note));
  struct sigaction action = {};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  watched = memory.get();
  sigaction(SIGSEGV, &action, &handled_before);
  return memory;
}

LentMemory::LentMemory(char* base, size_t page_bytes, const FaultNote* note)
    : base_(base),
      page_bytes_(page_bytes),
      note_(note),
      first_of_(new uint32_t[kPages]()),
      slots_(new Slot[kPages]) {}

LentMemory::~LentMemory() {
  sigaction(SIGSEGV, &handled_before, nullptr);
  watched = nullptr;
  munmap(base_, kPages * page_bytes_);
}

LentMemory::Loan LentMemory::Lend(std::string_view bytes, std::string borrower, std::string what,
                                  std::string until) {
  const Loan as_it_is = {0, false, bytes};
  const size_t pages_needed = std::max<size_t>((bytes.size() + page_bytes_ - 1) / page_bytes_, 1);
  if (pages_needed > kPages / 4) return as_it_is;
  const auto pages = static_cast<uint32_t>(pages_needed);
  MutexLock lock(&mutex_);
  if (lent_ == kMaxLoans) return as_it_is;
  const uint32_t first = FindFree(pages + 1);
  if (first == kPages) return as_it_is;
  char* const begin = base_ + first * page_bytes_;
  char* const end = begin + pages * page_bytes_;
  if (mprotect(begin, pages * page_bytes_, PROT_READ | PROT_WRITE) != 0) return as_it_is;
  char* const to = end - bytes.size();
  std::memset(begin, kFiller, static_cast<size_t>(to - begin));
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  mprotect(begin, pages * page_bytes_, PROT_READ);
  std::fill_n(&first_of_[first], pages + 1, first);
  slots_[first] = {pages, true, std::move(borrower), std::move(what), std::move(until)};
  next_ = first + pages + 1;
  ++lent_;
  return {first, true, {to, bytes.size()}};
}

void LentMemory::TakeBack(const Loan& loan) {
  if (!loan.is_copy) return;
  MutexLock lock(&mutex_);
  Slot& slot = slots_[loan.first_page];
  slot.is_lent = false;
  --lent_;
  // Closes the pages and gives their memory back.
  mmap(base_ + loan.first_page * page_bytes_, slot.pages * page_bytes_, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

uint32_t LentMemory::FindFree(uint32_t pages) const {
  bool from_start = false;
  for (uint32_t at = next_;;) {
    if (at + pages > kPages) {
      if (from_start) return kPages;
      from_start = true;
      at = 0;
    }
    const uint32_t taken_until = EndOfLoanIn(at, pages);
    if (taken_until == 0) return at;
    at = taken_until;
  }
}

// Where the first one ends that has any of these pages; 0: nobody has.
uint32_t LentMemory::EndOfLoanIn(uint32_t first, uint32_t pages) const {
  for (uint32_t page = first; page < first + pages; ++page) {
    const Slot& slot = slots_[first_of_[page]];
    const uint32_t end = first_of_[page] + slot.pages + 1;
    if (slot.is_lent && page < end) return end;
  }
  return 0;
}

std::string LentMemory::Describe(const void* address) const {
  return fmt::format("{}", fmt::join(SentenceOf(address), ""));
}

LentMemory::Sentence LentMemory::SentenceOf(const void* address) const {
  const char* const at = static_cast<const char*>(address);
  if (at < base_ || at >= base_ + kPages * page_bytes_) return {};
  const auto page = static_cast<uint32_t>(static_cast<size_t>(at - base_) / page_bytes_);
  const uint32_t first = first_of_[page];
  const Slot& slot = slots_[first];
  // Others may have had what lies behind it now.
  if (slot.pages == 0 || page < first || page - first > slot.pages) return {};
  if (!slot.is_lent) {
    return {slot.borrower, " kept a view of ", slot.what, " and it was used after ", slot.until};
  }
  if (page - first == slot.pages) return {slot.borrower, " read past the end of ", slot.what};
  return {slot.borrower, " wrote into ", slot.what, ", which is only to be read"};
}

// The access is made again when this returns, by a process that nothing holds any more. Of the
// access itself nobody knows what it is part of, so nothing here waits or takes memory.
void LentMemory::OnFault(int number, siginfo_t* info, void*) {
  const LentMemory* const memory = watched.load();
  const bool was_sent = info->si_code <= 0;  // by somebody, and not for an access
  if (memory != nullptr && !was_sent) {
    const Sentence sentence = memory->SentenceOf(info->si_addr);
    if (!sentence[0].empty()) memory->note_->Add(sentence);
  }
  sigaction(SIGSEGV, &handled_before, nullptr);
  if (was_sent) raise(number);
}

}  // namespace quern::mr
