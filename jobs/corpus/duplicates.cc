#include "jobs/corpus/duplicates.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <utility>

namespace quern::corpus {

namespace {

constexpr size_t kRankDigits = 8;
constexpr std::string_view kDuplicateField = "duplicate";
constexpr std::string_view kOfField = "of";

uint32_t RankOfNode(std::string_view node) {
  uint32_t rank = 0;
  std::from_chars(node.data(), node.data() + kRankDigits, rank, 16);
  return rank;
}

std::optional<std::string> NodeField(const std::vector<text::JsonField>& fields,
                                     std::string_view name, std::string_view rank_name) {
  const text::JsonField* const id = text::FindField(fields, name);
  if (id == nullptr) return std::nullopt;
  const std::optional<std::string> text = text::ReadJsonString(id->value);
  if (!text.has_value()) return std::nullopt;
  uint32_t rank = 0;
  const text::JsonField* const field = text::FindField(fields, rank_name);
  if (field != nullptr) {
    const char* const end = field->value.data() + field->value.size();
    const auto [last, error] = std::from_chars(field->value.data(), end, rank);
    if (error != std::errc() || last != end) return std::nullopt;
  }
  return MakeNode(rank, *text);
}

void AddNodeFields(std::string_view node, std::string_view name, std::string_view rank_name,
                   text::JsonObjectWriter* line) {
  line->AddString(name, IdOfNode(node));
  const uint32_t rank = RankOfNode(node);
  if (rank != 0) line->AddRaw(rank_name, std::to_string(rank));
}

}  // namespace

std::string MakeNode(uint32_t rank, std::string_view id) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string node;
  for (int shift = 28; shift >= 0; shift -= 4) node += kHex[rank >> shift & 15];
  return node.append(id);
}

uint32_t RankOfNumber(double number) {
  // Rounding keeps the order; zero has one sign.
  const float rounded =
      static_cast<float>(std::clamp<double>(number, -std::numeric_limits<float>::max(),
                                            std::numeric_limits<float>::max())) +
      0.0F;
  // The bits of floats are in order, those of negative ones backwards (IEEE 754).
  constexpr uint32_t kSign = uint32_t{1} << 31;
  const auto bits = std::bit_cast<uint32_t>(rounded);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

std::string_view IdOfNode(std::string_view node) {
  return node.substr(std::min(kRankDigits, node.size()));
}

std::optional<Edge> MakeEdge(std::string_view a, std::string_view b) {
  if (a == b) return std::nullopt;
  if (a < b) std::swap(a, b);
  return Edge{std::string(a), std::string(b)};
}

std::string EdgeLine(const Edge& edge) {
  text::JsonObjectWriter line;
  AddNodeFields(edge.duplicate, kDuplicateField, "duplicate_rank", &line);
  AddNodeFields(edge.of, kOfField, "of_rank", &line);
  return line.Take();
}

bool IsEdgeField(std::string_view name) { return name == kDuplicateField || name == kOfField; }

std::optional<Edge> ReadEdgeLine(std::string_view line) {
  const auto fields = text::ReadJsonObject(line);
  return fields.has_value() ? ReadEdge(*fields) : std::nullopt;
}

std::optional<Edge> ReadEdge(const std::vector<text::JsonField>& fields) {
  const auto duplicate = NodeField(fields, kDuplicateField, "duplicate_rank");
  const auto of = NodeField(fields, kOfField, "of_rank");
  if (!duplicate.has_value() || !of.has_value()) return std::nullopt;
  return MakeEdge(*duplicate, *of);
}

void StarMaker::Start(std::string_view centre) {
  centre_ = centre;
  least_.reset();
  previous_.reset();
}

void StarMaker::Add(std::string_view node, const Emit& emit) {
  if (node == previous_) return;
  previous_ = node;
  const bool first = !least_.has_value();
  if (first) least_ = step_ == Step::kLarge ? std::min<std::string_view>(centre_, node) : node;
  switch (step_) {
    case Step::kLarge:
      if (node <= centre_) return;  // its own star sees to it
      emit({*previous_, *least_});
      changed_ += least_ != centre_;
      return;
    case Step::kSmall:
      emit({first ? centre_ : *previous_, *least_});
      changed_ += !first;
      return;
    case Step::kJoin:
      if (first) return;
      emit({*previous_, *least_});
      ++changed_;
  }
}

}  // namespace quern::corpus
