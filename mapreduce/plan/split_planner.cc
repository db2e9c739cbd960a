#include "mapreduce/plan/split_planner.h"

#include <algorithm>
#include <map>
#include <utility>

namespace quern::mr {

namespace {

// A split of a thousand tiny files spends its time opening them: each counts for at least this
// much.
constexpr uint64_t kOpenCostBytes = 1 << 20;
constexpr size_t kMaxNodes = 8;

using Bytes = std::map<std::string, uint64_t>;

// A piece of a file and how many of its bytes each node and rack holds.
struct Piece {
  uint64_t offset = 0;
  uint64_t length = 0;
  Bytes nodes;
  Bytes racks;
};

void AddPlaces(const InputFile::Chunk& chunk, uint64_t bytes, Piece* piece) {
  for (const std::string& node : chunk.nodes) piece->nodes[node] += bytes;
  for (const std::string& rack : chunk.racks) piece->racks[rack] += bytes;
}

// The chunks of a file; a file without any is one chunk without a place.
std::vector<InputFile::Chunk> ChunksOf(const InputFile& file) {
  if (!file.chunks.empty() || file.length == 0) return file.chunks;
  InputFile::Chunk all;
  all.length = file.length;
  return {all};
}

// Joins short chunks up to `target` and divides long ones evenly.
std::vector<Piece> CutFile(const InputFile& file, uint64_t target) {
  std::vector<Piece> pieces;
  Piece open;
  const auto finish = [&] {
    if (open.length == 0) return;
    const uint64_t next = open.offset + open.length;
    pieces.push_back(std::exchange(open, Piece{}));
    open.offset = next;
  };
  for (const InputFile::Chunk& chunk : ChunksOf(file)) {
    if (open.length + chunk.length > target) finish();
    const uint64_t parts = std::max<uint64_t>((chunk.length + target - 1) / target, 1);
    for (uint64_t part = 0; part < parts; ++part) {
      const uint64_t bytes = chunk.length * (part + 1) / parts - chunk.length * part / parts;
      if (part > 0) finish();
      open.length += bytes;
      AddPlaces(chunk, bytes, &open);
    }
  }
  finish();
  return pieces;
}

Piece WholeFile(const InputFile& file) {
  Piece piece;
  piece.length = file.length;
  for (const InputFile::Chunk& chunk : file.chunks) AddPlaces(chunk, chunk.length, &piece);
  return piece;
}

// Names with the most bytes first; ties in the order of the names.
template <typename Field>
void SetPlaces(const Bytes& bytes, Field* field) {
  std::vector<std::pair<std::string, uint64_t>> order(bytes.begin(), bytes.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (order.size() > kMaxNodes) order.resize(kMaxNodes);
  for (const auto& [name, unused] : order) *field->Add() = name;
}

// Collects pieces until a split is full.
class Packer {
 public:
  Packer(uint32_t input, uint64_t target, std::vector<pb::Split>* splits)
      : input_(input), target_(target), splits_(splits) {}

  void Add(const InputFile& file, const Piece& piece) {
    const uint64_t cost = std::max(piece.length, kOpenCostBytes);
    if (cost_ > 0 && cost_ + cost > target_) Finish();
    pb::InputPiece* out = split_.add_pieces();
    out->set_path(file.path);
    out->set_offset(piece.offset);
    out->set_length(piece.length);
    out->set_file_length(file.length);
    out->set_file_id(file.id);
    cost_ += cost;
    for (const auto& [node, bytes] : piece.nodes) nodes_[node] += bytes;
    for (const auto& [rack, bytes] : piece.racks) racks_[rack] += bytes;
  }

  void Finish() {
    if (split_.pieces_size() == 0) return;
    split_.set_input(input_);
    SetPlaces(nodes_, split_.mutable_nodes());
    SetPlaces(racks_, split_.mutable_racks());
    splits_->push_back(std::exchange(split_, pb::Split{}));
    cost_ = 0;
    nodes_.clear();
    racks_.clear();
  }

 private:
  const uint32_t input_;
  const uint64_t target_;
  std::vector<pb::Split>* const splits_;
  pb::Split split_;
  uint64_t cost_ = 0;
  Bytes nodes_;
  Bytes racks_;
};

void AddPieces(const InputFile& file, uint64_t target, Packer* packer) {
  if (file.use == FileUse::kNothing) return;
  if (file.use == FileUse::kWhole) return packer->Add(file, WholeFile(file));
  for (const Piece& piece : CutFile(file, target)) packer->Add(file, piece);
}

// In the order in which its files have them.
std::vector<const InputFormat*> FormatsOf(const SplitInput& input) {
  std::vector<const InputFormat*> formats;
  for (const InputFile& file : input.files) {
    if (std::find(formats.begin(), formats.end(), file.format) != formats.end()) continue;
    formats.push_back(file.format);
  }
  return formats;
}

}  // namespace

std::vector<pb::Split> PlanSplits(const std::vector<SplitInput>& inputs, uint64_t split_bytes) {
  const uint64_t target = split_bytes == 0 ? kDefaultSplitBytes : split_bytes;
  std::vector<pb::Split> splits;
  for (const SplitInput& input : inputs) {
    for (const InputFormat* const format : FormatsOf(input)) {
      Packer packer(input.input, target, &splits);
      for (const InputFile& file : input.files) {
        if (file.format == format) AddPieces(file, target, &packer);
      }
      packer.Finish();
    }
  }
  return splits;
}

absl::StatusOr<const InputFormat*> FormatOfSplit(const pb::JobSpec& spec, const pb::Split& split) {
  const pb::JobSpec::Input& input = spec.inputs(static_cast<int>(split.input()));
  ASSIGN_OR_RETURN(const InputFormat* const format, FindInputFormat(input.format()));
  return split.pieces().empty() ? format : &format->FormatOf(split.pieces(0).path());
}

void EnsureOnePart(const pb::JobSpec& spec, std::vector<pb::Split>* splits) {
  if (splits->empty() && spec.reduce().tasks() == 0) splits->emplace_back();
}

}  // namespace quern::mr
