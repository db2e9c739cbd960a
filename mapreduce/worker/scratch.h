// The worker's disks: one directory per attempt, and what finished attempts left in them.
//
//   DIR/worker_id                        made at the first start
//   DIR/cluster_id                       of the coordinator whose jobs these are
//   DIR/plugins/HASH.so
//   DIR/jobs/JOB/m-00017.1/output.data   map output
//                          log           what the task printed
//                          record        position of its current record
//                          result        written last, the attempt succeeded: CRC32C of the rest
//                                        (4 bytes, little-endian), HeldOutput
//
// Scratch is disposable: nothing here is synced, and what a power cut damages fails its checksums
// and is made again. But a worker that restarts still has its map outputs. Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/mutex.h"
#include "common/status.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class Scratch {
 public:
  // One directory per disk, at least one. Finds what an earlier process has left. `files`,
  // borrowed, makes and removes directories.
  static absl::StatusOr<std::unique_ptr<Scratch>> Open(std::vector<std::string> dirs,
                                                       FileSystem* files = FileSystem::Real());

  const std::string& worker_id() const { return worker_id_; }
  const std::string& main_dir() const { return dirs_[0]; }
  // Whose the work here is; empty: nobody's so far.
  std::string cluster_id() const;
  // Whether the work here is this cluster's; when it is nobody's so far, it is from now on.
  absl::StatusOr<bool> BelongsTo(const std::string& cluster_id);
  // Drops everything, logs as well: this is a worker of that cluster from now on. Nothing may run
  // meanwhile. After an error the next process may find outputs, which are not taken for its own.
  absl::Status StartOver(const std::string& cluster_id);

  // An empty directory for a new attempt, the disks in turn; the same one, emptied, for an attempt
  // that is tried again. It stays until Hold or Discard, and every attempt ends in one of them.
  absl::StatusOr<std::string> MakeAttemptDir(const pb::AttemptId& id);
  // The attempt succeeded: remembered until its job is forgotten.
  absl::Status Hold(const pb::WorkerMessage::HeldOutput& held, const std::string& dir);
  // The attempt failed: only its log stays.
  void Discard(const std::string& dir);

  std::vector<pb::WorkerMessage::HeldOutput> Held() const;
  std::optional<pb::WorkerMessage::HeldOutput> FindHeld(const pb::AttemptId& id) const;
  // Path of a map output that is held; NotFound.
  absl::StatusOr<std::string> FindMapOutput(const pb::AttemptId& id) const;
  // The same, open. The last ones stay open for other readers, and none longer than it is held.
  absl::StatusOr<std::shared_ptr<MapOutputFile>> OpenMapOutput(const pb::AttemptId& id);
  // Path of the log of any attempt whose directory is still there; NotFound.
  absl::StatusOr<std::string> FindLog(const pb::AttemptId& id) const;

  // Nothing of the job is held any more. Quick: its files stay until RemoveJob.
  void ForgetJob(const std::string& job_id);
  // Deletes a job's files except its logs, which stay until many later jobs have come.
  void RemoveJob(const std::string& job_id);
  // Jobs of which something is held.
  std::vector<std::string> Jobs() const;

 private:
  static constexpr size_t kJobsWithLogs = 200;
  // Each open output has its index in memory: 24 bytes per partition.
  static constexpr size_t kMaxOpenOutputs = 256;

  Scratch(std::vector<std::string> dirs, FileSystem* files)
      : dirs_(std::move(dirs)), files_(files) {}
  absl::Status Load();
  void LoadAttempt(const std::string& dir);
  static void KeepOnlyLog(const std::string& attempt_dir);
  absl::Status DropJobs(const std::string& jobs_dir);
  absl::Status SaveCluster(const std::string& cluster_id);
  void DropOldLogs();
  void DropLogs(const std::string& dir, const std::string& job);
  void Ended(const std::string& job_id, const std::string& attempt);

  const std::vector<std::string> dirs_;
  FileSystem* const files_;
  std::string worker_id_;

  mutable Mutex mutex_;
  std::string cluster_id_ ABSL_GUARDED_BY(mutex_);
  bool unsaved_ ABSL_GUARDED_BY(mutex_) = false;  // the id could not be written yet
  size_t next_dir_ ABSL_GUARDED_BY(mutex_) = 0;
  using OpenFile = std::shared_ptr<MapOutputFile>;  // null: it is not open
  struct HeldEntry {
    pb::WorkerMessage::HeldOutput held;
    std::string dir;
    // Goes with the entry, so that nobody gets the file of one that had the same name.
    std::shared_ptr<OpenFile> open = std::make_shared<OpenFile>();
  };
  const HeldEntry* FindEntry(const pb::AttemptId& id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // By job, then by attempt ("m-00017.1").
  std::map<std::string, std::map<std::string, HeldEntry>> held_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::weak_ptr<OpenFile>> opened_ ABSL_GUARDED_BY(mutex_);  // oldest first
  // By job, the attempts that have not ended, with their directories.
  std::map<std::string, std::map<std::string, std::string>> running_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> doomed_ ABSL_GUARDED_BY(mutex_);  // jobs whose logs are being removed
  CondVar removed_;                                       // one of them has been
};

}  // namespace quern::mr
