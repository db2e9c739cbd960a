#include "mapreduce/engine/combine_sink.h"

#include <cstring>

#include "mapreduce/engine/engine_error.h"

namespace quern::mr {

namespace {

constexpr size_t kWindowBytes = 32 << 10;
// Records whose slots are fetched into the cache together.
constexpr size_t kBatch = 32;
// Fewer records than this for one after combining: grouping costs more than it saves.
constexpr double kWorthwhileReduction = 1.3;

struct RecordView {
  CombineTable::Probe probe;
  std::string_view key;
  std::string_view value;
};

}  // namespace

CombineSink::CombineSink(size_t table_bytes, Combiner* combiner, SortSink* next,
                         RecordPositionWriter* position, WorkSteps* steps)
    : CombineSink(table_bytes, combiner, nullptr, next, position, steps) {}

CombineSink::CombineSink(size_t table_bytes, Fold* fold, SortSink* next,
                         RecordPositionWriter* position, WorkSteps* steps)
    : CombineSink(table_bytes, nullptr, fold, next, position, steps) {}

CombineSink::CombineSink(size_t table_bytes, Combiner* combiner, Fold* fold, SortSink* next,
                         RecordPositionWriter* position, WorkSteps* steps)
    : table_(table_bytes, fold),
      combiner_(combiner),
      fold_(fold),
      next_(next),
      position_(position),
      steps_(steps),
      window_(std::make_unique_for_overwrite<char[]>(kWindowBytes + CombineTable::kReadableBytes)),
      state_(fold == nullptr ? 0 : (fold->state_bytes() + 7) / 8) {
  SetWindow(window_.get(), window_.get() + kWindowBytes);
}

void CombineSink::AppendSlow(std::string_view key, std::string_view value) {
  // What the mapper is at is none of the records that come to the user's code now.
  const PhaseGuard guard(position_, RecordPhase::kCombine);
  TakeWindow();
  if (kRecordHeaderBytes + key.size() + value.size() <= kWindowBytes) {
    Append(key, value);
    return;
  }
  // Too few of them fit in the table to be worth grouping.
  ++input_records_;
  PassOn(key, value);
}

void CombineSink::PassOn(std::string_view key, std::string_view value) {
  if (fold_ == nullptr) return next_->Append(key, value);
  char* const state = reinterpret_cast<char*>(state_.data());
  fold_->Init(state);
  fold_->Add(state, value, 1);
  next_->Append(key, {state, fold_->state_bytes()});
}

void CombineSink::TakeWindow() {
  const char* const end = cursor();
  SetWindow(window_.get(), window_.get() + kWindowBytes);
  Take(window_.get(), end);
}

void CombineSink::Take(const char* at, const char* end) {
  RecordView batch[kBatch];
  while (at < end) {
    size_t count = 0;
    for (; count < kBatch && at < end; ++count) {
      uint32_t sizes[2];
      std::memcpy(sizes, at, sizeof(sizes));
      const char* const key = at + kRecordHeaderBytes;
      const std::string_view key_bytes(key, sizes[0]);
      batch[count] = {CombineTable::MakeProbe(key_bytes), key_bytes, {key + sizes[0], sizes[1]}};
      table_.Prefetch(batch[count].probe);
      at = key + sizes[0] + sizes[1];
    }
    for (size_t i = 0; i < count; ++i) Add(batch[i].probe, batch[i].key, batch[i].value);
    input_records_ += count;
  }
}

void CombineSink::Add(const CombineTable::Probe& probe, std::string_view key,
                      std::string_view value) {
  if (combining_ && table_.Add(probe, key, value)) return;
  if (combining_ && table_.groups() > 0) {
    combining_ = static_cast<double>(table_.records()) >=
                 kWorthwhileReduction * static_cast<double>(table_.groups());
    if (combining_ && table_.Widen() && table_.Add(probe, key, value)) return;
    Flush();
    if (combining_ && table_.Add(probe, key, value)) return;
  }
  PassOn(key, value);  // given up, or larger than the whole table
}

void CombineSink::Flush() {
  if (fold_ != nullptr) {
    FoldGroups();
  } else {
    CombineGroups();
  }
  table_.Clear();
}

void CombineSink::CombineGroups() {
  CombineTable::GroupCursor group(&table_);
  const Combiner::Take take = [this](std::string_view key, std::string_view value) {
    next_->Append(key, value);
    return absl::OkStatus();
  };
  while (group.NextGroup()) {
    if (steps_ != nullptr) steps_->Add();
    if (group.single()) {
      next_->Append(group.key(), group.only_value());
      continue;
    }
    if (const absl::Status status = combiner_->Combine(&group, take); !status.ok()) {
      throw EngineError(status);
    }
  }
}

void CombineSink::FoldGroups() {
  CombineTable::GroupCursor group(&table_);
  while (group.NextGroup()) {
    if (steps_ != nullptr) steps_->Add();
    next_->Append(group.key(), group.TakeState());
  }
}

void CombineSink::Finish() {
  const PhaseGuard guard(position_, RecordPhase::kCombine);
  TakeWindow();
  Flush();
}

}  // namespace quern::mr
