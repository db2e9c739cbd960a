#include "mapreduce/task/shuffle.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "common/clock.h"
#include "common/log.h"
#include "common/rpc/bulk.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/channel.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/task/fetched_segment.h"
#include "quern/mr/v1/shuffle.pb.h"

namespace quern::mr {

namespace {

constexpr char kFetchMethod[] = "/quern.mr.v1.Shuffle/Fetch";
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(5);
// A stream that brings nothing for so long is given up.
constexpr absl::Duration kSilence = absl::Seconds(20);
// Failures of one output, each after a longer pause, before it is reported: about a second.
constexpr int kFailuresBeforeReport = 4;
constexpr int kOutputsPerStream = 1000;
// How finely the time spent waiting is told.
constexpr absl::Duration kWaitStep = absl::Seconds(5);

class Shuffle {
 public:
  Shuffle(const ShuffleOptions& options, MapOutputFeed* feed)
      : options_(options),
        feed_(feed),
        space_(options.scratch_dir, options.memory_bytes),
        sources_(options.map_tasks),
        missing_(options.map_tasks) {
    feed_->SetWake([this] { loop_.Wake(); });
  }
  ~Shuffle() { feed_->SetWake(nullptr); }

  absl::StatusOr<std::vector<SortedRun>> Run() {
    options_.progress->StartPhase({"shuffle", 0, 0.33}, options_.map_tasks);
    const absl::Time start = Now();
    while (missing_ > 0 && status_.ok()) {
      for (const pb::MapOutput& output : feed_->Take()) Learn(output);
      const absl::Duration pause = StartStreams();
      if (missing_ == 0) break;
      Handle(loop_.Next(pause));
      DropSilentStreams();
      ReportProgress(start);
    }
    RETURN_IF_ERROR(status_);
    std::vector<SortedRun> runs;
    for (Source& source : sources_) {
      if (source.run.bytes > 0) runs.push_back(std::move(source.run));
    }
    return runs;
  }

 private:
  // What is known of one map task's output.
  struct Source {
    std::optional<pb::MapOutput> output;
    bool done = false;
    bool asked = false;  // in a stream that is under way
    int failures = 0;
    absl::Time retry_at = absl::InfinitePast();
    std::unique_ptr<FetchedSegment> segment;  // what has arrived
    SortedRun run;
  };
  // A stream to one worker, and what it still owes, in order.
  struct Stream {
    std::string address;
    std::vector<uint32_t> expected;
    size_t next = 0;
    absl::Time last_message;
  };

  void ReportProgress(absl::Time start) {
    options_.progress->phase_done.Set(options_.map_tasks - missing_);
    const absl::Duration waited = absl::Floor(Now() - start, kWaitStep);
    options_.progress->waited_ms.Set(static_cast<uint64_t>(absl::ToInt64Milliseconds(waited)));
  }

  absl::Time Now() { return Clock::Real()->MonotonicNow(); }

  void Learn(const pb::MapOutput& output) {
    if (output.map_task() >= sources_.size()) return;
    Source& source = sources_[output.map_task()];
    if (source.done) return;
    const bool other_attempt =
        source.output.has_value() && source.output->attempt() != output.attempt();
    if (other_attempt) source.segment.reset();
    source.output = output;
    source.failures = 0;
    source.retry_at = absl::InfinitePast();
    OpenDirectly(&source);
  }

  // Success proves that the file is on this machine and the right one; anything else is no error.
  void OpenDirectly(Source* source) {
    const pb::MapOutput& output = *source->output;
    if (output.data_path().empty()) return;
    const auto file = MapOutputFile::Open(output.data_path());
    const MapOutputIdentity wanted = {options_.job_id, output.map_task(), output.attempt()};
    if (!file.ok() || (*file)->identity() != wanted ||
        (*file)->partitions() <= options_.partition) {
      return;
    }
    const MapOutputFile::Partition& partition = (*file)->partition(options_.partition);
    SortedRun run;
    run.file = (*file)->file();
    run.offset = partition.offset;
    run.bytes = partition.bytes;
    Finish(source, std::move(run));
  }

  void Finish(Source* source, SortedRun run) {
    source->run = std::move(run);
    source->run.map_task = source->output->map_task();
    source->run.attempt = source->output->attempt();
    source->segment.reset();
    source->done = true;
    --missing_;
    fetched_bytes_ += source->run.bytes;
    options_.progress->input_bytes.Set(fetched_bytes_);
  }

  // Asks every worker that owes something and is not being asked. Returns how long to wait for what
  // may happen next.
  absl::Duration StartStreams() {
    const absl::Time now = Now();
    absl::Time next_try = now + absl::Seconds(1);
    std::map<std::string, std::vector<uint32_t>> wanted;
    for (uint32_t task = 0; task < sources_.size(); ++task) {
      const Source& source = sources_[task];
      if (source.done || source.asked || !source.output.has_value()) continue;
      next_try = std::min(next_try, std::max(source.retry_at, now));
      if (source.retry_at <= now) wanted[source.output->address()].push_back(task);
    }
    bool waiting = false;
    for (auto& [address, tasks] : wanted) {
      if (streams_.size() >= options_.max_streams || IsAsked(address)) {
        waiting = true;
        continue;
      }
      if (tasks.size() > kOutputsPerStream) tasks.resize(kOutputsPerStream);
      StartStream(address, std::move(tasks));
    }
    return waiting || wanted.size() > 0 ? absl::Seconds(1) : next_try - now;
  }

