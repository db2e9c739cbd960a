// Pipelines over jobs that are only names, files of memory and a journal that outlives
// coordinators.
#pragma once

#include <absl/time/clock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/service/pipeline_driver.h"
#include "mapreduce/engine/manifest.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"

namespace quern::mr {

class FakePipelinePlanner final : public PipelinePlanner {
 public:
  absl::StatusOr<PlannedPipeline> Plan(pb::PipelineSpec spec) override {
    if (while_planning) std::exchange(while_planning, nullptr)();
    PlannedPipeline plan;
    ASSIGN_OR_RETURN(plan.graph, CheckNewPipelineSpec(spec));
    plan.input_digests.assign(plan.graph.stages.size(), input_digest);
    overwrite = spec.overwrite();
    plan.spec = std::move(spec);
    return plan;
  }
  absl::StatusOr<bool> ReadsTheSame(const pb::PipelineStage& stage, const std::string&) override {
    return stage.name() != changes_under;
  }
  std::string input_digest = "as it was";
  std::string changes_under;             // name of a stage that finds other inputs than those
  std::function<void()> while_planning;  // called once
  bool overwrite = false;                // of what was planned last
};

// Jobs that run until they are told to end. They outlive the driver, as a coordinator's do.
class FakeStageJobs final : public PipelineDriver::Jobs {
 public:
  explicit FakeStageJobs(FakeFiles* files) : files_(files) {}

  absl::StatusOr<pb::SubmitResponse> Submit(const pb::SubmitRequest& request) override {
    if (request.spec().name().starts_with(unavailable)) return UnavailableError("nobody answers");
    if (refuse) RETURN_IF_ERROR(refuse(request.spec().name()));
    if (while_submitting) std::exchange(while_submitting, nullptr)();
    MutexLock lock(&mutex_);
    const std::pair key(request.header().client_id(), request.header().request_id());
    pb::SubmitResponse response;
    std::string& id = requests_[key];
    if (id.empty()) {
      id = fmt::format("job-{}", ++last_job_);
      pb::JobStatus& job = jobs_[id];
      job.set_job_id(id);
      job.set_name(request.spec().name());
      job.set_output_path(request.spec().output().path());
      job.set_state(pb::JOB_STATE_RUNNING);
      specs_[id] = request.spec();
      NoteChange();
    }
    response.set_job_id(id);
    return response;
  }
  absl::Status StopJob(std::string_view job_id, std::string_view) override {
    MutexLock lock(&mutex_);
    pb::JobStatus& job = jobs_.at(std::string(job_id));
    if (job.state() == pb::JOB_STATE_RUNNING) to_kill_.push_back(std::string(job_id));
    NoteChange();
    return absl::OkStatus();
  }
  absl::StatusOr<pb::JobStatus> GetJob(std::string_view job_id) const override {
    MutexLock lock(&mutex_);
    return jobs_.at(std::string(job_id));
  }
  std::string FindRequest(uint64_t client_id, uint64_t request_id) const override {
    MutexLock lock(&mutex_);
    const auto it = requests_.find({client_id, request_id});
    return it == requests_.end() ? "" : it->second;
  }
  bool HasNewerOutput(JobKey, int64_t, const std::set<std::string>& paths) const override {
    return Overlap(paths, newer_outputs);
  }
  JobKey ReserveKey() override {
    MutexLock lock(&mutex_);
    return JobKey(++last_key_);
  }
  void PipelineChanged(std::string_view) override {
    MutexLock lock(&mutex_);
    NoteChange();
  }
  absl::Time Now() const override { return absl::UnixEpoch() + absl::Hours(1); }

