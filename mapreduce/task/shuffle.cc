#include "mapreduce/task/shuffle.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "common/log.h"
#include "common/rpc/bulk.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/channel.h"
#include "common/thread.h"
#include "mapreduce/engine/early_merge.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/task/fetch_queue.h"
#include "mapreduce/task/fetched_segment.h"
#include "quern/mr/v1/shuffle.pb.h"

namespace quern::mr {

namespace {

constexpr char kFetchMethod[] = "/quern.mr.v1.Shuffle/Fetch";
// How long to wait for an event before silent streams are looked for.
constexpr absl::Duration kLookAround = absl::Seconds(1);
// A stream that brings nothing for so long is given up.
constexpr absl::Duration kSilence = absl::Seconds(20);
// Failures of one output, each after a longer pause, before it is reported: about a second.
constexpr int kFailuresBeforeReport = 4;
// A direct output of no more than this is read at once.
constexpr uint64_t kSmallBytes = 128 << 10;

class Shuffle {
 public:
  Shuffle(const ShuffleOptions& options, MapOutputFeed* feed)
      : options_(options),
        feed_(feed),
        space_(options.scratch_dir, options.memory_bytes),
        queue_(options.map_tasks, {.max_batches = options.max_streams}),
        sources_(options.map_tasks),
        runs_(options.map_tasks, options.merge_fan_in),
        missing_(options.map_tasks) {
    feed_->SetWake([this] { loop_.Wake(); });
  }
  ~Shuffle() { feed_->SetWake(nullptr); }

  absl::StatusOr<std::vector<SortedRun>> Run() {
    options_.progress->StartPhase({"shuffle", 0, 0.33}, options_.map_tasks);
    const absl::Time start = Now();
    while (missing_ > 0 && status_.ok()) {
      for (const pb::MapOutput& output : feed_->Take()) Learn(output);
      StartStreams();
      if (missing_ == 0) break;
      Handle(
          loop_.Next(std::clamp(queue_.next_retry() - Now(), absl::ZeroDuration(), kLookAround)));
      DropSilentStreams();
      if (merge_done_) EndMerge();
      StartMerge();
      ReportProgress(start);
    }
    if (!status_.ok()) stop_merge_ = true;  // it may have gigabytes before it
    if (merge_.has_value()) EndMerge();
    RETURN_IF_ERROR(status_);
    return runs_.TakeRuns();
  }

 private:
  // What is known of one map task's output.
  struct Source {
    std::optional<pb::MapOutput> output;
    bool done = false;
    std::unique_ptr<FetchedSegment> segment;  // what has arrived
  };
  struct Asked {
    uint32_t task = 0;
    uint32_t attempt = 0;
  };
  // A stream to one worker, and what it still owes, in order.
  struct Stream {
    std::string address;
    std::vector<Asked> expected;
    size_t next = 0;
    std::string refused;  // why the rest of the present output is passed over
    absl::Time last_message;
  };

  void ReportProgress(absl::Time start) {
    options_.progress->phase_done.Set(options_.map_tasks - missing_);
    const absl::Duration waited = absl::Floor(Now() - start, options_.wait_step);
    options_.progress->waited_ms.Set(static_cast<uint64_t>(absl::ToInt64Milliseconds(waited)));
  }

  absl::Time Now() { return options_.clock->MonotonicNow(); }

  void Learn(const pb::MapOutput& output) {
    if (output.map_task() >= sources_.size()) return;
    Source& source = sources_[output.map_task()];
    if (source.done) return;
    const bool other_attempt =
        source.output.has_value() && source.output->attempt() != output.attempt();
    if (other_attempt) source.segment.reset();
    source.output = output;
    if (!OpenDirectly(&source)) queue_.Announce(output.map_task(), output.address());
  }

  // Success proves that the file is on this machine and the right one; anything else is no error.
  bool OpenDirectly(Source* source) {
    const pb::MapOutput& output = *source->output;
    if (output.data_path().empty()) return false;
    const auto file = MapOutputFile::Open(output.data_path());
    const MapOutputIdentity wanted = {options_.job_id, output.map_task(), output.attempt()};
    if (!file.ok() || (*file)->identity() != wanted ||
        (*file)->partitions() <= options_.partition) {
      return false;
    }
    const MapOutputFile::Partition& partition = (*file)->partition(options_.partition);
    if (partition.bytes <= kSmallBytes && LoadSmall((*file)->file().get(), partition, source)) {
      return true;
    }
    SortedRun run;
    run.file = (*file)->file();
    run.offset = partition.offset;
    run.bytes = partition.bytes;
    Finish(source, std::move(run));
    return true;
  }

