#include "mapreduce/engine/map_output_file.h"

#include <cstring>

#include "common/crc32c.h"

namespace quern::mr {

namespace {

constexpr size_t kHeaderFixedBytes = 20;  // up to the job id
constexpr uint32_t kMaxJobIdBytes = 256;

void PutU32(uint32_t value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}
void PutU64(uint64_t value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}
template <typename T>
T Get(std::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

absl::StatusOr<std::string> ReadExactly(File* file, uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  ASSIGN_OR_RETURN(const size_t got, file->Pread(offset, size, bytes.data()));
  if (got != size) return DataLossError("{}: ends after {} bytes", file->path(), offset + got);
  return bytes;
}

}  // namespace

namespace map_output_format {

std::string EncodeHeader(const MapOutputIdentity& identity) {
  std::string out(kMagic, kMagicBytes);
  PutU32(identity.map_task, &out);
  PutU32(identity.attempt, &out);
  PutU32(static_cast<uint32_t>(identity.job_id.size()), &out);
  out += identity.job_id;
  PutU32(Crc32c(out), &out);
  return out;
}

std::string EncodeIndexAndFooter(const std::vector<MapOutputFile::Partition>& index,
                                 uint64_t index_offset) {
  std::string out;
  for (const MapOutputFile::Partition& partition : index) {
    PutU64(partition.offset, &out);
    PutU64(partition.bytes, &out);
    PutU64(partition.records, &out);
  }
  PutU64(index_offset, &out);
  PutU32(static_cast<uint32_t>(index.size()), &out);
  PutU32(Crc32c(out), &out);
  out.append(kMagic, kMagicBytes);
  return out;
}

}  // namespace map_output_format

absl::StatusOr<std::shared_ptr<MapOutputFile>> MapOutputFile::Open(const std::string& path) {
  std::shared_ptr<MapOutputFile> output(new MapOutputFile());
  ASSIGN_OR_RETURN(output->file_, FileSystem::Real()->Open(path, {}));
  RETURN_IF_ERROR(output->ReadHeader());
  RETURN_IF_ERROR(output->ReadIndex());
  return output;
}

absl::Status MapOutputFile::ReadHeader() {
  ASSIGN_OR_RETURN(std::string bytes, ReadExactly(file_.get(), 0, kHeaderFixedBytes));
  const uint32_t id_size = Get<uint32_t>(bytes, 16);
  if (bytes.substr(0, map_output_format::kMagicBytes) != map_output_format::kMagic ||
      id_size > kMaxJobIdBytes) {
    return DataLossError("{}: not a map output", file_->path());
  }
  ASSIGN_OR_RETURN(bytes, ReadExactly(file_.get(), 0, kHeaderFixedBytes + id_size + 4));
  const std::string_view covered = std::string_view(bytes).substr(0, bytes.size() - 4);
  if (Get<uint32_t>(bytes, covered.size()) != Crc32c(covered)) {
    return DataLossError("{}: header is damaged", file_->path());
  }
  identity_ = {bytes.substr(kHeaderFixedBytes, id_size), Get<uint32_t>(bytes, 8),
               Get<uint32_t>(bytes, 12)};
  return absl::OkStatus();
}

absl::Status MapOutputFile::ReadIndex() {
  using namespace map_output_format;
  ASSIGN_OR_RETURN(const uint64_t size, file_->Size());
  if (size < kFooterBytes) return DataLossError("{}: no footer", file_->path());
  ASSIGN_OR_RETURN(const std::string footer,
                   ReadExactly(file_.get(), size - kFooterBytes, kFooterBytes));
  const uint64_t index_offset = Get<uint64_t>(footer, 0);
  const uint64_t index_bytes = uint64_t{Get<uint32_t>(footer, 8)} * kIndexEntryBytes;
  if (footer.substr(16) != kMagic || index_offset > size ||
      size - index_offset != index_bytes + kFooterBytes) {
    return DataLossError("{}: footer is damaged", file_->path());
  }
  ASSIGN_OR_RETURN(const std::string bytes,
                   ReadExactly(file_.get(), index_offset, index_bytes + 12));
  if (Crc32c(bytes) != Get<uint32_t>(footer, 12)) {
    return DataLossError("{}: index is damaged", file_->path());
  }
  for (uint64_t at = 0; at < index_bytes; at += kIndexEntryBytes) {
    index_.push_back(
        {Get<uint64_t>(bytes, at), Get<uint64_t>(bytes, at + 8), Get<uint64_t>(bytes, at + 16)});
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
