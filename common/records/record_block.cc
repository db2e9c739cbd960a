#include "common/records/record_block.h"

#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "common/crc32c.h"

namespace quern {

namespace {

constexpr int kZstdLevel = 3;
constexpr size_t kMaxVarintBytes = 10;
constexpr size_t kStoredCrcOffset = 32;
constexpr size_t kHeaderCrcOffset = 36;

void PutU32(uint32_t value, char* out) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<char>(value >> (8 * i));
}

uint32_t GetU32(const char* in) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(in[i]);
  return value;
}

char* PutVarint(uint64_t value, char* out) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

bool TakeVarint(std::string_view* bytes, uint64_t* value) {
  uint64_t result = 0;
  const size_t most = std::min(bytes->size(), kMaxVarintBytes);
  for (size_t i = 0; i < most; ++i) {
    const auto byte = static_cast<unsigned char>((*bytes)[i]);
    result |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) {
      bytes->remove_prefix(i + 1);
      *value = result;
      return true;
    }
  }
  return false;
}

void Mask(unsigned char mask, char* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(bytes[i] ^ mask);
}

// Whether the mark occurs in a block behind its own.
bool HoldsMark(std::string_view block) {
  return block.find(kRecordMark, kRecordMark.size()) != std::string_view::npos;
}

}  // namespace

absl::StatusOr<RecordCodec> ParseRecordCodec(std::string_view name) {
  if (name == "none") return RecordCodec::kNone;
  if (name == "lz4") return RecordCodec::kLz4;
  if (name == "zstd") return RecordCodec::kZstd;
  return InvalidArgumentError("codec '{}': is none of none, lz4, zstd", name);
}

uint64_t RecordBlockHeader::block_bytes() const {
  return std::max<uint64_t>(kRecordHeaderBytes + uint64_t{stored_bytes}, records);
}

std::optional<RecordBlockHeader> ParseRecordBlockHeader(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes || !bytes.starts_with(kRecordMark)) return std::nullopt;
  const char* const at = bytes.data();
  if (GetU32(at + kHeaderCrcOffset) != Crc32c(bytes.substr(0, kHeaderCrcOffset))) {
    return std::nullopt;
  }
  RecordBlockHeader header;
  header.stored_bytes = GetU32(at + 16);
  header.raw_bytes = GetU32(at + 20);
  header.records = GetU32(at + 24);
  header.codec = static_cast<RecordCodec>(at[28]);
  header.mask = static_cast<unsigned char>(at[29]);
  header.stored_crc = GetU32(at + kStoredCrcOffset);
  const bool packed = header.codec != RecordCodec::kNone;
  if (header.codec > RecordCodec::kZstd || header.records > kMaxBlockRecords ||
      header.raw_bytes > kMaxRecordFileRecord + 2 * kMaxVarintBytes) {
    return std::nullopt;
  }
  // Packing never makes a block larger, nor is a large one packed.
  if (packed ? header.raw_bytes > kMaxPackedBytes || header.stored_bytes >= header.raw_bytes
             : header.stored_bytes != header.raw_bytes) {
    return std::nullopt;
  }
  return header;
}

bool RecordBlockBuilder::IsFullFor(size_t record_bytes) const {
  return records_ > 0 &&
         (records_ >= kMaxBlockRecords || raw_bytes() + record_bytes > kRecordBlockBytes);
}

absl::Status RecordBlockBuilder::Add(std::string_view key, std::string_view value) {
  const uint64_t bytes = uint64_t{key.size()} + value.size();
  if (bytes > kMaxRecordFileRecord) {
    return InvalidArgumentError("a record has {} bytes, the limit of record files is {}", bytes,
                                kMaxRecordFileRecord);
  }
  if (records_ == 0) {
    if (raw_.capacity() > kMaxPackedBytes) std::string().swap(raw_);  // the next may be small
    raw_.assign(kRecordHeaderBytes, '\0');
  }
  char sizes[2 * kMaxVarintBytes];
  if (bytes > kRecordBlockBytes) raw_.reserve(raw_.size() + sizeof(sizes) + bytes);
  const char* const end = PutVarint(value.size(), PutVarint(key.size(), sizes));
  raw_.append(sizes, static_cast<size_t>(end - sizes));
  raw_.append(key);
  raw_.append(value);
  ++records_;
  return absl::OkStatus();
}

