// Whether lines are in order, and which they are: what valsort tells of records of 100 bytes, for
// lines of any length.
//
// Input: the parts of a sorted output, in the order of their names. Each map task sums its lines
// up; one reduce task puts the sums in order and looks at their borders. Params: key_bytes (10):
// how much of a line is its key. Output: records<TAB>N, checksum<TAB>the sum of the CRC32 of the
// lines with their line feeds, in hexadecimal, duplicate_keys<TAB>N, unordered<TAB>N, and for the
// first line that is smaller than the one before it, first_unordered<TAB>PATH:OFFSET.
#include <zlib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

// Of a run of lines.
struct Summary {
  uint64_t records = 0;
  __extension__ unsigned __int128 checksum = 0;
  uint64_t duplicates = 0;
  uint64_t unordered = 0;
  std::string first_unordered;
  std::string first_key;
  std::string last_key;

  void Add(std::string_view key, uint32_t crc, const std::string& place) {
    if (records == 0) {
      first_key = key;
    } else {
      Compare(last_key, key, place);
    }
    ++records;
    checksum += crc;
    last_key = key;
  }
  void Append(const Summary& next, const std::string& place) {
    if (next.records == 0) return;
    if (records == 0) {
      first_key = next.first_key;
    } else {
      Compare(last_key, next.first_key, place);
    }
    records += next.records;
    checksum += next.checksum;
    duplicates += next.duplicates;
    unordered += next.unordered;
    if (first_unordered.empty()) first_unordered = next.first_unordered;
    last_key = next.last_key;
  }

  std::string ToKey() const {
    return quern::Ordered(records, static_cast<uint64_t>(checksum >> 64),
                          static_cast<uint64_t>(checksum), duplicates, unordered, first_unordered,
                          first_key, last_key);
  }
  static Summary FromKey(std::string_view key) {
    Summary summary;
    uint64_t high = 0;
    uint64_t low = 0;
    std::tie(summary.records, high, low, summary.duplicates, summary.unordered,
             summary.first_unordered, summary.first_key, summary.last_key) =
        quern::Decode<uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, std::string, std::string,
                      std::string>(key);
    summary.checksum = high;
    summary.checksum = summary.checksum << 64 | low;
    return summary;
  }

 private:
  void Compare(std::string_view before, std::string_view key, const std::string& place) {
    if (key == before) ++duplicates;
    if (key >= before) return;
    if (unordered++ == 0) first_unordered = place;
  }
};

std::string Place(std::string_view path, uint64_t offset) {
  return std::string(path) + ":" + std::to_string(offset);
}

class SortValidateMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    key_bytes_ = static_cast<size_t>(NumberParam(context, "key_bytes", "10", 1, 1 << 20));
  }
  void Map(const quern::MapInput& in) override {
    const auto source = in.source();
    if (source.path != path_ || source.piece != piece_) {
      EmitSummary();
      path_ = source.path;
      piece_ = source.piece;
      offset_ = source.offset;
    }
    const std::string_view line = in.value();
    uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(line.data()), line.size());
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>("\n"), 1);
    const std::string_view key = line.substr(0, key_bytes_);
    const bool is_fine = summary_.records == 0 || key >= summary_.last_key;
    summary_.Add(key, static_cast<uint32_t>(crc), is_fine ? "" : Place(path_, source.offset));
  }
  void Finish() override { EmitSummary(); }

 private:
  void EmitSummary() {
    if (summary_.records > 0) Emit(quern::Ordered(path_, offset_), summary_.ToKey());
    summary_ = {};
  }

  size_t key_bytes_ = 0;
  std::string path_;
  uint32_t piece_ = 0;
  uint64_t offset_ = 0;
  Summary summary_;
};
QUERN_REGISTER_MAPPER(SortValidateMapper);

// The summaries come in the order of the files and of their offsets.
class SortValidateReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.reduce_tasks() != 1) context.Fail("reduce.tasks: must be 1, to see all borders");
    unordered_ = context.counter("unordered");
  }
  void Reduce(quern::ReduceInput* in) override {
    const auto [path, offset] = quern::Decode<std::string, uint64_t>(in->key());
    for (const std::string_view value : in->values()) {
      whole_.Append(Summary::FromKey(value), Place(path, offset));
    }
  }
  void Finish() override {
    unordered_->Increment(static_cast<int64_t>(whole_.unordered));
    Emit("records", whole_.records);
    Emit("checksum", Hex());
    Emit("duplicate_keys", whole_.duplicates);
    Emit("unordered", whole_.unordered);
    if (whole_.unordered > 0) Emit("first_unordered", whole_.first_unordered);
  }

 private:
  std::string Hex() const {
    std::string digits;
    for (auto rest = whole_.checksum; rest > 0; rest >>= 4) {
      digits.insert(digits.begin(), "0123456789abcdef"[static_cast<size_t>(rest & 15)]);
    }
    return digits.empty() ? "0" : digits;
  }

  Summary whole_;
  quern::Counter* unordered_ = nullptr;
};
QUERN_REGISTER_REDUCER(SortValidateReducer);

}  // namespace
