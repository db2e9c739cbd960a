#include "client/write/small_files.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "client/write/open_writer.h"
#include "client/write/whole_chunks.h"
#include "common/parallel.h"

namespace quern::client {
namespace {

static_assert(kMaxSmallFile == kPieceBytes);

// One of the files, on its way.
struct InWork {
  const SmallFile* file = nullptr;
  std::unique_ptr<WriterImpl> writer{};      // none: it could not be made
  std::optional<WholeChunk> whole{};         // while it is to be sent with others
  std::optional<pb::CompleteRequest> end{};  // its chunk is closed
  std::optional<pb::AbandonRequest> left{};  // it failed; the master does not know
  absl::StatusOr<FileStatus> result{};
};

using Work = std::span<InWork* const>;

// What waits for servers for one file after the other; they know nothing of each other.
template <typename Body>
void ForEach(Work work, const Body& body) {
  // Each says in its own result what went wrong.
  ParallelFor(work.size(), [&](size_t i) {
    body(work[i]);
    return absl::OkStatus();
  }).IgnoreError();
}

void CreateTogether(ClientContext* context, Work work);

// Not all of them could be made: where there is little room, some still can.
void CreateEach(ClientContext* context, Work work) {
  ParallelFor(work.size(), [&](size_t i) {
    CreateTogether(context, work.subspan(i, 1));
    return absl::OkStatus();
  }).IgnoreError();
}

void CreateTogether(ClientContext* context, Work work) {
  pb::CreateManyRequest request = NewCreateMany(*context);
  for (const InWork* one : work) {
    AddFile(one->file->path, one->file->options, one->file->bytes.size(), &request);
  }
  const auto made = context->master.CreateMany(std::move(request));
  if (absl::IsResourceExhausted(made.status()) && work.size() > 1) return CreateEach(context, work);
  for (size_t i = 0; i < work.size(); ++i) {
    const SmallFile& file = *work[i]->file;
    if (!made.ok()) {
      work[i]->result = made.status();
      continue;
    }
    auto writer = OpenWriter(context, file.path, file.options, made->answers(static_cast<int>(i)));
    if (writer.ok()) {
      work[i]->writer = *std::move(writer);
    } else {
      work[i]->result = writer.status();
    }
  }
}

// What went wrong with one file ends that one.
void GiveUp(InWork* one, const absl::Status& why) {
  one->result = why;
  one->left = one->writer->BeginAbandon();
  one->writer.reset();
}

void AbandonAll(ClientContext* context, Work work) {
  std::vector<pb::AbandonRequest> requests;
  for (InWork* one : work) {
    if (one->left.has_value()) requests.push_back(*std::move(one->left));
  }
  context->master.AbandonMany(std::move(requests));
}

void Begin(InWork* one) {
  absl::Status status = one->writer->Append(one->file->bytes);
  if (status.ok()) {
    auto whole = one->writer->BeginWhole();
    status = whole.status();
    if (whole.ok()) one->whole = *std::move(whole);
  }
  if (!status.ok()) GiveUp(one, status);
}

bool SameChain(const InWork& a, const InWork& b) {
  return a.whole->chunk.chain == b.whole->chunk.chain;
}

// Those from the first on that go in one message.
Work OneMessage(Work work) {
  size_t count = 0;
  size_t bytes = 0;
  while (count < work.size() && count < kMaxWholeChunks) {
    bytes += work[count]->whole->piece.size();
    if (count > 0 && (bytes > kPieceBytes || !SameChain(*work[0], *work[count]))) break;
    ++count;
  }
  return work.first(count);
}

void End(InWork* one, const ChunkFailure& failure) {
  auto end = one->writer->EndWhole(*one->whole, failure);
  if (end.ok()) {
    one->end = *std::move(end);
  } else {
    GiveUp(one, end.status());
  }
}

void Send(ClientContext* context, Work work) {
  std::vector<WholeChunk> chunks;
  for (const InWork* one : work) chunks.push_back(*one->whole);
  const ChunkFailure failure = SendWhole(context, chunks);
  if (failure.status.ok()) {
    for (InWork* one : work) End(one, failure);
    return;
  }
  // Each has the master settle what became of its chunk, which takes a while where a server is
  // silent: side by side.
  ForEach(work, [&failure](InWork* one) { End(one, failure); });
}

void SendAll(ClientContext* context, Work work) {
  std::vector<InWork*> whole;
  for (InWork* one : work) {
    if (one->writer == nullptr) continue;
    Begin(one);
    if (one->whole.has_value()) whole.push_back(one);
  }
  for (Work left(whole); !left.empty();) {
    const Work message = OneMessage(left);
    Send(context, message);
    left = left.subspan(message.size());
  }
}

void Finish(InWork* one, absl::StatusOr<FileStatus> result) {
  if (!result.ok()) return GiveUp(one, result.status());
  one->result = std::move(result);
}

void CompleteAll(ClientContext* context, Work work) {
  std::vector<InWork*> closed;
  std::vector<pb::CompleteRequest> requests;
  for (InWork* one : work) {
    if (!one->end.has_value()) continue;
    closed.push_back(one);
    requests.push_back(*std::move(one->end));
  }
  const auto responses = context->master.CompleteMany(std::move(requests));
  for (size_t i = 0; i < closed.size(); ++i) {
    Finish(closed[i], closed[i]->writer->Completed(responses[i]));
  }
  std::vector<InWork*> alone;
  for (InWork* one : work) {
    if (one->writer != nullptr && !one->end.has_value()) alone.push_back(one);
  }
  ForEach(alone, [](InWork* one) { Finish(one, one->writer->SealAndComplete()); });
}

void WriteSome(ClientContext* context, Work work) {
  CreateTogether(context, work);
  SendAll(context, work);
  CompleteAll(context, work);
  AbandonAll(context, work);
}

}  // namespace

std::vector<absl::StatusOr<FileStatus>> WriteSmallFiles(ClientContext* context,
                                                        std::span<const SmallFile> files) {
  std::vector<InWork> all(files.size());
  std::vector<InWork*> good;
  for (size_t i = 0; i < files.size(); ++i) {
    const size_t bytes = files[i].bytes.size();
    all[i].file = &files[i];
    if (bytes > 0 && bytes <= kMaxSmallFile) {
      good.push_back(&all[i]);
    } else {
      all[i].result = InvalidArgumentError("{}: has {} bytes, small files have 1 to {}",
                                           files[i].path, bytes, kMaxSmallFile);
    }
  }
  for (Work left(good); !left.empty();) {
    const Work some = left.first(std::min(left.size(), kMaxWholeChunks));
    WriteSome(context, some);
    left = left.subspan(some.size());
  }
  std::vector<absl::StatusOr<FileStatus>> results;
  for (InWork& one : all) results.push_back(std::move(one.result));
  return results;
}

}  // namespace quern::client