  // Thousands of open files, each with a buffer, would cost more than what is in them.
  bool LoadSmall(File* file, const MapOutputFile::Partition& partition, Source* source) {
    auto segment = FetchedSegment::CreateInMemory(&space_, partition.bytes);
    if (segment == nullptr) return false;
    std::string bytes(partition.bytes, '\0');
    const auto got = file->Pread(partition.offset, bytes.size(), bytes.data());
    if (!got.ok() || *got != bytes.size() || !segment->Append(bytes).ok()) return false;
    Finish(source, segment->TakeRun());
    return true;
  }

  void Finish(Source* source, SortedRun run) {
    const uint32_t map_task = source->output->map_task();
    run.map_task = map_task;
    run.attempt = source->output->attempt();
    source->segment.reset();
    source->done = true;
    queue_.Done(map_task);
    --missing_;
    fetched_bytes_ += run.bytes;
    options_.progress->input_bytes.Set(fetched_bytes_);
    runs_.Add(map_task, std::move(run));
  }

  // In a thread of its own: whoever sends is listened to meanwhile.
  void StartMerge() {
    if (merge_.has_value() || !status_.ok()) return;
    merge_ = runs_.Next();
    if (!merge_.has_value()) return;
    merging_ = Thread("merge", [this] {
      merged_ = options_.merge(merge_->runs, options_.scratch_dir + "/early", &damaged_,
                               &options_.progress->steps, &stop_merge_);
      merge_done_ = true;
      loop_.Wake();
    });
  }

  // Waits for its end.
  void EndMerge() {
    merging_.Join();
    merge_done_ = false;
    const EarlyMerge::Merge merge = *std::exchange(merge_, std::nullopt);
    if (!merged_.ok()) {
      if (status_.ok()) status_ = feed_->ReportDamage(damaged_, merged_.status());
      return;
    }
    for (const SortedRun& run : merge.runs) {
      if (run.memory != nullptr) space_.ReturnMemory(run.bytes);
    }
    runs_.Done(merge, *std::move(merged_));
  }

  void StartStreams() {
    while (std::optional<FetchQueue::Batch> batch = queue_.NextBatch(Now())) {
      StartStream(*std::move(batch));
    }
  }

  void StartStream(FetchQueue::Batch batch) {
    pb::FetchRequest request;
    request.set_job_id(options_.job_id);
    request.set_partition(options_.partition);
    Stream opened = {batch.address, {}, 0, "", Now()};
    for (const uint32_t task : batch.outputs) {
      const Source& source = sources_[task];
      opened.expected.push_back({task, source.output->attempt()});
      pb::FetchRequest::Output* output = request.add_outputs();
      output->set_map_task(task);
      output->set_attempt(source.output->attempt());
      output->set_offset(source.segment == nullptr ? 0 : source.segment->received());
    }
    rpc::BulkStream* const stream =
        loop_.Open(channels_.Get(batch.address, rpc::ChannelKind::kBulk), kFetchMethod,
                   absl::InfiniteDuration());
    stream->Send(rpc::EncodeMessage(request));
    stream->CloseSend();
    streams_[stream] = std::move(opened);
  }

  void Handle(rpc::BulkEvent event) {
    const auto found = streams_.find(event.stream);
    if (found == streams_.end()) return;
    if (event.kind == rpc::BulkEvent::Kind::kMessage) {
      found->second.last_message = Now();
      const absl::Status status = Receive(event.message, &found->second);
      if (!status.ok()) EndStream(event.stream, status);
    } else if (event.kind == rpc::BulkEvent::Kind::kFinished) {
      EndStream(event.stream, event.status);
    }
  }

  // An error is the stream's: what it still owes has failed.
  absl::Status Receive(const grpc::ByteBuffer& message, Stream* stream) {
    pb::FetchHeader header;
    rpc::Payload payload;
    RETURN_IF_ERROR(rpc::DecodeBulk(message, &header, &payload));
    if (stream->next == stream->expected.size() ||
        header.map_task() != stream->expected[stream->next].task) {
      return InternalError("sent map output {} out of order", header.map_task());
    }
    Source& source = sources_[header.map_task()];
    const bool wanted = !source.done && source.output->attempt() == header.attempt();
    if (wanted && header.error().empty() && stream->refused.empty()) {
      const absl::Status status = Store(header, payload, &source);
      if (status.code() == absl::StatusCode::kDataLoss) {
        stream->refused = Message(status);
        source.segment.reset();
      } else if (!status.ok()) {
        status_ = status;  // of this machine
        return status;
      }
    }
    const bool last = header.offset() + payload.size() >= header.partition_bytes();
    if (!header.error().empty()) {
      Settle(stream, header.error());
    } else if (last) {
      Settle(stream, stream->refused);
    }
    return absl::OkStatus();
  }

