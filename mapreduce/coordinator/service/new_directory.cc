#include "mapreduce/coordinator/service/new_directory.h"

#include "common/log.h"

namespace quern::mr {
namespace {

// The day in the ids may change between two.
constexpr int kTries = 3;

absl::Status MakeOne(std::string_view parent, const std::string& id, PublishFiles* files) {
  const std::string path = fmt::format("{}/{}", parent, id);
  absl::Status made = files->Mkdir(path);
  if (!absl::IsNotFound(made)) return made;
  RETURN_IF_ERROR(files->Mkdirs(std::string(parent)));
  return files->Mkdir(path);
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

absl::StatusOr<std::string> MakeNewDirectory(std::string_view parent, const NextId& next_id,
                                             PublishFiles* files) {
  std::vector<std::string> taken;
  for (int tries = 1;; ++tries) {
    const std::string id = next_id(taken);
    const absl::Status made = MakeOne(parent, id, files);
    if (made.ok()) return id;
    if (!absl::IsAlreadyExists(made) || tries == kTries) return made;
    LogWarning("id_is_taken", {{"id", id}});
    ASSIGN_OR_RETURN(taken, FindAlike(parent, id, files));
  }
}

}  // namespace quern::mr
