// quern-task as a worker sees it, for tests: a real process at the other end of a socket pair.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/fd.h"
#include "common/storage/file_io.h"
#include "common/subprocess.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/message_pipe.h"
#include "quern/mr/v1/task.pb.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {

// A task process and the worker's end of its socket.
class TestedTask {
 public:
  explicit TestedTask(bool with_namespaces = true) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const timeval patience = {60, 0};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const UniqueFd child(ends[1]);
    pipe_ = std::make_unique<MessagePipe>(UniqueFd(ends[0]));
    SpawnOptions options;
    options.inherit_fds = {child.get()};
    options.death_signal = SIGTERM;
    std::vector<std::string> command = {std::string(std::getenv("QUERN_BIN")) + "/quern-task",
                                        "--worker_fd", std::to_string(child.get())};
    if (!with_namespaces) command.push_back("--no_namespaces");
    auto process = Subprocess::Spawn(command, options);
    EXPECT_OK(process);
    process_ = *std::move(process);
  }

  void Send(const pb::ToTask& message) { EXPECT_OK(pipe_->Write(message)); }
  // The next message that is neither hello nor progress.
  absl::StatusOr<pb::FromTask> Receive() {
    while (true) {
      pb::FromTask message;
      RETURN_IF_ERROR(pipe_->Read(&message));
      if (message.has_hello()) namespaces_ = message.hello().namespaces();
      if (!message.has_progress() && !message.has_hello()) return message;
    }
  }
  absl::StatusOr<pb::FromTask> First() {
    pb::FromTask message;
    RETURN_IF_ERROR(pipe_->Read(&message));
    return message;
  }
  absl::StatusOr<pb::FromTask> Run(const pb::ToTask& start) {
    Send(start);
    return Receive();
  }
  ExitStatus Wait() { return process_->Wait(); }
  void Kill(int signal) { process_->Kill(signal); }
  bool namespaces() const { return namespaces_; }
  ExitStatus Close() {
    pipe_->Shutdown();
    return process_->Wait();
  }

 private:
  bool namespaces_ = false;
  std::unique_ptr<MessagePipe> pipe_;
  std::unique_ptr<Subprocess> process_;
};

class WorkerSessionTest : public ::testing::Test {
 protected:
  pb::JobSpec Job() {
    pb::JobSpec job;
    job.add_inputs()->set_format("text");
    job.mutable_inputs(0)->set_mapper("Words");
    job.mutable_reduce()->set_tasks(2);
    job.mutable_reduce()->set_reducer("Joined");
    job.mutable_reduce()->set_partitioner("ByLetter");
    job.mutable_limits()->set_memory_bytes(64 << 20);
    return job;
  }
  pb::ToTask Start(const pb::JobSpec& job, pb::TaskKind kind, uint32_t task) {
    pb::ToTask message;
    pb::ToTask::Start* start = message.mutable_start();
    pb::TaskSpec* spec = start->mutable_task();
    spec->mutable_id()->set_job_id("job-20261122-0001");
    spec->mutable_id()->set_kind(kind);
    spec->mutable_id()->set_task(task);
    *spec->mutable_job() = job;
    spec->set_attempt_dir("file://" + dir_ / "attempt");
    start->set_plugin_path(std::string(std::getenv("QUERN_JOBS")) + "/libtask_test_classes.so");
    start->set_scratch_dir(dir_ / FormatAttempt(spec->id()));
    start->set_master("127.0.0.1:1");
    start->set_node("here");
    EXPECT_OK(FileSystem::Real()->MakeDirs(start->scratch_dir()));
    return message;
  }
  pb::ToTask StartMap(const pb::JobSpec& job, uint32_t task, const std::string& text) {
    pb::ToTask message = Start(job, pb::TASK_KIND_MAP, task);
    const std::string path = dir_ / fmt::format("input-{}", task);
    std::ofstream(path) << text;
    pb::InputPiece* piece = message.mutable_start()->mutable_task()->mutable_split()->add_pieces();
    piece->set_path("file://" + path);
    piece->set_length(text.size());
    piece->set_file_length(text.size());
    return message;
  }
  static int64_t CounterOf(const pb::AttemptResult& result, const std::string& name) {
    for (const pb::Counter& counter : result.counters()) {
      if (counter.name() == name) return counter.value();
    }
    return -1;
  }
  std::string Read(const std::string& name) {
    return ReadFileToString(FileSystem::Real(), dir_ / name).value_or("(none)");
  }

  const TempDir dir_;
};

}  // namespace quern::mr
