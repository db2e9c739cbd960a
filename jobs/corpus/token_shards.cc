// Documents to files of token ids that training programs read (jobs/corpus/token_files.h), in the
// order of the shards (jobs/corpus/shuffle.h).
//
// Input: documents (jobs/corpus/document.h), those that the shards were made of, or the shards.
// Output (bytes): one file of tokens for each shard; the outputs "index" and "metadata" have what
// else the form asks for, one file each for each shard, also for one without documents. With
// params.amounts=true the output "amounts" (raw) has a line for each document that has tokens,
// which the job `report` counts:
//   {"id", "url", "domain", "lang", "bytes": of its text, "tokens": in the files}
#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/corpus/shuffle.h"
#include "jobs/corpus/token_files.h"
#include "jobs/corpus/tokenizer.h"
#include "jobs/params.h"
#include "jobs/text/json.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::TokenFiles;
using quern::corpus::TokenForm;

class TokenShardsMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    keys_.Start(context);
    tokenizer_ = quern::corpus::LoadTokenizer(context);
    end_of_text_ = quern::corpus::EndOfText(context, *tokenizer_, true);
    if (FlagParam(context, "amounts")) amounts_ = context.output("amounts");
    tokens_counter_ = context.counter("tokens");
    bytes_counter_ = context.counter("bytes_of_text");
    empty_ = context.counter("documents_without_tokens");
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    tokens_.clear();
    tokenizer_->Encode(document->text, &tokens_);
    if (end_of_text_.has_value()) tokens_.push_back(*end_of_text_);
    if (tokens_.empty()) return empty_->Increment();
    tokens_counter_->Increment(static_cast<int64_t>(tokens_.size()));
    bytes_counter_->Increment(static_cast<int64_t>(document->text.size()));
    if (amounts_ != nullptr) TellAmounts(*document);
    // Documents of one id and text have the same tokens, whatever else is known of them.
    const std::string_view value(reinterpret_cast<const char*>(tokens_.data()),
                                 tokens_.size() * sizeof(tokens_[0]));
    Emit(keys_.KeyOf(document->id, document->text, ""), value);
  }

 private:
  void TellAmounts(const quern::corpus::Document& document) {
    line_.AddString("id", document.id);
    for (const std::string_view name : {"url", "domain", "lang"}) {
      const auto* const field = quern::text::FindField(document.fields, name);
      if (field != nullptr) line_.AddRaw(name, field->value);
    }
    line_.AddRaw("bytes", std::to_string(document.text.size()));
    line_.AddRaw("tokens", std::to_string(tokens_.size()));
    amounts_->Emit("", line_.Take());
  }

  quern::corpus::DocumentReader reader_;
  quern::corpus::ShuffleKeys keys_;
  quern::text::JsonObjectWriter line_;
  quern::NamedOutput* amounts_ = nullptr;
  std::unique_ptr<quern::corpus::Tokenizer> tokenizer_;
  std::optional<uint32_t> end_of_text_;
  std::vector<uint32_t> tokens_;
  quern::Counter* tokens_counter_ = nullptr;
  quern::Counter* bytes_counter_ = nullptr;
  quern::Counter* empty_ = nullptr;
};
QUERN_REGISTER_MAPPER(TokenShardsMapper);

template <TokenForm kForm>
class TokenShardsReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    const auto tokenizer = quern::corpus::LoadTokenizer(context);
    const auto end = quern::corpus::EndOfText(context, *tokenizer, true);
    files_ = std::make_unique<TokenFiles>(
        kForm, std::max(tokenizer->size(), end.has_value() ? *end + 1 : 0));
    if constexpr (kForm != TokenForm::kNanoGpt) index_ = context.output("index");
    if constexpr (kForm == TokenForm::kDatatrove) metadata_ = context.output("metadata");
    name_ = context.param("tokenizer", tokenizer->name());
  }

  void Reduce(quern::ReduceInput* in) override {
    for (const std::string_view value : in->values()) {
      tokens_.resize(value.size() / sizeof(tokens_[0]));
      if (!value.empty()) std::memcpy(tokens_.data(), value.data(), value.size());
      Emit("", files_->Add(tokens_));
    }
  }

  void Finish() override {
    if (index_ != nullptr) {
      index_->Emit("", "");
      files_->WriteIndex([this](std::string_view piece) { index_->Emit("", piece); });
    }
    if (metadata_ != nullptr) metadata_->Emit("", files_->Metadata(name_));
  }

 private:
  std::unique_ptr<TokenFiles> files_;
  std::string name_;
  std::vector<uint32_t> tokens_;
  quern::NamedOutput* index_ = nullptr;
  quern::NamedOutput* metadata_ = nullptr;
};

using MegatronReducer = TokenShardsReducer<TokenForm::kMegatron>;
QUERN_REGISTER_REDUCER(MegatronReducer);
using NanoGptReducer = TokenShardsReducer<TokenForm::kNanoGpt>;
QUERN_REGISTER_REDUCER(NanoGptReducer);
using DatatroveReducer = TokenShardsReducer<TokenForm::kDatatrove>;
QUERN_REGISTER_REDUCER(DatatroveReducer);

using ShardPartitioner = quern::corpus::ShardPartitioner;
QUERN_REGISTER_PARTITIONER(ShardPartitioner);

}  // namespace
