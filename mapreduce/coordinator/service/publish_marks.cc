#include "mapreduce/coordinator/service/publish_marks.h"

namespace quern::mr {

PublishMarks::PublishMarks(std::string_view dir, PublishFiles* files)
    : pending_(fmt::format("{}/.pending", dir)),
      appeared_(fmt::format("{}/.appeared", dir)),
      beside_(fmt::format("{}/.beside", dir)),
      withdrawn_(fmt::format("{}/.withdrawn", dir)),
      files_(files) {}

absl::StatusOr<PublishMarks::Fate> PublishMarks::Find() const {
  ASSIGN_OR_RETURN(const bool appeared, Has(appeared_));
  if (appeared) return Fate::kAppeared;
  ASSIGN_OR_RETURN(const bool is_beside, Has(beside_));
  if (is_beside) return Fate::kBeside;
  for (const std::string* mark : {&pending_, &withdrawn_}) {
    ASSIGN_OR_RETURN(const bool is_there, Has(*mark));
    if (is_there) return Fate::kOpen;
  }
  return Fate::kUnmarked;
}

absl::Status PublishMarks::Begin() const {
  // The directory around it is nearly always there: to look for that costs a question each time.
  const absl::Status made = files_->Mkdir(pending_);
  if (absl::IsAlreadyExists(made)) return absl::OkStatus();
  return absl::IsNotFound(made) ? files_->Mkdirs(pending_) : made;
}

absl::StatusOr<PublishMarks::Fate> PublishMarks::Withdraw() const {
  // Moved, not removed: that there was one says that no earlier version has to be asked after.
  const absl::Status moved = files_->Rename(pending_, withdrawn_, /*replace=*/true);
  if (!moved.ok() && !absl::IsNotFound(moved)) return moved;
  return Find();
}

absl::StatusOr<bool> PublishMarks::Has(const std::string& mark) const {
  const absl::Status found = files_->Stat(mark).status();
  if (!found.ok() && !absl::IsNotFound(found)) return found;
  return found.ok();
}

}  // namespace quern::mr
