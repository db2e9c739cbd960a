#include "mapreduce/task/lender.h"

#include <fmt/format.h>

#include <utility>

#include "common/clean_text.h"

namespace quern::mr {
namespace {

constexpr size_t kShownOfKey = 100;
constexpr size_t kShownOfName = 200;

std::string_view View(quern_bytes bytes) { return {bytes.data, bytes.size}; }

std::string PlaceOf(const quern_record& record) {
  const std::string_view path = View(record.source->path);
  return fmt::format("the record at {}:{}", CleanTail(path, kShownOfName), record.offset);
}

std::string KeyText(std::string_view key) {
  return fmt::format("the key '{}'", CleanLine(key, kShownOfKey));
}

}  // namespace

Lender::Lender(LentMemory* memory, const quern_class& of, std::string attempt)
    : memory_(memory),
      class_name_(of.name),
      reduce_(of.kind == QUERN_COMBINER ? "Combine" : "Reduce"),
      attempt_(std::move(attempt)) {}

std::string_view Lender::Lend(std::string_view bytes, std::string_view what,
                              std::string_view call) {
  loans_.push_back(memory_->Lend(bytes, fmt::format("{}::{}", class_name_, call),
                                 fmt::format("{} ({})", what, attempt_),
                                 fmt::format("{} had returned", call)));
  return loans_.back().bytes;
}

quern_bytes Lender::Lend(quern_bytes bytes, std::string_view what, std::string_view call) {
  const std::string_view lent = Lend(View(bytes), what, call);
  return {lent.data(), lent.size()};
}

void Lender::TakeBack() {
  for (const LentMemory::Loan& loan : loans_) memory_->TakeBack(loan);
  loans_.clear();
}

std::string_view Lender::LendHeader(std::string_view value, std::string_view name) {
  // Outside of a call there is no record that it could be of.
  if (value.empty() || call_.empty()) return value;
  return Lend(value, fmt::format("the header {} of a record", CleanLine(name, kShownOfName)),
              call_);
}

quern_source Lender::LendSource(const quern_source& source, std::string_view call) {
  quern_source lent = source;
  lent.path = Lend(source.path, "the path of a record", call);
  return lent;
}

quern_record Lender::LendRecord(const quern_record& record, const quern_source* source,
                                std::string_view call) {
  const std::string place = PlaceOf(record);
  const std::string digits = std::to_string(record.offset);
  // What would be made of the offset where it is asked for could not be taken back.
  const std::string_view key = record.key.data == nullptr ? digits : View(record.key);
  const std::string_view lent_key = Lend(key, fmt::format("the key of {}", place), call);
  quern_record lent = record;
  lent.key = {lent_key.data(), lent_key.size()};
  lent.value = Lend(record.value, fmt::format("the value of {}", place), call);
  lent.source = source;
  return lent;
}

int Lender::Map(const quern_record& record, const std::function<int(const quern_record*)>& call) {
  call_ = "Map";
  const quern_source source = LendSource(*record.source, call_);
  const quern_record lent = LendRecord(record, &source, call_);
  const int result = call(&lent);
  TakeBack();
  call_.clear();
  return result;
}

int Lender::MapBatch(quern_batch* batch, const std::function<int(quern_batch*)>& call) {
  call_ = "MapBatch";
  const quern_source source = LendSource(*batch->records[0]->source, call_);
  std::vector<quern_record> records;
  std::vector<const quern_record*> pointers;
  records.reserve(batch->count);
  for (uint32_t i = 0; i < batch->count; ++i) {
    pointers.push_back(&records.emplace_back(LendRecord(*batch->records[i], &source, call_)));
  }
  quern_batch lent = *batch;
  lent.records = pointers.data();
  const int result = call(&lent);
  batch->at = lent.at;
  TakeBack();
  call_.clear();
  return result;
}

int Lender::Reduce(quern_group* group, const std::function<int(quern_group*)>& call) {
  LentGroup lent(this, group);
  const int result = call(&lent);
  lent.TakeValueBack();
  TakeBack();
  return result;
}

// Of a run of equal values, too, each is lent alone: a run of one at a time.
Lender::LentGroup::LentGroup(Lender* to_lend, quern_group* group)
    : quern_group(), lender(to_lend), of(group) {
  size = sizeof(quern_group);
  next_run = NextValue;
  key = lender->Lend(of->key, KeyText(View(of->key)), lender->reduce_);
  record_key = key;
  if (of->repeats > 0) LendValue();
}

void Lender::LentGroup::LendValue() {
  repeats = 1;
  ++number;
  const std::string borrower = fmt::format("{}::{}", lender->class_name_, lender->reduce_);
  const std::string place =
      fmt::format("value {} of {} ({})", number, KeyText(View(key)), lender->attempt_);
  const std::string until = "the next value was taken or " + lender->reduce_ + " had returned";
  loans[0] = lender->memory_->Lend(View(of->value), borrower, place, until);
  loans[1] =
      lender->memory_->Lend(View(of->record_key), borrower, "the whole key of " + place, until);
  value = {loans[0].bytes.data(), loans[0].bytes.size()};
  record_key = {loans[1].bytes.data(), loans[1].bytes.size()};
}

void Lender::LentGroup::TakeValueBack() {
  for (LentMemory::Loan& loan : loans) lender->memory_->TakeBack(std::exchange(loan, {}));
}

void Lender::NextValue(quern_group* group) noexcept {
  auto* const lent = static_cast<LentGroup*>(group);
  lent->TakeValueBack();
  quern_next_value(lent->of);
  if (lent->of->repeats > 0) {
    lent->LendValue();
  } else {
    lent->repeats = 0;
  }
}

}  // namespace quern::mr
