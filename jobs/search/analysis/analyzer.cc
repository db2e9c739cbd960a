#include "jobs/search/analysis/analyzer.h"

#include <libstemmer.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "jobs/search/analysis/stop_words.h"
#include "jobs/text/ascii.h"
#include "jobs/text/fold.h"
#include "jobs/text/han_forms.h"

namespace quern::search {

namespace {

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

// Cuts the first part off a word that apostrophes divide: "l'homme", "İstanbul'da". UAX #29 keeps
// them together, but people look for the word without its article or ending.
std::string_view TakePart(std::string_view* word) {
  for (size_t i = 0; i < word->size(); ++i) {
    const char c = (*word)[i];
    if (c != '\'' && c != '\xe2' && c != '\xef') continue;
    const std::string_view rest = word->substr(i);
    const size_t bytes = c == '\''                                                  ? 1
                         : rest.starts_with("\u2019") || rest.starts_with("\uff07") ? 3
                                                                                    : 0;
    if (bytes == 0) continue;
    const std::string_view part = word->substr(0, i);
    word->remove_prefix(i + bytes);
    return part;
  }
  return std::exchange(*word, std::string_view());
}

template <typename Use>
void ForEachPart(const text::TextPiece& piece, const Use& use) {
  text::BigramReader words(piece);
  for (std::string_view word = words.Next(); !word.empty(); word = words.Next()) {
    while (!word.empty()) {
      const std::string_view part = TakePart(&word);
      if (!part.empty()) use(part);
    }
  }
}

struct DeleteStemmer {
  void operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }
};
using Stemmer = std::unique_ptr<sb_stemmer, DeleteStemmer>;

Stemmer MakeStemmer(const std::string& language) {
  return Stemmer(sb_stemmer_new(language.c_str(), "UTF_8"));
}

// Many small texts that stay where they are until all are forgotten together.
class TextArena {
 public:
  // Room for so many bytes, of which Keep makes a view.
  char* Room(size_t size) {
    while (block_ < blocks_.size() && size > blocks_[block_].size - used_) {
      ++block_;
      used_ = 0;
    }
    if (block_ == blocks_.size()) {
      const size_t bytes = std::max(size, kBlockBytes);
      blocks_.push_back({std::make_unique<char[]>(bytes), bytes});
      used_ = 0;
    }
    return blocks_[block_].bytes.get() + used_;
  }
  std::string_view Keep(std::string_view text) {
    char* const room = Room(text.size());
    std::copy(text.begin(), text.end(), room);
    used_ += text.size();
    return {room, text.size()};
  }
  void Clear() { block_ = used_ = 0; }

 private:
  static constexpr size_t kBlockBytes = 64 << 10;
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  std::vector<Block> blocks_;
  size_t block_ = 0;
  size_t used_ = 0;
};

}  // namespace

struct Analyzer::Impl {
  static constexpr size_t kMaxStems = 1 << 16;

  void Add(std::string_view word, size_t begin);
  std::string_view Folded(std::string_view word);
  std::string FoldAny(std::string_view word) const;
  std::string_view Stemmed(std::string_view word);

  Stemmer stemmer;
  bool stop_words = false;
  bool simplifies_han = false;
  std::string language;
  TextArena arena;
  std::vector<Token> tokens;
  uint32_t words = 0;
  uint32_t too_long = 0;
  // What frequent words become; forgotten as a whole when there are too many.
  std::unordered_map<std::string, std::string> stems;
};

// `begin`: where the word stands in its text.
void Analyzer::Impl::Add(std::string_view word, size_t begin) {
  const uint32_t position = words++;
  std::string_view term = Folded(word);
  if (term.empty()) return;
  if (term.size() > kMaxTermBytes) {
    ++too_long;
    return;
  }
  if (stop_words && IsStopWord(language, term)) return;
  if (stemmer != nullptr) term = Stemmed(term);
  if (!term.empty()) tokens.push_back({term, position, begin, begin + word.size()});
}

std::string_view Analyzer::Impl::Folded(std::string_view word) {
  if (!IsAscii(word)) return arena.Keep(FoldAny(word));
  char* const room = arena.Room(word.size());
  std::transform(word.begin(), word.end(), room, text::LowerLetter);
  return arena.Keep({room, word.size()});
}

std::string Analyzer::Impl::FoldAny(std::string_view word) const {
  std::string folded = text::FoldText(word);
  if (simplifies_han) text::SimplifyHan(&folded);
  return folded;
}

std::string_view Analyzer::Impl::Stemmed(std::string_view word) {
  const auto known = stems.find(std::string(word));
  if (known != stems.end()) return arena.Keep(known->second);
  const sb_symbol* const stem =
      sb_stemmer_stem(stemmer.get(), reinterpret_cast<const sb_symbol*>(word.data()),
                      static_cast<int>(word.size()));
  if (stem == nullptr) return word;  // no memory
  const std::string_view bytes(reinterpret_cast<const char*>(stem),
                               static_cast<size_t>(sb_stemmer_length(stemmer.get())));
  if (stems.size() == kMaxStems) stems.clear();
  stems.emplace(word, bytes);
  return arena.Keep(bytes);
}

std::string Analyzer::Check(const AnalysisSettings& settings) {
  if (settings.version > kAnalysisVersion) {
    return "an analysis of version " + std::to_string(settings.version) + "; this program knows " +
           std::to_string(kAnalysisVersion) + " and below";
  }
  if (settings.stem && MakeStemmer(settings.language) == nullptr) {
    std::string known;
    for (const char** name = sb_stemmer_list(); *name != nullptr; ++name) {
      known.append(known.empty() ? "" : ", ").append(*name);
    }
    return "no stemmer for '" + settings.language + "'; there are " + known;
  }
  if (settings.stop_words && !HasStopWords(settings.language)) {
    return "no stop words for '" + settings.language + "'";
  }
  return "";
}

Analyzer::Analyzer(const AnalysisSettings& settings) : impl_(std::make_unique<Impl>()) {
  if (settings.stem) impl_->stemmer = MakeStemmer(settings.language);
  impl_->stop_words = settings.stop_words;
  impl_->simplifies_han = settings.version >= 1;
  impl_->language = settings.language;
}
Analyzer::~Analyzer() = default;

const std::vector<Token>& Analyzer::Analyze(std::string_view text) {
  return Analyze(text::TextPiece{text});
}

const std::vector<Token>& Analyzer::Analyze(const text::TextPiece& piece) {
  impl_->arena.Clear();
  impl_->tokens.clear();
  impl_->words = impl_->too_long = 0;
  ForEachPart(piece, [&](std::string_view part) {
    impl_->Add(part, static_cast<size_t>(part.data() - piece.text.data()));
  });
  return impl_->tokens;
}

std::vector<std::string_view> Analyzer::Parts(std::string_view text) {
  std::vector<std::string_view> parts;
  ForEachPart(text::TextPiece{text}, [&](std::string_view part) { parts.push_back(part); });
  return parts;
}

uint32_t Analyzer::words() const { return impl_->words; }
uint32_t Analyzer::too_long() const { return impl_->too_long; }

std::string Analyzer::Fold(std::string_view word) const { return impl_->FoldAny(word); }

}  // namespace quern::search