  bool IsAsked(const std::string& address) const {
    return std::any_of(streams_.begin(), streams_.end(),
                       [&](const auto& entry) { return entry.second.address == address; });
  }

  void StartStream(const std::string& address, std::vector<uint32_t> tasks) {
    pb::FetchRequest request;
    request.set_job_id(options_.job_id);
    request.set_partition(options_.partition);
    for (const uint32_t task : tasks) {
      Source& source = sources_[task];
      source.asked = true;
      pb::FetchRequest::Output* output = request.add_outputs();
      output->set_map_task(task);
      output->set_attempt(source.output->attempt());
      output->set_offset(source.segment == nullptr ? 0 : source.segment->received());
    }
    rpc::BulkStream* const stream = loop_.Open(channels_.Get(address, rpc::ChannelKind::kBulk),
                                               kFetchMethod, absl::InfiniteDuration());
    stream->Send(rpc::EncodeMessage(request));
    stream->CloseSend();
    streams_[stream] = {address, std::move(tasks), 0, Now()};
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

  absl::Status Receive(const grpc::ByteBuffer& message, Stream* stream) {
    pb::FetchHeader header;
    rpc::Payload payload;
    RETURN_IF_ERROR(rpc::DecodeBulk(message, &header, &payload));
    if (stream->next == stream->expected.size() ||
        header.map_task() != stream->expected[stream->next]) {
      return InternalError("sent map output {} out of order", header.map_task());
    }
    Source& source = sources_[header.map_task()];
    const bool current = !source.done && source.output->attempt() == header.attempt();
    if (!header.error().empty()) {
      ++stream->next;
      source.asked = false;
      if (current) CountFailure(&source, header.error());
      return absl::OkStatus();
    }
    if (!current) return SkipOld(header, payload, &source, stream);
    status_ = Store(header, payload, &source);
    RETURN_IF_ERROR(status_);
    if (source.segment == nullptr) {
      return DataLossError("map output {}: continued at {}", header.map_task(), header.offset());
    }
    if (!source.segment->complete()) return absl::OkStatus();
    ++stream->next;
    source.asked = false;
    Finish(&source, source.segment->TakeRun());
    return absl::OkStatus();
  }

  // Adds to the segment, or drops it when the bytes do not continue it. An error is this machine's.
  absl::Status Store(const pb::FetchHeader& header, const rpc::Payload& payload, Source* source) {
    if (source->segment == nullptr) {
      ASSIGN_OR_RETURN(source->segment, FetchedSegment::Create(&space_, header.partition_bytes()));
    }
    FetchedSegment* const segment = source->segment.get();
    if (header.offset() != segment->received() || header.partition_bytes() != segment->size() ||
        payload.size() > segment->size() - segment->received()) {
      source->segment.reset();
      return absl::OkStatus();
    }
    for (const grpc::Slice& slice : payload.slices()) {
      RETURN_IF_ERROR(
          segment->Append({reinterpret_cast<const char*>(slice.begin()), slice.size()}));
    }
    return absl::OkStatus();
  }

  // Another attempt's output has become the right one meanwhile.
  absl::Status SkipOld(const pb::FetchHeader& header, const rpc::Payload& payload, Source* source,
                       Stream* stream) {
    if (header.offset() + payload.size() >= header.partition_bytes()) {
      ++stream->next;
      source->asked = false;
    }
    return absl::OkStatus();
  }

  void CountFailure(Source* source, const std::string& reason) {
    const pb::MapOutput& output = *source->output;
    const absl::Duration pause = kFirstPause * (1 << std::min(source->failures, 6));
    source->retry_at = Now() + std::min(pause, kLongestPause);
    ++source->failures;
    if (source->failures < kFailuresBeforeReport) return;
    LogWarning("fetch_failed", {{"map_task", output.map_task()},
                                {"attempt", output.attempt()},
                                {"address", output.address()},
                                {"reason", reason}});
    feed_->Report(output.map_task(), output.attempt(), reason);
  }

  // Everything that the stream still owes has failed once, unless it ended well.
  void EndStream(rpc::BulkStream* handle, const absl::Status& status) {
    const Stream stream = std::move(streams_.at(handle));
    streams_.erase(handle);
    loop_.Close(handle);
    const absl::Status reason =
        status.ok() ? UnavailableError("ended before everything was sent") : status;
    for (size_t i = stream.next; i < stream.expected.size(); ++i) {
      Source& source = sources_[stream.expected[i]];
      source.asked = false;
      if (!source.done) {
        CountFailure(&source, fmt::format("{}: {}", stream.address, Message(reason)));
      }
    }
    // A worker that was started again listens before gRPC's own back-off has passed.
    if (stream.next < stream.expected.size()) channels_.Forget(stream.address);
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
  std::vector<Source> sources_;
  uint32_t missing_;
  uint64_t fetched_bytes_ = 0;
  absl::Status status_;
  rpc::ChannelCache channels_;
  rpc::BulkLoop loop_;
  std::map<rpc::BulkStream*, Stream> streams_;
};

}  // namespace

absl::StatusOr<std::vector<SortedRun>> GatherRuns(const ShuffleOptions& options,
                                                  MapOutputFeed* feed) {
  return Shuffle(options, feed).Run();
}

}  // namespace quern::mr
