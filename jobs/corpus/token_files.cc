#include "jobs/corpus/token_files.h"

#include <cstdio>

namespace quern::corpus {

namespace {

// In which an index is handed over.
constexpr size_t kPieceBytes = size_t{64} << 10;

size_t TokenBytes(TokenForm form, uint32_t vocabulary_size) {
  const uint32_t small = form == TokenForm::kMegatron ? 65'499 : 65'536;
  return vocabulary_size <= small ? 2 : 4;
}

void AppendLittleEndian(uint64_t number, size_t bytes, std::string* out) {
  for (size_t i = 0; i < bytes; ++i) out->push_back(static_cast<char>(number >> (8 * i)));
}

// Gathers numbers and hands them over in pieces.
class NumberSink {
 public:
  explicit NumberSink(const TokenFiles::Sink& sink) : sink_(sink) {}
  ~NumberSink() {
    if (!piece_.empty()) sink_(piece_);
  }
  NumberSink(const NumberSink&) = delete;
  NumberSink& operator=(const NumberSink&) = delete;

  void Text(std::string_view text) { piece_.append(text); }
  void Number(uint64_t number, size_t bytes) {
    AppendLittleEndian(number, bytes, &piece_);
    if (piece_.size() < kPieceBytes) return;
    sink_(piece_);
    piece_.clear();
  }

 private:
  const TokenFiles::Sink& sink_;
  std::string piece_;
};

}  // namespace

TokenFiles::TokenFiles(TokenForm form, uint32_t vocabulary_size)
    : form_(form), token_bytes_(TokenBytes(form, vocabulary_size)) {}

std::string_view TokenFiles::Add(const std::vector<uint32_t>& tokens) {
  bytes_.clear();
  if (tokens.empty()) return bytes_;
  for (const uint32_t token : tokens) AppendLittleEndian(token, token_bytes_, &bytes_);
  lengths_.push_back(static_cast<uint32_t>(tokens.size()));
  tokens_ += tokens.size();
  return bytes_;
}

void TokenFiles::WriteIndex(const Sink& sink) const {
  if (form_ == TokenForm::kMegatron) WriteMegatronIndex(sink);
  if (form_ == TokenForm::kDatatrove) WriteDatatroveIndex(sink);
}

void TokenFiles::WriteMegatronIndex(const Sink& sink) const {
  NumberSink out(sink);
  out.Text(std::string_view("MMIDIDX\0\0", 9));
  out.Number(1, 8);
  out.Number(token_bytes_ == 2 ? 8 : 4, 1);
  out.Number(documents(), 8);
  out.Number(documents() + 1, 8);
  for (const uint32_t length : lengths_) out.Number(length, 4);
  uint64_t offset = 0;
  for (const uint32_t length : lengths_) {
    out.Number(offset, 8);
    offset += uint64_t{length} * token_bytes_;
  }
  for (uint64_t document = 0; document <= documents(); ++document) out.Number(document, 8);
}

void TokenFiles::WriteDatatroveIndex(const Sink& sink) const {
  NumberSink out(sink);
  uint64_t end = 0;
  for (const uint32_t length : lengths_) {
    end += length;
    out.Number(end, 8);
  }
}

std::string TokenFiles::Metadata(std::string_view tokenizer) const {
  // Three digits and a unit, T for tokens: 4.52 MT.
  auto amount = static_cast<double>(tokens_);
  size_t unit = 0;
  constexpr std::string_view kUnits = " kMGTP";
  while (amount >= 999.5 && unit + 1 < kUnits.size()) amount /= 1000, ++unit;
  const int decimals = unit == 0 || amount >= 99.95 ? 0 : amount >= 9.995 ? 1 : 2;
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f ", decimals, amount);
  std::string lines = std::string(tokenizer) + "|" + std::to_string(token_bytes_) + "\n" +
                      std::to_string(tokens_) + "\n" + text;
  if (unit > 0) lines += kUnits[unit];
  return lines + "T";
}

}  // namespace quern::corpus
