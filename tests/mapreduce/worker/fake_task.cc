// Stands for quern-task: speaks its protocol and misbehaves as the job's parameter "do" says.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "common/fd.h"
#include "mapreduce/engine/map_output_writer.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/record_position.h"
#include "mapreduce/task/message_pipe.h"
#include "quern/mr/v1/task.pb.h"

namespace quern::mr {
namespace {

void MarkRecord(const pb::ToTask::Start& start) {
  const auto position = RecordPositionWriter::Create(start.scratch_dir() + "/record");
  (*position)->SetSource("/in/a");
  (*position)->SetPosition(4711);
  (*position)->SetPhase(RecordPhase::kMap);
  std::fprintf(stderr, "at work in process %d\n", getpid());
}

void WriteOutput(const pb::ToTask::Start& start) {
  const pb::AttemptId& id = start.task().id();
  auto writer = MapOutputWriter::Create(start.scratch_dir() + "/" + kMapOutputName,
                                        {id.job_id(), id.task(), id.attempt()}, 2, Codec::kNone);
  (void)(*writer)->Append(0, "key", "value");
  (void)(*writer)->Append(1, std::string(100, 'k'), std::string(3 << 20, 'v'));
  (void)(*writer)->Finish();
}

[[noreturn]] void Hog() {
  std::vector<std::string> all;
  while (true) all.emplace_back(size_t{8} << 20, 'x');
}

void Done(const pb::ToTask::Start& start, MessagePipe* pipe) {
  pb::FromTask end;
  pb::AttemptResult* result = end.mutable_done();
  if (start.task().id().kind() == pb::TASK_KIND_MAP) {
    WriteOutput(start);
    result->mutable_map_output()->set_total_bytes(3 << 20);
  }
  result->set_output_path(start.task().attempt_dir() + "/part");
  pb::Counter* counter = result->add_counters();
  counter->set_group("user");
  counter->set_name("pid");
  counter->set_value(getpid());
  (void)pipe->Write(end);
}

void RunOne(const pb::ToTask::Start& start, MessagePipe* pipe, int fd) {
  static int runs = 0;
  ++runs;
  MarkRecord(start);
  const auto found = start.task().job().params().find("do");
  const std::string what = found == start.task().job().params().end() ? "done" : found->second;
  pb::FromTask message;
  if (const auto damage = start.task().job().params().find("damage");
      damage != start.task().job().params().end()) {
    (void)chmod(damage->second.c_str(), 0644);
    (void)!truncate(damage->second.c_str(), 3);
  }
  if (what == "done" || what == "done-then-exit") Done(start, pipe);
  if (what == "done-then-exit") _exit(0);
  if (what == "segfault") raise(SIGSEGV);
  if (what == "exit0") std::exit(0);
  if (what == "hang") pause();
  if (what == "hog") Hog();
  if (what == "garbage") (void)!write(fd, "this is no message at all", 25);
  if (what == "fork-and-hang") {
    const pid_t child = fork();
    if (child > 0) std::fprintf(stderr, "forked %d\n", child);
    pause();
  }
  if (what == "crash-with-odd-log") {
    // One line, longer than what is reported, of characters of two bytes; and bytes that are none.
    std::string line;
    for (int i = 0; i < 3000; ++i) line += "\u00e9";
    std::fprintf(stderr, "%s\xff\x1b[31m\n", line.c_str());
    raise(SIGSEGV);
  }
  if (what == "many-counters") {
    for (int i = 0; i < 100'000; ++i) {
      pb::Counter* counter = message.mutable_done()->add_counters();
      counter->set_group("user");
      counter->set_name("domain." + std::to_string(i));
    }
    (void)pipe->Write(message);
  }
  if (what == "large-result") {
    message.mutable_done()->add_sample_keys(std::string(9 << 20, 'k'));
    (void)pipe->Write(message);
  }
  if (what == "large-message") {
    message.mutable_done()->add_sample_keys(std::string(20 << 20, 'k'));
    (void)pipe->Write(message);
  }
  if (what == "long-failure") {
    message.mutable_failed()->set_message("bad record: " + std::string(9 << 20, 'x'));
    (void)pipe->Write(message);
  }
  if (what == "long-status") {
    message.mutable_progress()->set_status("line\n" + std::string(9 << 20, 's'));
    (void)pipe->Write(message);
    Done(start, pipe);
  }
  if (what == "odd-status") {
    message.mutable_progress()->set_status("\xff");
    (void)pipe->Write(message);
    Done(start, pipe);
  }
  if (what == "fork-hog") {
    // None of them alone takes more than the limit.
    for (int i = 0; i < 3; ++i) {
      if (fork() != 0) continue;
      const std::string memory(size_t{30} << 20, 'x');
      pause();
    }
    pause();
  }
  if (what == "fork-bomb") {
    for (int i = 0; i < 600; ++i) {
      if (fork() != 0) continue;
      pause();
    }
    pause();
  }
  if (what == "five-hundred") {
    for (int i = 1; i < 500; ++i) {
      if (fork() == 0) pause();
    }
    // Its processes are counted when it says something.
    message.mutable_progress()->set_status("all are here");
    (void)pipe->Write(message);
    Done(start, pipe);
  }
  if (what == "failed") {
    message.mutable_failed()->set_message("Map threw: bad luck");
    (void)pipe->Write(message);
  }
  if (what == "die-when-used" && runs > 1) {
    pb::ToTask outputs;
    (void)pipe->Read(&outputs);
    raise(SIGSEGV);
  }
  if (what == "wait-for-output" || what == "die-when-used") {
    pb::ToTask outputs;
    (void)pipe->Read(&outputs);
    message.mutable_fetch_failure()->set_map_task(outputs.map_outputs().outputs(0).map_task());
    (void)pipe->Write(message);
    Done(start, pipe);
  }
}

int Main(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[1], "--worker_fd") != 0) return 2;
  const int fd = std::atoi(argv[2]);
  MessagePipe pipe{UniqueFd(fd)};
  pb::FromTask hello;
  hello.mutable_hello();
  (void)pipe.Write(hello);
  pb::ToTask message;
  while (pipe.Read(&message).ok()) {
    if (message.has_start()) RunOne(message.start(), &pipe, fd);
  }
  return 0;
}

}  // namespace
}  // namespace quern::mr

int main(int argc, char** argv) { return quern::mr::Main(argc, argv); }
