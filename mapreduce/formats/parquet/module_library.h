// Finds and loads libquern_parquet.so, which a build without Arrow's libraries does not have.
#pragma once

#include <string>

#include "common/status.h"
#include "mapreduce/formats/parquet/module_interface.h"

namespace quern::mr::parquet {

// ../lib/quern/formats/libquern_parquet.so beside this program.
std::string ModulePath();

// OK when a file is there; loads nothing. FailedPrecondition, with what to do, when there is none.
absl::Status CheckModule(const std::string& path);

// Loaded at the first call and kept; a failure is kept too. May be called by any thread.
absl::StatusOr<const Module*> LoadModule();

// What went wrong in the module, as a status: DataLoss, InvalidArgument or ResourceExhausted;
// `stopped` when source or sink have failed.
absl::Status ToStatus(const Trouble& trouble, const absl::Status& stopped);

}  // namespace quern::mr::parquet
