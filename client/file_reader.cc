#include "client/file_reader.h"

#include <algorithm>
#include <cstring>

#include "client/read/read_stream_impl.h"

namespace quern::client {

FileReader::FileReader(ClientContext* context, std::shared_ptr<ChunkMap> chunks)
    : context_(context), chunks_(std::move(chunks)) {}
FileReader::~FileReader() = default;
const FileStatus& FileReader::status() const { return chunks_->status(); }

std::unique_ptr<ReadStream> FileReader::Stream(uint64_t offset, uint64_t length) {
  const uint64_t size = status().length;
  const uint64_t begin = std::min(offset, size);
  const uint64_t end = begin + std::min(length, size - begin);
  return std::make_unique<ReadStreamImpl>(context_, chunks_, begin, end);
}

absl::StatusOr<size_t> FileReader::Pread(uint64_t offset, size_t n, char* out) {
  const std::unique_ptr<ReadStream> stream = Stream(offset, n);
  size_t done = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
    if (bytes.empty()) return done;
    std::memcpy(out + done, bytes.data(), bytes.size());
    done += bytes.size();
  }
}

}  // namespace quern::client
