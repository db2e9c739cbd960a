#include "master/service/overlay.h"

#include <map>
#include <utility>

namespace quern::master {
namespace {

using RowMap = StringMap<std::optional<std::string>>;
using RangeMap = std::map<std::string_view, const std::optional<std::string>*>;

const RowMap& RowsOf(const WriteSet& set, Table table) {
  return set.rows[static_cast<size_t>(table)];
}

// Few rows are on their way at any time, so a range is found by looking at all of them.
void AddRange(const RowMap& rows, std::string_view from, std::string_view to, RangeMap* range) {
  for (const auto& [key, value] : rows) {
    if (key >= from && (to.empty() || key < to)) (*range)[key] = &value;
  }
}

}  // namespace

std::optional<std::string> Overlay::Get(Table table, std::string_view key) const {
  for (const WriteSet* set : {filling_.get(), flushing_.get()}) {
    const RowMap& rows = RowsOf(*set, table);
    const auto found = rows.find(key);
    if (found != rows.end()) return found->second;
  }
  return durable_->Get(table, key);
}

void Overlay::Scan(Table table, std::string_view from, std::string_view to,
                   const Visit& visit) const {
  RangeMap changed;
  AddRange(RowsOf(*flushing_, table), from, to, &changed);
  AddRange(RowsOf(*filling_, table), from, to, &changed);
  auto next = changed.begin();
  bool going_on = true;
  const auto visit_changed = [&] {
    if (next->second->has_value()) going_on = visit(next->first, **next->second);
    ++next;
  };
  durable_->Scan(table, from, to, [&](std::string_view key, std::string_view value) {
    while (going_on && next != changed.end() && next->first < key) visit_changed();
    if (!going_on) return false;
    if (next != changed.end() && next->first == key) {
      visit_changed();
    } else {
      going_on = visit(key, value);
    }
    return going_on;
  });
  while (going_on && next != changed.end()) visit_changed();
}

void Overlay::Put(Table table, std::string key, std::string value) {
  filling_->rows[static_cast<size_t>(table)].insert_or_assign(std::move(key), std::move(value));
}

void Overlay::Delete(Table table, std::string key) {
  filling_->rows[static_cast<size_t>(table)].insert_or_assign(std::move(key), std::nullopt);
}

const WriteSet& Overlay::StartFlush() {
  flushing_ = std::move(filling_);
  filling_ = std::make_unique<WriteSet>();
  return *flushing_;
}

}  // namespace quern::master
