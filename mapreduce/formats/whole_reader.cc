#include "mapreduce/formats/whole_reader.h"

namespace quern::mr {

bool WholeReader::Next() {
  if (done_) return false;
  done_ = true;
  while (true) {
    const auto piece = stream_->Next();
    if (!piece.ok()) return Fail(piece.status());
    if (piece->empty()) break;
    if (contents_.size() + piece->size() > most_bytes_) {
      contents_.Clear();
      SetAside(kTooLargeReason);
      return false;
    }
    if (const absl::Status status = contents_.Append(*piece); !status.ok()) return Fail(status);
  }
  if (stream_->damaged()) {
    SetAside(kBadMember);
    return false;
  }
  const auto view = contents_.View();
  if (!view.ok()) return Fail(view.status());
  SetKey(path_);
  value_ = *view;
  return true;
}

}  // namespace quern::mr
