#include "chunkserver/service/local_reads.h"

#include <sys/socket.h>

#include "common/local_socket.h"
#include "common/log.h"

namespace quern::chunkserver {
namespace {

constexpr int kThreads = 16;
constexpr int kThreadsOfADisk = 4;
// A reader that connects sends its request at once.
constexpr absl::Duration kRequestPatience = absl::Seconds(1);
constexpr absl::Duration kPauseAfterError = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<LocalReads>> LocalReads::Start(const Services& services,
                                                              std::string_view address) {
  ASSIGN_OR_RETURN(UniqueFd listener, ListenLocally(LocalReadsName(address)));
  std::unique_ptr<LocalReads> reads(new LocalReads(services, std::move(listener)));
  for (int i = 0; i < kThreads; ++i) {
    reads->threads_.emplace_back("local-reads", [self = reads.get()] { self->Run(); });
  }
  return reads;
}

LocalReads::~LocalReads() {
  shutdown(listener_.get(), SHUT_RDWR);
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    stop_.SignalAll();
  }
  threads_.clear();  // joins
}

void LocalReads::Run() {
  while (true) {
    const absl::StatusOr<UniqueFd> socket = AcceptLocally(listener_.get());
    if (absl::IsCancelled(socket.status())) return;
    if (socket.ok()) {
      Serve(socket->get());
    } else {
      // No descriptors or no memory: readers get no answer and come by the usual way.
      LogWarning("local_read_refused", {{"status", socket.status()}});
      Pause();
    }
  }
}

void LocalReads::Pause() {
  MutexLock lock(&mutex_);
  if (!stopping_) stop_.WaitFor(&mutex_, kPauseAfterError);
}

void LocalReads::Serve(int socket) {
  const absl::StatusOr<LocalMessage> request = ReceiveLocally(socket, kRequestPatience);
  if (!request.ok()) return;
  std::unique_ptr<File> file;
  absl::StatusOr<pb::OpenLocalResponse> answer = Open(request->bytes, &file);
  pb::OpenLocalResponse response;
  if (answer.ok()) {
    response = *std::move(answer);
    services_.metrics->local_reads.Increment();
  } else {
    response.set_code(static_cast<int32_t>(answer.status().code()));
    response.set_message(std::string(Message(answer.status())));
    file.reset();
  }
  // A reader that is gone misses nothing.
  SendLocally(socket, response.SerializeAsString(), file == nullptr ? -1 : file->fd())
      .IgnoreError();
}

absl::StatusOr<pb::OpenLocalResponse> LocalReads::Open(std::string_view bytes,
                                                       std::unique_ptr<File>* file) {
  pb::OpenLocalRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return InvalidArgumentError("{} bytes are no request", bytes.size());
  }
  const SealedAs sealed{.length = request.sealed().length(), .crc = request.sealed().crc()};
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica,
                   services_.store->FindToRead(ChunkId(request.chunk_id()), sealed));
  RETURN_IF_ERROR(replica->Readable(sealed).status());
  const ReplicaReport report = replica->facts().report;
  if (report.state != ReplicaState::kFinalized || report.length != sealed.length ||
      report.crc != sealed.crc) {
    return FailedPreconditionError("chunk {}: is not sealed here as {} bytes with crc {:08x}",
                                   replica->chunk(), sealed.length, sealed.crc);
  }
  const Disk* const disk = &replica->disk();
  if (!BeginOpening(disk)) return UnavailableError("{}: does not answer fast enough", disk->path());
  absl::StatusOr<pb::OpenLocalResponse> response = OpenFile(*replica, file);
  EndOpening(disk);
  return response;
}

absl::StatusOr<pb::OpenLocalResponse> LocalReads::OpenFile(Replica& replica,
                                                           std::unique_ptr<File>* file) {
  const Disk::Use use(&replica.disk());
  ASSIGN_OR_RETURN(const SealedSums sums, replica.LoadSums());
  ASSIGN_OR_RETURN(*file, replica.OpenForReading());
  if ((*file)->fd() < 0) {
    return FailedPreconditionError("chunk {}: has no file of its own", replica.chunk());
  }
  if (sums.blocks.size() * sizeof(uint32_t) > kMaxLocalMessage / 2) {
    return FailedPreconditionError("chunk {}: has {} blocks, too many for a message",
                                   replica.chunk(), sums.blocks.size());
  }
  pb::OpenLocalResponse response;
  response.mutable_block_crcs()->Add(sums.blocks.begin(), sums.blocks.end());
  return response;
}

bool LocalReads::BeginOpening(const Disk* disk) {
  MutexLock lock(&mutex_);
  int& opening = opening_[disk];
  if (opening >= kThreadsOfADisk) return false;
  ++opening;
  return true;
}

void LocalReads::EndOpening(const Disk* disk) {
  MutexLock lock(&mutex_);
  if (--opening_[disk] == 0) opening_.erase(disk);
}

}  // namespace quern::chunkserver