  // The next job that runs or is to be killed, now ended; empty when `over` holds instead.
  template <typename Over>
  pb::JobStatus EndNext(Over over) {
    while (true) {
      const uint64_t before = changes();
      if (over()) return {};
      MutexLock lock(&mutex_);
      for (auto& [id, job] : jobs_) {
        if (job.state() != pb::JOB_STATE_RUNNING) continue;
        const bool kill = std::find(to_kill_.begin(), to_kill_.end(), id) != to_kill_.end();
        if ((hold || job.name() == held) && !kill) continue;
        End(kill && job.name() != publishes, &job);
        return job;
      }
      // `over` has looked without the lock.
      if (changes_ == before) changed_.WaitFor(&mutex_, absl::Seconds(5));
    }
  }
  // Until so many jobs have been submitted.
  void WaitForJobs(size_t count) {
    MutexLock lock(&mutex_);
    while (jobs_.size() < count) changed_.WaitFor(&mutex_, absl::Seconds(5));
  }
  std::vector<std::string> names() const {
    MutexLock lock(&mutex_);
    std::vector<std::string> names;
    for (const auto& [id, spec] : specs_) names.push_back(spec.name());
    return names;
  }
  pb::JobSpec spec(std::string_view name) const {
    MutexLock lock(&mutex_);
    for (const auto& [id, spec] : specs_) {
      if (spec.name() == name) return spec;
    }
    return {};
  }
  bool Runs(std::string_view name) const {
    MutexLock lock(&mutex_);
    return std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& job) {
      return job.second.name() == name && job.second.state() == pb::JOB_STATE_RUNNING;
    });
  }
  std::string fails;                    // name of a job that fails
  std::set<std::string> newer_outputs;  // of jobs that are not of these pipelines
  bool hold = false;                    // jobs end only when they are killed
  std::string held;                     // name of a job that ends only when it is killed
  std::string publishes;                // name of a job that succeeds although it is killed
  std::string unavailable = "none";     // beginning of the names of jobs that cannot be submitted
  std::function<void()> while_submitting;                       // called once
  std::function<absl::Status(const std::string& name)> refuse;  // a job of that name
  int last_round = 3;
  std::string counter = "moved";  // what they count, 0 in the last round

 private:
  void NoteChange() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ++changes_;
    changed_.SignalAll();
  }
  uint64_t changes() const {
    MutexLock lock(&mutex_);
    return changes_;
  }
  void End(bool kill, pb::JobStatus* job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (kill || job->name() == fails) {
      job->set_state(kill ? pb::JOB_STATE_KILLED : pb::JOB_STATE_FAILED);
      job->set_reason("because");
      return;
    }
    job->set_state(pb::JOB_STATE_SUCCEEDED);
    pb::Counter* read = job->add_counters();
    read->set_group("quern");
    read->set_name("map_input_records");
    read->set_value(1);
    pb::Counter* moved = job->add_counters();
    moved->set_group("user");
    moved->set_name(counter);
    moved->set_value(job->name().ends_with(fmt::format(" {}", last_round)) ? 0 : 7);
    AddOutput(*job, job->output_path());
    for (const pb::JobSpec::NamedOutput& output : specs_.at(job->job_id()).outputs()) {
      AddOutput(*job, output.output().path());
    }
  }
  void AddOutput(const pb::JobStatus& job, const std::string& path) {
    AddJobOutput(files_, path, job.job_id(), "by " + job.name());
  }

  FakeFiles* const files_;
  mutable Mutex mutex_;
  CondVar changed_;
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::pair<uint64_t, uint64_t>, std::string> requests_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, pb::JobStatus> jobs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, pb::JobSpec> specs_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> to_kill_ ABSL_GUARDED_BY(mutex_);
  int last_job_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t last_key_ ABSL_GUARDED_BY(mutex_) = 0;
};

// first -> ranks (three rounds) -> last, published at /out; first -> aside, published below it.
inline pb::PipelineSpec Spec() {
  pb::PipelineSpec spec;
  spec.set_name("p");
  spec.set_output_path("/out");
  const auto add = [&](const std::string& name, const std::vector<std::string>& inputs) {
    pb::PipelineStage* stage = spec.add_stages();
    stage->set_name(name);
    for (const std::string& path : inputs) stage->mutable_job()->add_inputs()->set_path(path);
    return stage;
  };
  add("first", {"/in"});
  pb::PipelineStage* ranks = add("ranks", {"@ranks"});
  ranks->mutable_repeat()->set_until("moved == 0");
  ranks->mutable_repeat()->set_max(9);
  ranks->mutable_repeat()->set_first("@first");
  (*ranks->mutable_job()->mutable_params())["step"] = "${round} of ${counter:moved|none}";
  add("last", {"@ranks"})->mutable_job()->mutable_output()->set_path("last");
  add("aside", {"@first"})->mutable_job()->mutable_output()->set_path("aside");
  return spec;
}

