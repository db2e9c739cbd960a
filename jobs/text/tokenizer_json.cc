// tokenizer.json of Hugging Face's tokenizers, of byte-level BPE models. The file can say many
// things; each that changes ids is either done or refused, so nothing is passed over but what
// changes none: decoder, post_processor (first and last tokens, which are not written), unk_token
// and fuse_unk (every byte has a token).
#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <unordered_map>

#include "jobs/text/bpe_model.h"
#include "jobs/text/byte_characters.h"
#include "jobs/text/fold.h"
#include "jobs/text/json.h"

namespace quern::text {

namespace {

constexpr size_t kShownValueBytes = 200;
constexpr std::string_view kEndsOfText[] = {"<|endoftext|>", "<|end_of_text|>"};
constexpr std::string_view kPreTokenizers =
    "ByteLevel with use_regex, or a Sequence of Split and ByteLevel without it";

[[noreturn]] void FailField(std::string_view field, const std::string& why) {
  throw std::invalid_argument(std::string(field) + ": " + why);
}

// Of what stands there, and what may.
[[noreturn]] void RefuseValue(std::string_view field, std::string_view value,
                              std::string_view supported) {
  FailField(field, std::string(value.substr(0, kShownValueBytes)) + " is not supported, only " +
                       std::string(supported));
}

// A JSON object with its place in the file.
class JsonPart {
 public:
  JsonPart(std::string place, std::string_view text) : place_(std::move(place)) {
    auto fields = ReadJsonObject(text);
    if (!fields.has_value()) FailField(place_.empty() ? "the file" : place_, "is no JSON object");
    fields_ = std::move(*fields);
  }

  std::string Place(std::string_view name) const {
    return place_.empty() ? std::string(name) : place_ + "." + std::string(name);
  }
  const std::string& place() const { return place_; }
  const std::vector<JsonField>& fields() const { return fields_; }

  // "null" for one that is not there.
  std::string_view Raw(std::string_view name) const {
    const JsonField* const field = FindField(fields_, name);
    return field == nullptr ? "null" : field->value;
  }
  std::string Text(std::string_view name) const {
    const std::string_view raw = Raw(name);
    const auto text = IsJsonString(raw) ? ReadJsonString(raw) : std::nullopt;
    if (!text.has_value()) FailField(Place(name), "is no string");
    return *text;
  }
  bool Flag(std::string_view name, bool fallback) const {
    const std::string_view raw = Raw(name);
    if (raw == "true" || raw == "false") return raw == "true";
    if (raw != "null") FailField(Place(name), "is neither true nor false");
    return fallback;
  }
  // Fails for a field that has another value than those, which are JSON.
  void Expect(std::string_view name, std::initializer_list<std::string_view> values) const {
    const std::string_view raw = Raw(name);
    if (std::find(values.begin(), values.end(), raw) != values.end()) return;
    RefuseValue(Place(name), raw, *values.begin());
  }
  // Fails for a field that nobody knows.
  void ExpectOnly(std::initializer_list<std::string_view> known) const {
    for (const JsonField& field : fields_) {
      if (std::find(known.begin(), known.end(), field.name) != known.end()) continue;
      FailField(Place(field.name), "is no field that is known, and might change the ids");
    }
  }

 private:
  std::string place_;
  std::vector<JsonField> fields_;
};

uint32_t ReadTokenId(const std::string& place, std::string_view raw) {
  uint32_t id = 0;
  const char* const end = raw.data() + raw.size();
  const auto [last, error] = std::from_chars(raw.data(), end, id);
  if (error != std::errc() || last != end || id >= kMaxBpeTokens) {
    FailField(place, "the id is no number below " + std::to_string(kMaxBpeTokens));
  }
  return id;
}

std::vector<std::string_view> ReadJsonList(const std::string& place, std::string_view raw) {
  const auto list = ReadJsonArray(raw);
  if (!list.has_value()) FailField(place, "is no JSON array");
  return *list;
}

class TokenizerJsonReader {
 public:
  BpeModel Read(std::string_view json) {
    const JsonPart file("", json);
    file.ExpectOnly({"version", "truncation", "padding", "added_tokens", "normalizer",
                     "pre_tokenizer", "post_processor", "decoder", "model"});
    file.Expect("truncation", {"null"});
    file.Expect("padding", {"null"});
    if (file.Raw("model") == "null") {
      FailField("model", "is missing; a tokenizer.json of the library tokenizers has one");
    }
    ReadNormalizer(file);
    ReadPreTokenizer(file);
    ReadModel(JsonPart("model", file.Raw("model")));
    if (file.Raw("added_tokens") != "null") ReadAdded(file.Raw("added_tokens"));
    FindEndOfText();
    return std::move(model_);
  }

