// The regular expressions by which byte-level BPE tokenisers cut a text before they merge. They are
// cut by hand-written code, so only those that are known by name or by their very text are taken.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace quern::text {

enum class PieceRule : uint8_t {
  kGpt2,    // Gpt2Pieces
  kCl100k,  // Cl100kPieces, as tiktoken's cl100k_base
  kLlama3,  // the same but for blanks at the end of a text
  kQwen2,   // as kLlama3, each digit alone
  kO200k,   // O200kPieces
};

// By the names gpt2, cl100k, llama3, qwen2 and o200k; nothing for others.
std::optional<PieceRule> PieceRuleOfName(std::string_view name);
// The names, for messages, and those whose expressions are known.
inline constexpr std::string_view kPieceRuleNames = "gpt2, cl100k, llama3, qwen2 and o200k";
inline constexpr std::string_view kRegexNames = "gpt2, llama3, qwen2 and o200k";

// By the expression as published files tokenizer.json write it; nothing for others, also where they
// would cut alike. That of cl100k is none of them: its \s++$ means the end of the text to tiktoken,
// and the end of any line to the library tokenizers.
std::optional<PieceRule> PieceRuleOfRegex(std::string_view regex);

}  // namespace quern::text