// Where the block is, with room for its header in front; `header` says how it is stored.
absl::StatusOr<std::string*> RecordBlockBuilder::Pack(RecordBlockHeader* header) {
  const size_t size = raw_bytes();
  header->codec = RecordCodec::kNone;
  header->raw_bytes = header->stored_bytes = static_cast<uint32_t>(size);
  if (codec_ == RecordCodec::kNone || size > kMaxPackedBytes) return &raw_;
  const char* const raw = raw_.data() + kRecordHeaderBytes;
  const bool zstd = codec_ == RecordCodec::kZstd;
  const size_t room = zstd ? ZSTD_compressBound(size)
                           : static_cast<size_t>(LZ4_compressBound(static_cast<int>(size)));
  if (packed_.size() < kRecordHeaderBytes + room) packed_.resize(kRecordHeaderBytes + room);
  char* const to = packed_.data() + kRecordHeaderBytes;
  size_t got = 0;
  if (zstd) {
    got = ZSTD_compress(to, room, raw, size, kZstdLevel);
    if (ZSTD_isError(got) != 0) return InternalError("zstd: {}", ZSTD_getErrorName(got));
  } else {
    got = static_cast<size_t>(
        LZ4_compress_default(raw, to, static_cast<int>(size), static_cast<int>(room)));
  }
  if (got == 0 || got >= size) return &raw_;
  header->codec = codec_;
  header->stored_bytes = static_cast<uint32_t>(got);
  return &packed_;
}

absl::StatusOr<std::string_view> RecordBlockBuilder::Finish() {
  RecordBlockHeader header;
  ASSIGN_OR_RETURN(std::string* const block, Pack(&header));
  header.records = records_;
  const size_t used = kRecordHeaderBytes + header.stored_bytes;
  const size_t size = header.block_bytes();
  if (block->size() < size) block->resize(size);
  char* const at = block->data();
  std::memset(at + used, 0, size - used);
  std::memset(at, 0, kRecordHeaderBytes);
  std::memcpy(at, kRecordMark.data(), kRecordMark.size());
  PutU32(header.stored_bytes, at + 16);
  PutU32(header.raw_bytes, at + 20);
  PutU32(header.records, at + 24);
  at[28] = static_cast<char>(header.codec);
  for (unsigned char mask = 0;; ++mask) {
    // Each round undoes the mask of the one before.
    const auto change = static_cast<unsigned char>(mask == 0 ? 0 : mask ^ (mask - 1));
    if (change != 0) Mask(change, at + kRecordHeaderBytes, header.stored_bytes);
    at[29] = static_cast<char>(mask);
    PutU32(Crc32c({at + kRecordHeaderBytes, header.stored_bytes}), at + kStoredCrcOffset);
    PutU32(Crc32c({at, kHeaderCrcOffset}), at + kHeaderCrcOffset);
    if (!HoldsMark({at, used})) break;
    if (mask == 0xff) return InternalError("a block holds the mark under every mask");
  }
  records_ = 0;
  return std::string_view(at, size);
}

std::optional<std::string_view> OpenRecordBlock(const RecordBlockHeader& header,
                                                std::string_view stored, std::string* buffer) {
  if (stored.size() != header.stored_bytes || Crc32c(stored) != header.stored_crc) {
    return std::nullopt;
  }
  std::string unmasked;
  if (header.mask != 0) {
    unmasked = stored;
    Mask(header.mask, unmasked.data(), unmasked.size());
    stored = unmasked;
  }
  if (header.codec == RecordCodec::kNone) {
    if (header.mask == 0) return stored;
    *buffer = std::move(unmasked);
    return *buffer;
  }
  const size_t raw = header.raw_bytes;
  if (buffer->size() < raw) buffer->resize(std::max(raw, kRecordBlockBytes));
  const bool right =
      header.codec == RecordCodec::kZstd
          ? ZSTD_decompress(buffer->data(), raw, stored.data(), stored.size()) == raw
          : LZ4_decompress_safe(stored.data(), buffer->data(), static_cast<int>(stored.size()),
                                static_cast<int>(raw)) == static_cast<int>(raw);
  if (!right) return std::nullopt;
  return std::string_view(*buffer).substr(0, raw);
}

bool TakeRecord(std::string_view* raw, std::string_view* key, std::string_view* value) {
  uint64_t key_bytes = 0;
  uint64_t value_bytes = 0;
  if (!TakeVarint(raw, &key_bytes) || !TakeVarint(raw, &value_bytes)) return false;
  if (key_bytes > raw->size() || value_bytes > raw->size() - key_bytes) return false;
  *key = raw->substr(0, key_bytes);
  *value = raw->substr(key_bytes, value_bytes);
  raw->remove_prefix(key_bytes + value_bytes);
  return true;
}

}  // namespace quern