 private:
  void ReadNormalizer(const JsonPart& file) {
    const std::string_view raw = file.Raw("normalizer");
    if (raw == "null") return;
    const JsonPart normalizer("normalizer", raw);
    if (normalizer.Text("type") != "NFC") {
      RefuseValue(normalizer.Place("type"), normalizer.Raw("type"), "null and \"NFC\"");
    }
    normalizer.ExpectOnly({"type"});
    model_.nfc = true;
  }

  void ReadPreTokenizer(const JsonPart& file) {
    const std::string_view raw = file.Raw("pre_tokenizer");
    if (raw == "null") RefuseValue("pre_tokenizer", raw, kPreTokenizers);
    const JsonPart outer("pre_tokenizer", raw);
    const std::string type = outer.Text("type");
    if (type == "ByteLevel") return ReadByteLevel(outer, true);
    if (type != "Sequence") RefuseValue(outer.Place("type"), outer.Raw("type"), kPreTokenizers);
    outer.ExpectOnly({"type", "pretokenizers"});
    const std::string place = outer.Place("pretokenizers");
    const auto list = ReadJsonList(place, outer.Raw("pretokenizers"));
    if (list.size() == 1) return ReadByteLevel(JsonPart(place + "[0]", list[0]), true);
    if (list.size() != 2) FailField(place, "only " + std::string(kPreTokenizers) + " is supported");
    ReadSplit(JsonPart(place + "[0]", list[0]));
    ReadByteLevel(JsonPart(place + "[1]", list[1]), false);
  }

