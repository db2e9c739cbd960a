#include "chunkserver/logic/append_sequencer.h"

#include <algorithm>

namespace quern::chunkserver {

AppendSequencer::AppendSequencer(Start start)
    : acknowledged_(std::max(start.replicas, uint32_t{1}), start.committed),
      committed_(start.committed) {
  // What is there already is like one append that ends where the stream begins.
  pending_.push_back({.end = start.length, .crc = start.crc});
  for (const ProducerSeq& known : start.producers) {
    producers_.push_back({.id = known.producer, .accepted = known.last_seq});
    pending_.push_back({start.length, start.crc, known.producer, known.last_seq});
  }
  acknowledged_[0] = start.length;
  Commit();
}

AppendSequencer::Verdict AppendSequencer::Judge(uint64_t producer, uint64_t seq,
                                                uint64_t base_seq) const {
  const Producer* known = Find(producer);
  const uint64_t next = known == nullptr ? base_seq : known->accepted + 1;
  if (seq == next) return Verdict::kAppend;
  return known != nullptr && seq < next ? Verdict::kDuplicate : Verdict::kGap;
}

void AppendSequencer::Appended(const AppendRecord& append) {
  pending_.push_back({append.end, append.running_crc, append.producer, append.seq});
  acknowledged_[0] = append.end;
  FindOrAdd(append.producer).accepted = append.seq;
  Commit();
}

absl::Status AppendSequencer::Acknowledged(uint32_t position, uint64_t end, uint32_t crc) {
  if (position >= acknowledged_.size()) {
    return InvalidArgumentError("acknowledgement of replica {} in a chain of {}", position,
                                acknowledged_.size());
  }
  const auto found = std::ranges::lower_bound(pending_, end, {}, &Pending::end);
  if (found == pending_.end() || found->end != end) {
    if (end <= committed_) return absl::OkStatus();  // an old one, repeated
    return InvalidArgumentError("replica {} acknowledges {} bytes, where no append ends", position,
                                end);
  }
  if (found->crc != crc) {
    return DataLossError("replica {} has CRC32C {:08x} at {} bytes, the primary {:08x}", position,
                         crc, end, found->crc);
  }
  acknowledged_[position] = std::max(acknowledged_[position], end);
  Commit();
  return absl::OkStatus();
}

uint64_t AppendSequencer::CommittedSeq(uint64_t producer) const {
  const Producer* known = Find(producer);
  return known == nullptr ? 0 : known->committed;
}

void AppendSequencer::Commit() {
  const uint64_t everywhere = *std::ranges::min_element(acknowledged_);
  while (!pending_.empty() && pending_.front().end <= everywhere) {
    const Pending& done = pending_.front();
    committed_ = std::max(committed_, done.end);
    if (done.seq != 0) FindOrAdd(done.producer).committed = done.seq;
    pending_.pop_front();
  }
}

const AppendSequencer::Producer* AppendSequencer::Find(uint64_t producer) const {
  const auto known = std::ranges::find(producers_, producer, &Producer::id);
  return known == producers_.end() ? nullptr : &*known;
}

AppendSequencer::Producer& AppendSequencer::FindOrAdd(uint64_t producer) {
  const auto known = std::ranges::find(producers_, producer, &Producer::id);
  if (known != producers_.end()) return *known;
  return producers_.emplace_back(Producer{.id = producer});
}

}  // namespace quern::chunkserver