class PipelineDriverTest : public testing::Test {
 protected:
  PipelineDriverTest() : storage_(NewMemoryJournalStorage()), jobs_(&files_) { StartDriver(); }
  ~PipelineDriverTest() override { driver_.reset(); }

  void StartDriver(PipelineDriver::Options options = {}) {
    driver_.reset();
    journal_ = OpenMemoryJournal(storage_);
    driver_ = std::make_unique<PipelineDriver>(&jobs_, &planner_, journal_.get(), &files_, options);
    PipelineRecords records;
    EXPECT_TRUE(journal_
                    ->ReadAll([&](JobKey key, const absl::StatusOr<pb::JournalRecord>& record) {
                      records[key].push_back(*record);
                      return absl::OkStatus();
                    })
                    .ok());
    driver_->Start(records);
  }
  // kill -9, or a power cut that takes what was not durable, and a new start.
  void Restart(bool power_cut) {
    driver_.reset();
    if (power_cut) CutPower(storage_.get());
    StartDriver();
  }

  absl::StatusOr<std::string> Submit(const pb::PipelineSpec& spec) {
    pb::SubmitPipelineRequest request;
    request.mutable_header()->set_client_id(7);
    request.mutable_header()->set_request_id(++request_);
    *request.mutable_spec() = spec;
    ASSIGN_OR_RETURN(const pb::SubmitPipelineResponse response, driver_->Submit(request));
    return response.pipeline_id();
  }
  // mr rerun ID --resume.
  absl::StatusOr<std::string> Resume(const std::string& id, bool overwrite = false) {
    pb::SubmitPipelineRequest request;
    request.mutable_header()->set_client_id(8);
    request.mutable_header()->set_request_id(++request_);
    request.set_again(id);
    request.set_overwrite(overwrite);
    ASSIGN_OR_RETURN(const pb::SubmitPipelineResponse response, driver_->Submit(request));
    return response.pipeline_id();
  }
  bool HasEnded(const std::string& id) {
    const absl::StatusOr<pb::JobStatus> status = driver_->Get(id);
    return status.ok() && status->finished_ms() != 0;
  }
  // Ends job after job; after the `restart_after`th the driver is started anew, before or after it
  // was told.
  pb::JobStatus RunToEnd(const std::string& id, int restart_after = -1, bool told = false,
                         bool power_cut = false) {
    for (int ended = 1;; ++ended) {
      const pb::JobStatus job = jobs_.EndNext([&] { return HasEnded(id); });
      if (job.job_id().empty()) return *driver_->Get(id);
      const bool restart = ended == restart_after;
      if (!restart || told) driver_->JobEnded(job);
      if (restart) Restart(power_cut);
    }
  }
  size_t CountRecords() {
    size_t count = 0;
    const auto look = [&](JobKey, const absl::StatusOr<pb::JournalRecord>&) {
      ++count;
      return absl::OkStatus();
    };
    EXPECT_TRUE(journal_->ReadAll(look).ok());
    return count;
  }
  // The driver's threads come to it by themselves.
  bool Eventually(const std::function<bool()>& holds) {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (!holds() && absl::Now() < deadline) std::this_thread::yield();
    return holds();
  }
  std::map<std::string, std::string> States(const pb::JobStatus& status) {
    std::map<std::string, std::string> states;
    for (const auto& stage : status.stages()) {
      states[stage.name()] = pb::JobStatus::Stage::State_Name(stage.state()).substr(6);
    }
    return states;
  }

  std::shared_ptr<MemoryJournalStorage> storage_;
  FakeFiles files_;
  FakePipelinePlanner planner_;
  FakeStageJobs jobs_;
  std::unique_ptr<JobJournal> journal_;
  std::unique_ptr<PipelineDriver> driver_;
  uint64_t request_ = 0;
};

}  // namespace quern::mr