  static void ReadByteLevel(const JsonPart& byte_level, bool use_regex) {
    if (byte_level.Text("type") != "ByteLevel") {
      RefuseValue(byte_level.Place("type"), byte_level.Raw("type"), kPreTokenizers);
    }
    byte_level.ExpectOnly({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    if (byte_level.Flag("add_prefix_space", true)) {
      RefuseValue(byte_level.Place("add_prefix_space"), "true", "false");
    }
    if (byte_level.Flag("use_regex", true) != use_regex) {
      RefuseValue(byte_level.Place("use_regex"), use_regex ? "false" : "true", kPreTokenizers);
    }
  }

  void ReadSplit(const JsonPart& split) {
    if (split.Text("type") != "Split") {
      RefuseValue(split.Place("type"), split.Raw("type"), kPreTokenizers);
    }
    split.ExpectOnly({"type", "pattern", "behavior", "invert"});
    // The expressions that are known match all of a text: nothing is left to be removed.
    const std::string behavior = split.Text("behavior");
    const bool invert = split.Flag("invert", false);
    if (behavior != (invert ? "Removed" : "Isolated")) {
      RefuseValue(split.Place("behavior"), split.Raw("behavior"),
                  "\"Isolated\", and \"Removed\" with invert");
    }
    const JsonPart pattern(split.Place("pattern"), split.Raw("pattern"));
    pattern.ExpectOnly({"Regex"});
    const auto rule = PieceRuleOfRegex(pattern.Text("Regex"));
    if (!rule.has_value()) {
      RefuseValue(pattern.Place("Regex"), pattern.Raw("Regex"),
                  "the expressions of " + std::string(kRegexNames));
    }
    model_.pieces = *rule;
  }

  void ReadModel(const JsonPart& model) {
    model.ExpectOnly({"type", "dropout", "unk_token", "continuing_subword_prefix",
                      "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", "vocab",
                      "merges"});
    // Files of the first versions do not say their type.
    model.Expect("type", {"\"BPE\"", "null"});
    model.Expect("dropout", {"null", "0", "0.0"});
    model.Expect("continuing_subword_prefix", {"null", "\"\""});
    model.Expect("end_of_word_suffix", {"null", "\"\""});
    if (model.Flag("byte_fallback", false)) RefuseValue("model.byte_fallback", "true", "false");
    model_.whole_pieces_first = model.Flag("ignore_merges", false);
    const JsonPart vocab(model.Place("vocab"), model.Raw("vocab"));
    ReadVocabulary(vocab);
    ReadMerges(model.Place("merges"), model.Raw("merges"));
  }

  void ReadVocabulary(const JsonPart& vocab) {
    for (const JsonField& field : vocab.fields()) {
      const std::string place = vocab.place() + " '" + field.name.substr(0, kShownValueBytes) + "'";
      const uint32_t id = ReadTokenId(place, field.value);
      // Of characters that are no bytes: no text makes it.
      const auto bytes = BytesOfCharacters(field.name);
      Put(place, id, bytes.value_or(field.name), !bytes.has_value());
      if (!id_of_.emplace(field.name, id).second) FailField(place, "stands there twice");
    }
    vocabulary_size_ = static_cast<uint32_t>(id_of_.size());
    if (const auto byte = ByteWithoutToken(model_)) {
      FailField(vocab.place(), "no token stands for the byte " + std::to_string(*byte) +
                                   ", as in a byte-level vocabulary");
    }
  }

  void Put(const std::string& place, uint32_t id, std::string bytes, bool only_added) {
    if (bytes.empty()) FailField(place, "is empty");
    if (id >= model_.tokens.size()) model_.tokens.resize(id + 1);
    if (!model_.tokens[id].empty())
      FailField(place, "another token has the id " + std::to_string(id));
    model_.tokens[id] = std::move(bytes);
    if (!only_added) return;
    if (id >= model_.only_added.size()) model_.only_added.resize(id + 1);
    model_.only_added[id] = true;
  }

  void ReadMerges(const std::string& place, std::string_view raw) {
    const auto list = ReadJsonList(place, raw);
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string at = place + "[" + std::to_string(i) + "]";
      const auto [left, right] = ReadPair(at, list[i]);
      const auto a = id_of_.find(left);
      const auto b = id_of_.find(right);
      const auto both = id_of_.find(left + right);
      if (a == id_of_.end() || b == id_of_.end() || both == id_of_.end()) {
        FailField(at, std::string(list[i].substr(0, kShownValueBytes)) +
                          ": one of the two or what they make is not in model.vocab");
      }
      model_.merges.push_back({a->second, b->second, static_cast<uint32_t>(i), both->second});
    }
    // Where a pair stands there twice, the library takes the last.
    std::reverse(model_.merges.begin(), model_.merges.end());
  }

  // "a b" or ["a", "b"].
  static std::pair<std::string, std::string> ReadPair(const std::string& place,
                                                      std::string_view raw) {
    std::vector<std::string> parts;
    if (IsJsonString(raw)) {
      const std::string text = ReadJsonString(raw).value_or("");
      const size_t blank = text.find(' ');
      if (blank != std::string::npos) parts = {text.substr(0, blank), text.substr(blank + 1)};
    } else {
      for (const std::string_view part : ReadJsonList(place, raw)) {
        parts.push_back(ReadJsonString(part).value_or(""));
      }
    }
    const bool good = parts.size() == 2 && !parts[0].empty() && !parts[1].empty() &&
                      parts[1].find(' ') == std::string::npos;
    if (!good) FailField(place, std::string(raw.substr(0, kShownValueBytes)) + " is no two tokens");
    return {parts[0], parts[1]};
  }

  void ReadAdded(std::string_view raw) {
    const auto list = ReadJsonList("added_tokens", raw);
    for (size_t i = 0; i < list.size(); ++i) {
      ReadAddedToken(JsonPart("added_tokens[" + std::to_string(i) + "]", list[i]));
    }
  }

  void ReadAddedToken(const JsonPart& object) {
    object.ExpectOnly(
        {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    AddedToken token;
    token.content = object.Text("content");
    token.id = ReadTokenId(object.Place("id"), object.Raw("id"));
    token.special = object.Flag("special", false);
    token.normalized = object.Flag("normalized", !token.special);
    for (const char* const flag : {"single_word", "lstrip", "rstrip"}) {
      const bool changes = object.Flag(flag, false) && !token.special;
      if (changes) RefuseValue(object.Place(flag), "true", "false, where special is false");
    }
    if (token.content.empty()) FailField(object.Place("content"), "is empty");
    TakeIdOf(object, token);
    if (token.normalized && model_.nfc) token.content = ToNfc(token.content);
    model_.added.push_back(std::move(token));
  }

  // The library gives out the ids anew when it reads the file; where it would come to another one
  // nobody can say which was meant.
  void TakeIdOf(const JsonPart& object, const AddedToken& token) {
    const auto known = id_of_.find(token.content);
    const uint32_t next = std::max(vocabulary_size_, next_added_);
    const uint32_t given = known == id_of_.end() ? next : known->second;
    if (given != token.id) {
      FailField(object.Place("id"), "is " + std::to_string(token.id) +
                                        ", and the library tokenizers gives this token the id " +
                                        std::to_string(given));
    }
    next_added_ = std::max(next_added_, token.id + 1);
    if (known != id_of_.end()) return;
    Put(object.place(), token.id, token.content, true);
    id_of_.emplace(token.content, token.id);
  }

  void FindEndOfText() {
    for (const std::string_view name : kEndsOfText) {
      const auto found = id_of_.find(std::string(name));
      if (found == id_of_.end() || model_.end_of_text.has_value()) continue;
      model_.end_of_text = found->second;
    }
  }

  BpeModel model_;
  std::unordered_map<std::string, uint32_t> id_of_;  // as written in the file
  uint32_t vocabulary_size_ = 0;
  uint32_t next_added_ = 0;  // behind the greatest id of an added token
};

}  // namespace

BpeModel ReadTokenizerJson(std::string_view json) { return TokenizerJsonReader().Read(json); }

}  // namespace quern::text
