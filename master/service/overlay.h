// The durable rows with the changes of records that are on their way to the disk laid over them:
// the state in which decisions are made.
//
// Two generations: *flushing* is being written and does not change, *filling* takes new records.
// Reading newest first gives a consistent state although the store moves on in between, because a
// row stays in flushing until the store has it. Not thread-safe: the Committer guards it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "master/logic/rows.h"
#include "master/store/metadata_store.h"

namespace quern::master {

class Overlay : public RowReader, public RowWriter {
 public:
  // The newest durable rows; to be set anew for each decision, so that a failed read of an earlier
  // one does not count against it.
  void ReadFrom(std::unique_ptr<RowReader> durable) { durable_ = std::move(durable); }

  std::optional<std::string> Get(Table table, std::string_view key) const override;
  void Scan(Table table, std::string_view from, std::string_view to,
            const Visit& visit) const override;
  absl::Status status() const override { return durable_->status(); }

  void Put(Table table, std::string key, std::string value) override;
  void Delete(Table table, std::string key) override;

  // The changes that are collected at present.
  WriteSet& filling() { return *filling_; }
  // Hands the collected changes out for writing, and begins to collect anew. The result must stay
  // as it is until Flushed(), after which the durable rows must contain it.
  const WriteSet& StartFlush();
  void Flushed() { flushing_ = std::make_unique<WriteSet>(); }

 private:
  std::unique_ptr<RowReader> durable_;
  std::unique_ptr<WriteSet> filling_ = std::make_unique<WriteSet>();
  std::unique_ptr<WriteSet> flushing_ = std::make_unique<WriteSet>();
};

}  // namespace quern::master
