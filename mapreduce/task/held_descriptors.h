// The descriptors that this process needs until it ends, and which user code is to leave alone.
//
// Without them nobody hears how the work ended, or a file of the engine's gets the number of stdout
// and with it what user code prints. So a process whose code has closed one ends itself at once,
// before anything that it has made appears, and leaves the reason for whoever waits for it: in
// memory shared with the process that forked it, and in a page of a record.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/descriptor_identity.h"
#include "mapreduce/engine/record_position.h"

namespace quern::mr {

// stdout and stderr are held in any case: they may be sent elsewhere (dup2, freopen), and are lost
// when they are closed or have become a file of the engine's. stdin is user code's.
class HeldDescriptors {
 public:
  HeldDescriptors();
  ~HeldDescriptors();
  HeldDescriptors(const HeldDescriptors&) = delete;
  HeldDescriptors& operator=(const HeldDescriptors&) = delete;

  // Before there are threads. `fd` stays open as long as this lives.
  void Add(ClosedDescriptor kind, int fd);
  // In the process that runs user code, one of them at a time: libraries of the engine abort when a
  // descriptor is gone, and then the reason is left as well.
  void WatchAborts();
  // Nobody waits for this process: what it ends for, it says itself on stderr.
  void SpeakForItself() { speaks_ = true; }
  // The page that gets the reason besides; null: none. Borrowed.
  void NoteIn(RecordPositionWriter* page) { page_ = page; }

  // After user code has run: ends the process if one is gone. `task` is a page that gets the reason
  // besides, or null.
  void EndIfClosed(RecordPositionWriter* task) const;
  // The same from time to time, from any thread. Not for stdout and stderr, which user code may
  // close for a moment to open another file in their place.
  void EndIfCutOff() const;

  // In the process that has waited: bits of ClosedDescriptor; 0: it did not end for that.
  uint32_t noted() const { return noted_->load(); }

 private:
  // Bits of ClosedDescriptor. For handlers of signals as well, like Note.
  uint32_t CutOff() const;
  uint32_t Closed() const;
  void Note(uint32_t closed) const;
  [[noreturn]] void End(uint32_t closed) const;
  static void OnAbort(int number);

  struct Held {
    ClosedDescriptor kind;
    int fd = -1;
    DescriptorIdentity identity;
  };
  std::vector<Held> held_;
  std::atomic<uint32_t>* const noted_;  // a page of its own, shared with children forked later
  std::atomic<RecordPositionWriter*> page_ = nullptr;
  bool speaks_ = false;
  pid_t process_ = 0;  // whose aborts are watched
};

}  // namespace quern::mr
