// What comes in crawls: pages, their encodings, addresses, JSON; and vocabularies of tokenisers.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "jobs/text/bpe.h"
#include "jobs/text/charset.h"
#include "jobs/text/gpt2_pieces.h"
#include "jobs/text/json.h"
#include "jobs/text/page.h"
#include "jobs/text/sentencepiece_encoder.h"
#include "jobs/text/url.h"
#include "tests/fuzz/targets.h"
#include "tests/jobs/text/small_vocabulary.h"

namespace quern::fuzz {

namespace {

// What stands before the first `end`, which is taken away with it; all when there is none.
std::string_view TakeUpTo(char end, std::string_view* bytes) {
  const size_t at = std::min(bytes->find(end), bytes->size());
  const std::string_view taken = bytes->substr(0, at);
  bytes->remove_prefix(std::min(at + 1, bytes->size()));
  return taken;
}

void Html(std::string_view bytes) {
  for (const bool main_content : {true, false}) {
    const text::Page page = text::ReadPage(bytes, {"text/html; charset=utf-8", main_content});
    Require(text::IsUtf8(page.text), "the text of a page is no UTF-8");
    Require(text::IsUtf8(page.facts.title), "the title of a page is no UTF-8");
    for (const text::PageLink& link : page.facts.links) {
      Require(text::IsUtf8(link.anchor), "what stands on a link is no UTF-8");
    }
    Require(page.problem == text::PageProblem::kNone || page.text.empty(), "text with a problem");
  }
}

// A Content-Type or a label in the first line, then a page.
void Charset(std::string_view bytes) {
  const std::string_view label = TakeUpTo('\n', &bytes);
  const std::string_view of_page = text::EncodingOfPage(bytes, label);
  Require(text::FindEncoding(of_page) == of_page, "an encoding that has no such name");
  for (const std::string_view encoding :
       {of_page, text::DeclaredEncoding(bytes), text::FindEncoding(label)}) {
    if (encoding.empty()) continue;
    Require(text::IsUtf8(text::ToUtf8(bytes, encoding)), "what becomes of a page is no UTF-8");
  }
}

void CheckUrl(const text::Url& url) {
  const std::string text = url.Text();
  const auto again = text::ParseUrl(text);
  Require(again.has_value() && again->Text() == text, "an address reads differently again");
  Require(text::DedupKey(*again) == text::DedupKey(url), "an address has two spellings");
  Require(url.host.ends_with(text::RegistrableDomain(url.host)), "a domain of somebody else");
}

// An address in the first line, then a link on its page.
void Address(std::string_view bytes) {
  const std::string_view base = TakeUpTo('\n', &bytes);
  const auto url = text::ParseUrl(base);
  if (!url.has_value()) return;
  CheckUrl(*url);
  const auto target = text::ResolveUrl(*url, bytes);
  if (target.has_value()) CheckUrl(*target);
}

void CheckTokens(const text::BpeVocabulary& vocabulary, std::string_view bytes) {
  text::BpeEncoder encoder(&vocabulary);
  std::vector<uint32_t> tokens;
  encoder.Encode(bytes, &tokens);
  Require(encoder.Decode(tokens) == bytes, "tokens do not give the text back");
}

void Tokens(std::string_view bytes) {
  static const text::Trained files =
      text::Train("the page that has the number of the text 123", 40);
  static const text::BpeVocabulary vocabulary(files.encoder_json, files.vocab_bpe);
  CheckTokens(vocabulary, bytes);
  text::Gpt2Pieces pieces(bytes);
  size_t seen = 0;
  for (auto piece = pieces.Next(); !piece.empty(); piece = pieces.Next()) {
    Require(piece == bytes.substr(seen, piece.size()), "pieces are not the text");
    seen += piece.size();
  }
  Require(seen == bytes.size(), "pieces end before the text");
}

// The two files and a text, each up to a zero.
void Vocabulary(std::string_view bytes) {
  const std::string_view encoder_json = TakeUpTo('\0', &bytes);
  const std::string_view merges = TakeUpTo('\0', &bytes);
  try {
    CheckTokens(text::BpeVocabulary(encoder_json, merges), bytes);
  } catch (const std::invalid_argument&) {
    // said to be wrong
  }
}

// A text up to a zero, then a model.
void SentencePiece(std::string_view bytes) {
  const std::string_view text = TakeUpTo('\0', &bytes);
  try {
    const text::SentencePieceModel model{std::string(bytes)};
    text::SentencePieceEncoder encoder(&model);
    std::vector<uint32_t> tokens;
    encoder.Encode(text, &tokens);
    for (const uint32_t token : tokens) Require(token < model.size(), "a token without a piece");
  } catch (const std::invalid_argument&) {
    // said to be wrong
  }
}

void Json(std::string_view bytes) {
  const auto fields = text::ReadJsonObject(bytes);
  if (!fields.has_value()) return;
  for (const text::JsonField& field : *fields) {
    const auto value = text::ReadJsonString(field.value);
    if (!value.has_value()) continue;
    std::string said;
    text::AppendJsonString(*value, &said);
    const auto again = text::ReadJsonString(said);
    Require(again.has_value(), "a string of JSON cannot be read again");
    Require(!text::IsUtf8(*value) || *again == *value, "a string of JSON reads differently again");
  }
}

}  // namespace

const std::vector<Target>& TextTargets() {
  static const std::vector<Target> targets = {{"html", Html},
                                              {"charset", Charset},
                                              {"url", Address},
                                              {"json", Json},
                                              {"tokens", Tokens},
                                              {"vocabulary", Vocabulary},
                                              {"sentencepiece", SentencePiece}};
  return targets;
}

}  // namespace quern::fuzz
