// Files that are made together with their first chunks.
#include <atomic>
#include <map>
#include <utility>

#include "common/notification.h"
#include "master/logic/chunk_lifecycle.h"
#include "master/service/chunk_allocator.h"

namespace quern::master {
namespace {

constexpr int kMaxFiles = 256;

}  // namespace

absl::StatusOr<ChunkAllocator::MaybeChunks> ChunkAllocator::MakeForFiles(
    const pb::CreateManyRequest& request, const DecideFile& decide) {
  struct Group {
    std::vector<int> files;
    std::vector<Wish> wishes;
  };
  std::map<std::pair<uint32_t, int>, Group> groups;  // by replication and durability
  {
    // What is wrong with a name is found before any server is asked.
    const std::unique_ptr<RowReader> rows = committer_.Snapshot();
    const MetadataView view(*rows);
    for (int i = 0; i < request.files_size(); ++i) {
      const File& file = request.files(i);
      if (committer_.HoldsAnswer(file.header())) continue;
      const absl::StatusOr<Outcome<pb::CreateResponse>> checked = decide(view, file);
      RETURN_IF_ERROR(view.status());
      if (!checked.ok()) continue;
      const pb::InodeRow& row = checked->record->create_file().inode();
      Group& group = groups[{row.replication(), row.durability()}];
      group.files.push_back(i);
      group.wishes.push_back({row, ChunkCapacity(row, file.expected_bytes())});
    }
  }
  Writer writer{.node = request.writer_node(), .avoid = {}};
  for (const uint32_t server : request.exclude_servers()) writer.avoid.emplace_back(server);
  MaybeChunks made(static_cast<size_t>(request.files_size()));
  for (const auto& [kind, group] : groups) {
    absl::StatusOr<std::vector<NewChunk>> chunks = Make(group.wishes, writer);
    if (!chunks.ok()) {
      for (const auto& chunk : made) {
        if (chunk.has_value()) Undo(*chunk);
      }
      return chunks.status();
    }
    for (size_t i = 0; i < group.files.size(); ++i) {
      made[static_cast<size_t>(group.files[i])] = std::move((*chunks)[i]);
    }
  }
  return made;
}

absl::StatusOr<Outcome<pb::CreatedFile>> ChunkAllocator::DecideCreated(
    const MetadataView& view, const File& file, const DecideFile& decide,
    const std::optional<NewChunk>& made) {
  ASSIGN_OR_RETURN(Outcome<pb::CreateResponse> decided, decide(view, file));
  if (!made.has_value()) {
    return UnavailableError("{}: was not possible a moment ago. Try: again", file.file().path());
  }
  pb::CreateFile* create = decided.record->mutable_create_file();
  pb::LogRecord chunk =
      ChunkLifecycle::Add(made->id, InodeId(create->inode_id()), create->inode(), made->chain);
  *create->mutable_first_chunk() = std::move(*chunk.mutable_add_chunk());
  Outcome<pb::CreatedFile> outcome;
  outcome.record = std::move(decided.record);
  *outcome.response.mutable_file() = std::move(decided.response);
  *outcome.response.mutable_chunk()->mutable_chunk() = made->location;
  outcome.response.mutable_chunk()->set_capacity(made->capacity);
  return outcome;
}

std::vector<absl::StatusOr<pb::CreatedFile>> ChunkAllocator::RecordFiles(
    const pb::CreateManyRequest& request, const DecideFile& decide, const MaybeChunks& made) {
  const auto count = static_cast<size_t>(request.files_size());
  std::vector<absl::StatusOr<pb::CreatedFile>> answers(count);
  std::atomic<size_t> missing = count;
  Notification all;
  {
    const Committer::Together together(&committer_);
    for (size_t i = 0; i < count; ++i) {
      const File& file = request.files(static_cast<int>(i));
      committer_.AnswerLater<pb::CreatedFile>(
          file.header(),
          [&](const MetadataView& view) { return DecideCreated(view, file, decide, made[i]); },
          [&answers, &missing, &all, i](absl::StatusOr<pb::CreatedFile> answer) {
            answers[i] = std::move(answer);
            if (missing.fetch_sub(1) == 1) all.Notify();
          });
    }
  }
  committer_.Hurry();
  all.Wait();
  return answers;
}

absl::StatusOr<pb::CreateManyResponse> ChunkAllocator::CreateMany(
    const pb::CreateManyRequest& request, const DecideFile& decide) {
  if (request.files().empty() || request.files_size() > kMaxFiles) {
    return InvalidArgumentError("{} files at once: 1 to {} are possible", request.files_size(),
                                kMaxFiles);
  }
  ASSIGN_OR_RETURN(const MaybeChunks made, MakeForFiles(request, decide));
  const auto answers = RecordFiles(request, decide, made);
  pb::CreateManyResponse response;
  absl::Status again;
  for (size_t i = 0; i < answers.size(); ++i) {
    const absl::StatusOr<pb::CreatedFile>& answer = answers[i];
    // The name is taken by now, or the same request was quicker by another thread.
    const bool used = answer.ok() && made[i].has_value() &&
                      answer->chunk().chunk().chunk_id() == made[i]->id.value();
    if (made[i].has_value() && !used) Undo(*made[i]);
    if (absl::IsUnavailable(answer.status())) again = answer.status();
    auto* told = response.add_answers();
    told->set_code(static_cast<int32_t>(answer.status().code()));
    told->set_message(std::string(Message(answer.status())));
    if (answer.ok()) *told->mutable_made() = *answer;
  }
  RETURN_IF_ERROR(again);
  return response;
}

}  // namespace quern::master