  // The stream is through with its present output: it is here, or it came to nothing.
  void Settle(Stream* stream, std::string failure) {
    const Asked asked = stream->expected[stream->next++];
    Source& source = sources_[asked.task];
    stream->refused.clear();
    if (source.done) return;
    if (source.output->attempt() != asked.attempt) return queue_.Release(asked.task);
    if (failure.empty() && source.segment != nullptr && source.segment->complete()) {
      return Finish(&source, source.segment->TakeRun());
    }
    CountFailure(source, failure.empty() ? "ended early" : failure);
  }

  // DataLoss: the bytes do not continue what is here, or are damaged.
  absl::Status Store(const pb::FetchHeader& header, const rpc::Payload& payload, Source* source) {
    if (source->segment == nullptr) {
      ASSIGN_OR_RETURN(source->segment, FetchedSegment::Create(&space_, header.partition_bytes()));
    }
    FetchedSegment* const segment = source->segment.get();
    if (header.offset() != segment->received() || header.partition_bytes() != segment->size() ||
        payload.size() > segment->size() - segment->received()) {
      return DataLossError("continued at {} of {} bytes", header.offset(),
                           header.partition_bytes());
    }
    for (const grpc::Slice& slice : payload.slices()) {
      RETURN_IF_ERROR(
          segment->Append({reinterpret_cast<const char*>(slice.begin()), slice.size()}));
    }
    return absl::OkStatus();
  }

  void CountFailure(const Source& source, const std::string& reason) {
    const pb::MapOutput& output = *source.output;
    if (queue_.Failed(output.map_task(), Now()) < kFailuresBeforeReport) return;
    LogWarning("fetch_failed", {{"map_task", output.map_task()},
                                {"attempt", output.attempt()},
                                {"address", output.address()},
                                {"reason", reason}});
    feed_->Report(output.map_task(), output.attempt(), reason);
  }

  // Everything that the stream still owes has failed once, unless it ended well.
  void EndStream(rpc::BulkStream* handle, const absl::Status& status) {
    Stream stream = std::move(streams_.at(handle));
    streams_.erase(handle);
    loop_.Close(handle);
    queue_.EndBatch(stream.address);
    const bool owes = stream.next < stream.expected.size();
    const std::string reason =
        fmt::format("{}: {}", stream.address,
                    status.ok() ? "ended before everything was sent" : Message(status));
    while (stream.next < stream.expected.size()) Settle(&stream, reason);
    // A worker that was started again listens before gRPC's own back-off has passed.
    if (owes) channels_.Forget(stream.address);
  }

  void DropSilentStreams() {
    std::vector<rpc::BulkStream*> silent;
    for (const auto& [handle, stream] : streams_) {
      if (Now() - stream.last_message > kSilence) silent.push_back(handle);
    }
    for (rpc::BulkStream* handle : silent) {
      EndStream(handle,
                DeadlineExceededError("sent nothing for {}", absl::FormatDuration(kSilence)));
    }
  }

  const ShuffleOptions options_;
  MapOutputFeed* const feed_;
  SegmentSpace space_;
  FetchQueue queue_;
  std::vector<Source> sources_;
  EarlyMerge runs_;
  uint32_t missing_;
  uint64_t fetched_bytes_ = 0;
  absl::Status status_;
  rpc::ChannelCache channels_;
  rpc::BulkLoop loop_;
  std::map<rpc::BulkStream*, Stream> streams_;
  // The merge that is under way. The thread has the rest until it says that it is done.
  std::optional<EarlyMerge::Merge> merge_;
  absl::StatusOr<SortedRun> merged_;
  SortedRun damaged_;
  std::atomic<bool> merge_done_ = false;
  std::atomic<bool> stop_merge_ = false;  // nobody needs it any more
  Thread merging_;                        // last: it uses the others
};

}  // namespace

absl::StatusOr<std::vector<SortedRun>> GatherRuns(const ShuffleOptions& options,
                                                  MapOutputFeed* feed) {
  return Shuffle(options, feed).Run();
}

}  // namespace quern::mr
