// Errors on this side of the border: Arrow's own, and those that say that a request or a record is
// wrong rather than the file.
#pragma once

#include <arrow/status.h>

#include <exception>
#include <new>
#include <string>

#include "mapreduce/formats/parquet/module_interface.h"

namespace quern::mr::parquet {

// Of what was asked for, or of a record that was given.
arrow::Status Wrong(const std::string& what);
// Of a source or sink that has failed.
arrow::Status Stopped();

// What `status` is on the other side.
void Tell(const arrow::Status& status, Trouble* trouble);

// Runs `call`, which returns a status, and tells what came of it; true for OK. Arrow's Parquet
// library throws, and no exception may cross the border.
template <typename Call>
bool Guard(Trouble* trouble, Call call) noexcept {
  arrow::Status status;
  try {
    status = call();
  } catch (const std::bad_alloc&) {
    status = arrow::Status::OutOfMemory("takes more memory than there is");
  } catch (const std::exception& error) {
    status = arrow::Status::IOError(error.what());
  } catch (...) {
    status = arrow::Status::IOError("Arrow threw something that is no std::exception");
  }
  Tell(status, trouble);
  return status.ok();
}

}  // namespace quern::mr::parquet
