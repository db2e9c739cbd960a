// Makes the outputs of a finished job appear: the chosen files are moved into one directory for
// each, and then all of them get their final names in one change. Nothing is seen before.
//
// Every step may be repeated: a coordinator that was killed anywhere in between starts again at the
// first one and comes to the same end (MapReduce 2004, 3.3: output of a job is atomic). Whether an
// earlier try came there is said by a mark (publish_marks.h).
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/plan/output_parts.h"

namespace quern::mr {

// The few things that publishing and cleaning up ask of the file system. Thread-safe.
class PublishFiles {
 public:
  virtual ~PublishFiles() = default;
  // NotFound: no directory around it. AlreadyExists: something is there.
  virtual absl::Status Mkdir(const std::string& path) = 0;
  // With parents; OK when it is there.
  virtual absl::Status Mkdirs(const std::string& path) = 0;
  // NotFound: no source. AlreadyExists: the target is there and `replace` is false.
  virtual absl::Status Rename(const std::string& from, const std::string& to, bool replace) = 0;
  // All of them or none, in their order, by one change of at most 1,000; errors as Rename. None
  // touches another one, but some may go from what a later one replaces into what that moves.
  using Moves = std::vector<std::pair<std::string, std::string>>;
  virtual absl::Status RenameAll(const Moves& moves, bool replace) = 0;
  // Replaces an older one.
  virtual absl::Status WriteFile(const std::string& path, const std::string& contents) = 0;
  virtual absl::StatusOr<std::string> ReadFile(const std::string& path) = 0;
  // With everything below; OK when there is nothing.
  virtual absl::Status DeleteTree(const std::string& path) = 0;
  struct Entry {
    std::string path;
    absl::Time mtime;
    bool is_directory = false;
    uint64_t length = 0;

    std::string name() const { return path.substr(path.rfind('/') + 1); }
  };
  // NotFound: nothing of that name.
  virtual absl::StatusOr<Entry> Stat(const std::string& path) = 0;
  // What lies in a directory. NotFound: there is none.
  virtual absl::StatusOr<std::vector<Entry>> List(const std::string& dir) = 0;
  struct Page {
    std::vector<Entry> entries;  // in byte order of their names
    bool more = false;
  };
  // The same, at most `limit` of those whose names sort after `after`.
  virtual absl::StatusOr<Page> ListSome(const std::string& dir, const std::string& after,
                                        uint32_t limit) = 0;
  virtual absl::Status SetOwner(const std::string& path, const std::string& user) = 0;
};

struct PublishPlan {
  std::string job_dir;
  std::string user;
  bool overwrite = false;
  std::vector<PublishedOutput> outputs;  // the main one first
  Manifest manifest;                     // of the main one, without parts
};

// Whose output a directory is, from its manifest: a job or a pipeline. Errors of ReadFile;
// NotFound also when it says nothing of the kind.
absl::StatusOr<std::string> MakerOf(const std::string& path, PublishFiles* files);
// What it means that a manifest is there and cannot be read, now and later.
enum class Unreadable {
  kSomebodyElses,
  kError,  // the answer is for ever, and it may well be that maker's
};
// False also when nothing is there. An error when the file system cannot be reached, which says
// nothing about what is there.
absl::StatusOr<bool> IsMadeBy(const std::string& path, std::string_view maker,
                              Unreadable unreadable, PublishFiles* files);
// Whether that job's output is there as it left it, as far as a listing tells: the files that the
// manifest names in the lengths that it says, none of them written later than it, and no others.
// An error as IsMadeBy, where what cannot be read is somebody else's.
absl::StatusOr<bool> IsWhole(const std::string& path, std::string_view maker, PublishFiles* files);

// FailedPrecondition names what somebody has put to one of the paths that is no output of a job. To
// be asked right before the change that replaces what is there.
absl::Status CheckMayReplace(const std::vector<std::string>& paths, PublishFiles* files);

// AlreadyExists: somebody else made the output meanwhile. FailedPrecondition: as CheckMayReplace.
// What the job has made is then put beside it (/out.JOB), and the error says so. NotFound: a chosen
// file is gone. After each of them nothing appears any more, also when a change of an earlier try
// is still on its way.
absl::Status Publish(const PublishPlan& plan, PublishFiles* files);

// Gives up a publication that is wanted no more, however far it has been tried. True: none of its
// outputs has appeared, and none will, also when a change of an earlier try is still on its way;
// what was made goes with the job's directory, and this may only be repeated. False: all of them
// have appeared already. FailedPrecondition: they lie beside their paths, as the error of Publish
// says. Others that are final: what seems to have appeared cannot be read. Others: nobody can say
// now.
absl::StatusOr<bool> Withdraw(const PublishPlan& plan, PublishFiles* files);

}  // namespace quern::mr
