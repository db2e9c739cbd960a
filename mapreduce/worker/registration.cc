#include "mapreduce/worker/registration.h"

#include <utility>

namespace quern::mr {
namespace {

using Register = pb::WorkerMessage::Register;

// Field number and length of an entry.
constexpr size_t kEntryOverhead = 6;

class Splitter {
 public:
  Splitter(Register first, size_t max_bytes) : max_bytes_(max_bytes) { Open(std::move(first)); }

  // Moves `entries` to the ends of the lists that `add` finds in a piece.
  template <typename Entries, typename Add>
  void Move(Entries entries, Add add) {
    for (auto& entry : entries) {
      const size_t bytes = entry.ByteSizeLong() + kEntryOverhead;
      if (bytes_ + bytes > max_bytes_ && has_entries_) Open({});
      *add(&pieces_.back()) = std::move(entry);
      bytes_ += bytes;
      has_entries_ = true;
    }
  }
  std::vector<Register> Take() { return std::move(pieces_); }

 private:
  void Open(Register piece) {
    if (!pieces_.empty()) pieces_.back().set_more(true);
    bytes_ = piece.ByteSizeLong();
    has_entries_ = false;
    pieces_.push_back(std::move(piece));
  }

  const size_t max_bytes_;
  std::vector<Register> pieces_;
  size_t bytes_ = 0;  // of the last piece
  bool has_entries_ = false;
};

}  // namespace

std::vector<Register> SplitRegistration(Register whole, size_t max_bytes) {
  auto held = std::exchange(*whole.mutable_held(), {});
  auto running = std::exchange(*whole.mutable_running(), {});
  auto ended = std::exchange(*whole.mutable_ended(), {});
  Splitter splitter(std::move(whole), max_bytes);
  splitter.Move(std::move(held), [](Register* piece) { return piece->add_held(); });
  splitter.Move(std::move(running), [](Register* piece) { return piece->add_running(); });
  splitter.Move(std::move(ended), [](Register* piece) { return piece->add_ended(); });
  return splitter.Take();
}

}  // namespace quern::mr
