// What a task offers to user code besides its records.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/api/boundary.h"
#include "mapreduce/api/field.h"
#include "mapreduce/api/quern.h"

namespace quern {

// A sum over all tasks of a job. Counted by the task's own thread; only the attempts that the job
// chose enter the total, so it equals a sequential run's.
class Counter : private quern_counter {
 public:
  void Increment(int64_t by = 1) { quern_counter::value += by; }
  int64_t value() const { return quern_counter::value; }
};

// A part of an input file.
struct SplitPiece {
  std::string_view path;
  uint64_t offset = 0;
  uint64_t length = 0;
};

// An output of the job beside the main one: `[outputs.NAME]` of the spec.
class NamedOutput : private quern_output {
 public:
  // Hands on one record; both are copied.
  void Emit(const Field& key, const Field& value) {
    internal::Emit(this, key.bytes(), value.bytes());
  }
};

// One for each object of a user's class; lives as long as the object.
class TaskContext {
 public:
  TaskContext() = default;
  explicit TaskContext(quern_task* task) : task_(task) {}

  // A value of the job's [params]; `fallback` when it is not set. Lives as long as the task.
  std::string_view param(std::string_view name, std::string_view fallback = {}) const {
    const quern_bytes value = task_->host->param(task_, name.data(), name.size());
    return value.data == nullptr ? fallback : internal::View(value);
  }
  // The counter of this name (group "user"), made at the first call. Lives as long as the task:
  // keep the pointer rather than looking it up for each record. A task may have 1,000 of them, with
  // names of up to 200 bytes; one more fails the attempt.
  Counter* counter(std::string_view name) {
    quern_counter* const counter = task_->host->counter(task_, name.data(), name.size());
    if (counter == nullptr) throw internal::HostStopped();
    return reinterpret_cast<Counter*>(counter);
  }
  // One line for the job's page: what the task is doing, cut to 200 bytes. Also counts as progress,
  // so code that works on one record for minutes should call it now and then.
  void SetStatus(std::string_view text) {
    task_->host->set_status(task_, text.data(), text.size());
  }
  // Sets the present record (in Map) or group (in Reduce) aside and counts it; the task goes on
  // with the next. What was emitted for it before stays. Does not return; what it throws must be
  // let through.
  [[noreturn]] void SkipRecord(std::string_view reason) { Stop(QUERN_SKIPPED, reason); }
  // Ends the whole job at once, with the reason: further attempts would not help. Does not return;
  // what it throws must be let through.
  [[noreturn]] void Fail(std::string_view reason) { Stop(QUERN_JOB_FAILED, reason); }

  // text | whole | jsonl | fixed: how this map task's input is cut into records. Empty in a
  // reducer.
  std::string_view input_format() const { return internal::View(task_->input_format); }
  // `tag` of this map task's [[input]]. Empty in a reducer.
  std::string_view input_tag() const { return internal::View(task_->input_tag); }
  // The files that this map task reads, or parts of them. Empty in a reducer.
  std::vector<SplitPiece> split() const {
    std::vector<SplitPiece> pieces;
    for (uint32_t i = 0; i < task_->piece_count; ++i) {
      const quern_piece& piece = task_->pieces[i];
      pieces.push_back({internal::View(piece.path), piece.offset, piece.length});
    }
    return pieces;
  }
  // Path of the local copy of a file in the job's [files], shared by the machine's tasks: read it,
  // and write nothing. A name that is not there ends the job.
  std::string file(std::string_view name) {
    const quern_bytes path = QUERN_HAS(task_->host, file)
                                 ? task_->host->file(task_, name.data(), name.size())
                                 : quern_bytes{nullptr, 0};
    if (path.data == nullptr) Fail("files: the job has none called '" + std::string(name) + "'");
    return std::string(internal::View(path));
  }
  // `[outputs.NAME]` of the spec, in mappers and reducers:
  //   context().output("rejected")->Emit(key, value);
  // What is written there is published together with the main output. Lives as long as the task:
  // keep the pointer rather than looking it up for each record. A name that the spec does not
  // declare ends the job.
  NamedOutput* output(std::string_view name) {
    if (!QUERN_HAS(task_->host, named_output)) Fail("named outputs need a newer Quern");
    quern_output* const output = task_->host->named_output(task_, name.data(), name.size());
    if (output == nullptr) throw internal::HostStopped();
    return reinterpret_cast<NamedOutput*>(output);
  }
  // Number of this map or reduce task, from 0.
  uint32_t task_index() const { return task_->index; }
  // Reduce tasks of the job; 0 in a map-only job.
  uint32_t reduce_tasks() const { return task_->reduce_tasks; }
  // Of the job; "job-local" in a local run.
  std::string_view job_id() const { return internal::View(task_->job_id); }
  // How often this task was begun before.
  uint32_t attempt() const { return task_->attempt; }

 private:
  [[noreturn]] void Stop(int result, std::string_view reason) {
    throw internal::UserStopped{internal::Report(task_, result, reason)};
  }
  quern_task* task_ = nullptr;
};

}  // namespace quern
