// Input formats and the decoders below them.
#include <algorithm>
#include <string>
#include <vector>

#include "common/crc32c.h"
#include "common/records/record_block.h"
#include "mapreduce/formats/decoder.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/sorted_table.h"
#include "mapreduce/formats/warc/gzip_search.h"
#include "mapreduce/formats/warc/http_message.h"
#include "mapreduce/formats/warc/warc_reader.h"
#include "tests/fuzz/targets.h"
#include "tests/mapreduce/engine/memory_storage.h"

namespace quern::fuzz {

namespace {

constexpr char kScratch[] = "/tmp";
constexpr uint64_t kMaxDecodedBytes = 4 << 20;

mr::ReadOptions Options() {
  return {.settings = {}, .path = "/in/f", .scratch_dir = kScratch, .memory_bytes = 1 << 20};
}

// Two readers that agree saw the same records in the same order.
struct Seen {
  uint64_t records = 0;
  uint64_t hash = 0;
  void Add(mr::RecordReader* reader) {
    while (reader->Next()) {
      ++records;
      for (const std::string_view part : {reader->key(), reader->value()}) {
        hash = hash * 31 + std::hash<std::string_view>()(part);
      }
    }
  }
  bool operator==(const Seen&) const = default;
};

// All of the file, and the pieces of it when it can be cut: they agree, whatever the bytes.
void ReadFormat(const char* name, std::string_view bytes) {
  mr::MemoryFile file(std::string(bytes), 1000);
  const mr::InputFormat* const format = *mr::FindInputFormat(name);
  const uint64_t length = file.length();
  Seen all;
  const auto reader = format->Open(Options(), &file, 0, length);
  if (!reader.ok()) return;
  all.Add(reader->get());
  if (!format->Splittable(bytes) || length < 2) return;
  const uint64_t piece = std::max<uint64_t>(length / 3, 1);
  Seen pieces;
  for (uint64_t at = 0; at < length; at += piece) {
    const auto part = format->Open(Options(), &file, at, std::min(piece, length - at));
    Require(part.ok(), "a piece cannot be opened, the whole can");
    pieces.Add(part->get());
  }
  Require(pieces == all, "pieces give other records than the whole");
}

void Warc(std::string_view bytes) { ReadFormat("warc", bytes); }
void RecordFile(std::string_view bytes) { ReadFormat("record", bytes); }
void Lines(std::string_view bytes) { ReadFormat("text", bytes); }

void GzipMembers(std::string_view bytes) {
  mr::MemoryFile file(std::string(bytes), 1000);
  mr::GzipSearch search(&file);
  uint64_t last = 0;
  for (uint64_t at = 0; at <= bytes.size(); at += 1 + bytes.size() / 4) {
    const uint64_t place = *search.FindBorder(at);
    Require(place >= at && place >= last && place <= bytes.size(),
            "a border lies before its start");
    last = place;
  }
  const auto members = mr::MakeGzipMembers(&file, 0, bytes.size());
  char out[4096];
  uint64_t decoded = 0;
  while (*members->NextMember() && decoded < kMaxDecodedBytes) {
    while (decoded < kMaxDecodedBytes) {
      const size_t got = *members->Read(out, sizeof(out));
      if (got == 0) break;
      decoded += got;
    }
    if (decoded >= kMaxDecodedBytes) break;
  }
}

void HttpMessage(std::string_view bytes) {
  mr::HttpHead head;
  if (!head.Parse(bytes)) return;
  Require(head.bytes() <= bytes.size(), "a head is longer than its message");
  for (const bool cut_short : {false, true}) {
    mr::HttpBody body({kScratch, 64 << 10, 1 << 20});
    mr::HttpBody::Problem problem = mr::HttpBody::Problem::kNone;
    const auto decoded = body.Decode(head, bytes.substr(head.bytes()), cut_short, &problem);
    if (decoded.ok() && problem == mr::HttpBody::Problem::kNone) {
      Require(decoded->size() <= size_t{1} << 20, "a body is larger than its limit");
    }
  }
}

void Decoders(std::string_view bytes) {
  auto stream = mr::DecodeByContent(
      std::make_unique<mr::MemoryStream>(std::string(bytes), 1 + bytes.size() % 500));
  if (!stream.ok()) return;
  for (uint64_t decoded = 0; decoded < kMaxDecodedBytes;) {
    const auto piece = (*stream)->Next();
    if (!piece.ok() || piece->empty()) return;
    decoded += piece->size();
  }
}

// The header's checksum would stop nearly all inputs: the block behind it is opened without it.
void RecordBlock(std::string_view bytes) {
  ParseRecordBlockHeader(bytes);
  if (bytes.size() < 4) return;
  RecordBlockHeader header;
  header.codec = static_cast<RecordCodec>(static_cast<unsigned char>(bytes[0]) % 3);
  header.mask = static_cast<unsigned char>(bytes[1]);
  header.raw_bytes = static_cast<uint32_t>(static_cast<unsigned char>(bytes[2])) << 8;
  bytes.remove_prefix(3);
  header.stored_bytes = static_cast<uint32_t>(bytes.size());
  header.stored_crc = Crc32c(bytes);
  if (header.codec == RecordCodec::kNone) header.raw_bytes = header.stored_bytes;
  std::string buffer;
  auto records = OpenRecordBlock(header, bytes, &buffer);
  if (!records.has_value()) return;
  std::string_view key;
  std::string_view value;
  while (TakeRecord(&*records, &key, &value)) {
  }
}

// Behind checksums nothing else than what was written is decoded: it is the footer that is tried.
void SortedTable(std::string_view bytes) {
  constexpr int kLookups = 100;
  mr::MemoryFile file(std::string(bytes), 1000);
  const auto table = mr::SortedTable::Open(&file);
  if (!table.ok()) return;
  const auto cursor = (*table)->NewCursor();
  uint64_t shown = 0;
  int lookups = 0;
  for (bool more = cursor->Seek(""); more && shown < kMaxDecodedBytes; more = cursor->Next()) {
    shown += 1 + cursor->key().size() + cursor->value().size();
    std::string value;
    if (lookups++ < kLookups) (*table)->Get(cursor->key(), &value).IgnoreError();
  }
  cursor->Seek("m");
}

}  // namespace

const std::vector<Target>& FormatTargets() {
  static const std::vector<Target> targets = {
      {"warc", Warc},         {"record_file", RecordFile},   {"record_block", RecordBlock},
      {"lines", Lines},       {"gzip_members", GzipMembers}, {"http_message", HttpMessage},
      {"decoders", Decoders}, {"sorted_table", SortedTable},
  };
  return targets;
}

}  // namespace quern::fuzz
