#include "mapreduce/worker/log_sender.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "common/rpc/bulk_codec.h"

namespace quern::mr {
namespace {

using Kind = rpc::BulkEvent::Kind;

constexpr size_t kPieceBytes = size_t{256} << 10;
constexpr size_t kMaxUnsentBytes = size_t{4} << 20;
constexpr absl::Duration kPatience = absl::Minutes(5);
// A follower hears something at least so often: sending is how one that is gone is noticed.
constexpr absl::Duration kSignOfLife = absl::Seconds(5);

}  // namespace

absl::Status LogSender::Run() {
  if (request_.follow()) return Follow();
  RETURN_IF_ERROR(Open(nullptr));
  return SendNews();
}

absl::Status LogSender::Follow() {
  RunningLogs::Follower follower(logs_, request_.id(), [loop = loop_] { loop->Wake(); });
  while (true) {
    // Asked before reading: what was printed before the end is there then.
    const bool runs = logs_->Runs(request_.id());
    const absl::Status opened = Open(&follower);
    if (!opened.ok() && file_ == nullptr && !runs) return opened;
    if (file_ != nullptr) RETURN_IF_ERROR(SendNews());
    if (!runs) return absl::OkStatus();
    RETURN_IF_ERROR(WaitForNews());
  }
}

absl::Status LogSender::Open(RunningLogs::Follower* follower) {
  ASSIGN_OR_RETURN(const std::string path, scratch_.FindLog(request_.id()));
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
  if (file_ != nullptr && info.st_ino == inode_) return absl::OkStatus();
  if (follower != nullptr) follower->WatchFile(path);  // before its first byte is read
  ASSIGN_OR_RETURN(file_, FileSystem::Real()->Open(path, {}));
  if (fstat(file_->fd(), &info) != 0) return ErrnoStatus(errno, path);
  inode_ = info.st_ino;
  return absl::OkStatus();
}

absl::Status LogSender::SendNews() {
  ASSIGN_OR_RETURN(const uint64_t size, file_->Size());
  bool restarted = size < offset_;
  if (restarted) offset_ = 0;
  std::string buffer(kPieceBytes, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t got, file_->Pread(offset_, buffer.size(), buffer.data()));
    if (got > 0 || restarted) Send(buffer.substr(0, got), std::exchange(restarted, false));
    if (got == 0) return absl::OkStatus();
    offset_ += got;
    RETURN_IF_ERROR(WaitForRoom());
  }
}

void LogSender::Send(std::string data, bool restarted) {
  pb::ReadLogResponse response;
  response.set_data(std::move(data));
  response.set_restarted(restarted);
  stream_->Send(rpc::EncodeMessage(response));
}

absl::Status LogSender::WaitForRoom() {
  while (stream_->unsent_bytes() >= kMaxUnsentBytes) {
    const rpc::BulkEvent event = loop_->Next(kPatience);
    if (event.kind == Kind::kStopping) return UnavailableError("the worker is stopping");
    if (event.kind == Kind::kTimeout) return DeadlineExceededError("the reader takes nothing");
  }
  if (stream_->failed()) return CancelledError("the reader is gone");
  return absl::OkStatus();
}

absl::Status LogSender::WaitForNews() {
  while (true) {
    const rpc::BulkEvent event = loop_->Next(kSignOfLife);
    if (event.kind == Kind::kStopping) return UnavailableError("the worker is stopping");
    if (stream_->failed()) return CancelledError("the reader is gone");
    if (event.kind == Kind::kTimeout) Send("", /*restarted=*/false);
    if (event.kind == Kind::kTimeout || event.kind == Kind::kWoken) return absl::OkStatus();
  }
}

}  // namespace quern::mr
