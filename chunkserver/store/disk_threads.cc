#include "chunkserver/store/disk_threads.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace quern::chunkserver {

void DiskThreads::Begin(const Disk* disk, std::function<void()> work) {
  MutexLock lock(&mutex_);
  Worker* worker = &workers_[disk];
  if (!worker->busy) Start(worker, std::move(work));
}

void DiskThreads::BeginNext(const Disk* disk, std::function<void()> work) {
  MutexLock lock(&mutex_);
  Worker* worker = &workers_[disk];
  if (worker->busy) {
    worker->next = std::move(work);
  } else {
    Start(worker, std::move(work));
  }
}

void DiskThreads::Start(Worker* worker, std::function<void()> work) {
  worker->busy = true;
  // The last one has nothing left to do.
  worker->thread =
      Thread("disk-opening", [this, worker, work = std::move(work)] { Run(worker, work); });
}

void DiskThreads::Run(Worker* worker, std::function<void()> work) {
  while (work != nullptr) {
    work();
    MutexLock lock(&mutex_);
    work = std::exchange(worker->next, nullptr);
    worker->busy = work != nullptr;
    if (!worker->busy) ended_.SignalAll();
  }
}

bool DiskThreads::Busy() const {
  return std::ranges::any_of(workers_, [](const auto& entry) { return entry.second.busy; });
}

bool DiskThreads::OthersHang(absl::Duration patience) const {
  return std::ranges::none_of(workers_, [patience](const auto& entry) {
    const auto& [disk, worker] = entry;
    return worker.busy && (disk->Answers().ok() || disk->Waiting() <= patience);
  });
}

bool DiskThreads::Await(const std::function<bool()>& enough, absl::Duration patience) {
  MutexLock lock(&mutex_);
  while (Busy()) {
    if (OthersHang(patience) && (enough == nullptr || enough())) return false;
    ended_.WaitFor(&mutex_, look_every_);
  }
  return true;
}

void DiskThreads::Join() {
  std::vector<Thread> threads;
  {
    MutexLock lock(&mutex_);
    for (auto& [disk, worker] : workers_) threads.push_back(std::move(worker.thread));
  }
}

}  // namespace quern::chunkserver
