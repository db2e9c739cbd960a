// Ids of new jobs and pipelines, each with a directory of its own.
//
// An id is written down before its directory is made: whoever dies in between leaves nothing in the
// file system that nobody knows, and his successor makes the directory. What the successor finds
// there is his own: it was free when the id was written down, and a file system has one
// coordinator.
//
// The journal knows which ids are given out; a coordinator that has lost its disk begins to count
// anew, and what it then finds under an id is of the lost one, whose workers may still write there.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/coordinator/service/publisher.h"

namespace quern::mr {

struct IdSteps {
  // Another id at each call, never one of `taken`.
  std::function<std::string(const std::vector<std::string>& taken)> next;
  // Writes down, durably, what the id is given to.
  std::function<void(const std::string& id)> announce;
  // Takes back what was announced last. AlreadyExists: what is there under its id is somebody
  // else's, and stays. Others: the directory may have been made all the same, and is to be removed.
  std::function<void(const absl::Status& why)> withdraw;
};

// The first id under which nothing was in `parent`; now it is announced and its directory is there.
// Where something is, the directory is listed, once for however much there is. Ids are alike but
// for their numbers at the end. After an error nothing is announced that was not withdrawn.
absl::StatusOr<std::string> MakeNewDirectory(std::string_view parent, const IdSteps& steps,
                                             PublishFiles* files);

// The directory of an id that was announced before; OK when it is there. Asks once, as a rule: who
// ends what the id is given to waits for the answer.
absl::Status MakeAnnouncedDirectory(std::string_view parent, std::string_view id,
                                    PublishFiles* files);

}  // namespace quern::mr
