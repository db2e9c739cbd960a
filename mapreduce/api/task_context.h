// What a task offers to user code besides its records.
#pragma once

#include <cstdint>
#include <string_view>

namespace quern {

// A sum over all tasks of a job. Counted by the task's own thread; only the attempts that the job
// chose enter the total, so it equals a sequential run's.
class Counter {
 public:
  void Increment(int64_t by = 1) { value_ += by; }
  int64_t value() const { return value_; }

 private:
  int64_t value_ = 0;
};

class TaskContext {
 public:
  virtual ~TaskContext() = default;

  // A value of the job's [params]; `fallback` when it is not set. Lives as long as the task.
  virtual std::string_view param(std::string_view name, std::string_view fallback = {}) const = 0;
  // The counter of this name (group "user"), made at the first call. Lives as long as the task:
  // keep the pointer rather than looking it up for each record. A task may have 1,000 of them, with
  // names of up to 200 bytes; one more fails the attempt.
  virtual Counter* counter(std::string_view name) = 0;
  // One line for the job's page: what the task is doing, cut to 200 bytes. Also counts as progress,
  // so code that works on one record for minutes should call it now and then.
  virtual void SetStatus(std::string_view text) = 0;
  // Ends the whole job at once, with the reason: further attempts would not help. Does not return;
  // what it throws must be let through.
  [[noreturn]] virtual void Fail(std::string_view reason) = 0;
  // text | whole | jsonl | fixed: how this map task's input is cut into records. Empty in a
  // reducer.
  virtual std::string_view input_format() const = 0;
  // Number of this map or reduce task, from 0.
  virtual uint32_t task_index() const = 0;
  // Reduce tasks of the job; 0 in a map-only job.
  virtual uint32_t reduce_tasks() const = 0;
};

}  // namespace quern
