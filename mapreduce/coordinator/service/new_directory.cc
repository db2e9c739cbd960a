#include "mapreduce/coordinator/service/new_directory.h"

#include "common/log.h"

namespace quern::mr {
namespace {

// The day in the ids may change between two.
constexpr int kTries = 3;

absl::Status CheckIsFree(const std::string& path, PublishFiles* files) {
  const absl::Status found = files->Stat(path).status();
  if (found.ok()) return AlreadyExistsError("{}: is there already. Try: again", path);
  return absl::IsNotFound(found) ? absl::OkStatus() : found;
}

absl::Status MakeOne(std::string_view parent, const std::string& path, PublishFiles* files) {
  absl::Status made = files->Mkdir(path);
  if (!absl::IsNotFound(made)) return made;
  RETURN_IF_ERROR(files->Mkdirs(std::string(parent)));
  return files->Mkdir(path);
}

// That it is free is asked before anything is written down, and again by making it: in between
// somebody may come who knows nothing of this journal.
absl::Status TakeOne(std::string_view parent, const std::string& id, const IdSteps& steps,
                     PublishFiles* files) {
  const std::string path = fmt::format("{}/{}", parent, id);
  RETURN_IF_ERROR(CheckIsFree(path, files));
  steps.announce(id);
  const absl::Status made = MakeOne(parent, path, files);
  if (!made.ok()) steps.withdraw(made);
  return made;
}

// Names of what is there, as far as they differ from the id in the number at their end.
absl::StatusOr<std::vector<std::string>> FindAlike(std::string_view parent, std::string_view id,
                                                   PublishFiles* files) {
  const std::string_view begin = id.substr(0, id.rfind('-') + 1);
  ASSIGN_OR_RETURN(const std::vector<PublishFiles::Entry> entries,
                   files->List(std::string(parent)));
  std::vector<std::string> names;
  for (const PublishFiles::Entry& entry : entries) {
    if (entry.name().starts_with(begin)) names.push_back(entry.name());
  }
  return names;
}

}  // namespace

absl::StatusOr<std::string> MakeNewDirectory(std::string_view parent, const IdSteps& steps,
                                             PublishFiles* files) {
  std::vector<std::string> taken;
  for (int tries = 1;; ++tries) {
    const std::string id = steps.next(taken);
    const absl::Status took = TakeOne(parent, id, steps, files);
    if (took.ok()) return id;
    if (!absl::IsAlreadyExists(took) || tries == kTries) return took;
    LogWarning("id_is_taken", {{"id", id}});
    ASSIGN_OR_RETURN(taken, FindAlike(parent, id, files));
  }
}

absl::Status MakeAnnouncedDirectory(std::string_view parent, std::string_view id,
                                    PublishFiles* files) {
  absl::Status made = MakeOne(parent, fmt::format("{}/{}", parent, id), files);
  return absl::IsAlreadyExists(made) ? absl::OkStatus() : made;
}

}  // namespace quern::mr
