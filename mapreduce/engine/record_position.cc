#include "mapreduce/engine/record_position.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "common/storage/file_io.h"

namespace quern::mr {

using Page = RecordPositionWriter::Page;
static_assert(sizeof(Page) == 4096 && offsetof(Page, source) == 24);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

absl::StatusOr<std::unique_ptr<RecordPositionWriter>> RecordPositionWriter::Create(
    const std::string& path) {
  ASSIGN_OR_RETURN(
      const std::unique_ptr<File> file,
      FileSystem::Real()->Open(path, {.write = true, .create = true, .truncate = true}));
  // A mapped hole would raise SIGBUS on a full disk at some later store.
  RETURN_IF_ERROR(file->Pwrite(std::string(sizeof(Page), '\0'), 0));
  void* page = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, file->fd(), 0);
  if (page == MAP_FAILED) return ErrnoStatus(errno, path + ": mmap");
  return std::unique_ptr<RecordPositionWriter>(new RecordPositionWriter(static_cast<Page*>(page)));
}

std::unique_ptr<RecordPositionWriter> RecordPositionWriter::Private() {
  void* page =
      mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  return std::unique_ptr<RecordPositionWriter>(new RecordPositionWriter(static_cast<Page*>(page)));
}

RecordPositionWriter::~RecordPositionWriter() { munmap(page_, sizeof(Page)); }

void RecordPositionWriter::SetSource(std::string_view source, uint32_t piece) {
  const size_t size = std::min(source.size(), sizeof(Page::source));
  page_->source_size.store(0, std::memory_order_relaxed);
  page_->piece.store(piece, std::memory_order_relaxed);
  if (size > 0) std::memcpy(page_->source, source.data(), size);
  page_->source_size.store(static_cast<uint32_t>(size), std::memory_order_relaxed);
}

RecordPosition RecordPositionWriter::Get() const {
  return {phase(), page_->position.load(std::memory_order_relaxed),
          page_->piece.load(std::memory_order_relaxed),
          std::string(page_->source, page_->source_size.load(std::memory_order_relaxed)),
          page_->closed.load(std::memory_order_relaxed)};
}

absl::StatusOr<RecordPosition> ReadRecordPosition(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFileToString(FileSystem::Real(), path));
  RecordPosition position;
  if (bytes.size() != sizeof(Page)) return position;
  uint32_t words[2];
  std::memcpy(words, bytes.data(), sizeof(words));
  std::memcpy(&position.position, bytes.data() + 8, sizeof(position.position));
  std::memcpy(&position.piece, bytes.data() + 16, sizeof(position.piece));
  std::memcpy(&position.closed, bytes.data() + offsetof(Page, closed), sizeof(position.closed));
  if (words[0] > static_cast<uint32_t>(RecordPhase::kReading)) return position;
  position.phase = static_cast<RecordPhase>(words[0]);
  position.source =
      bytes.substr(offsetof(Page, source), std::min<size_t>(words[1], sizeof(Page::source)));
  return position;
}

}  // namespace quern::mr
