#include "mapreduce/task/task_progress.h"

#include <algorithm>

#include "common/clean_text.h"
#include "mapreduce/engine/report_limits.h"

namespace quern::mr {

void TaskProgress::StartPhase(const Phase& phase, uint64_t total) {
  times.EnterPhase(phase.name);
  MutexLock lock(&mutex_);
  phase_ = phase;
  phase_total_ = total;
  phase_done.Set(0);
}

void TaskProgress::SetStatus(std::string_view text) {
  MutexLock lock(&mutex_);
  steps.Add();
  status_ = CleanLine(text, kMaxStatusBytes);
}

pb::AttemptProgress TaskProgress::Snapshot() {
  MutexLock lock(&mutex_);
  pb::AttemptProgress progress;
  const double done =
      phase_total_ == 0 ? 0
                        : static_cast<double>(phase_done.Get()) / static_cast<double>(phase_total_);
  progress.set_fraction(phase_.from + (phase_.to - phase_.from) * std::min(done, 1.0));
  progress.set_input_bytes(input_bytes.Get());
  progress.set_input_records(input_records.Get());
  progress.set_output_bytes(output_bytes.Get());
  progress.set_output_records(output_records.Get());
  progress.set_waited_ms(waited_ms.Get());
  progress.set_steps(steps.Get());
  progress.set_phase(phase_.name);
  progress.set_status(status_);
  return progress;
}

}  // namespace quern::mr
