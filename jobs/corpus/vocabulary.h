// The vocabulary that a job is given as side files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "jobs/text/bpe_vocabulary.h"
#include "mapreduce/api/mapreduce.h"

namespace quern::corpus {

// Of the side files encoder.json and vocab.bpe; fails the job when they are not there, or wrong.
std::unique_ptr<text::BpeVocabulary> LoadVocabulary(TaskContext& context);

// The id that ends each document with params.end_of_text=true, which is `fallback` unless it is
// set; fails the job when the vocabulary has none.
std::optional<uint32_t> EndOfText(TaskContext& context, const text::BpeVocabulary& vocabulary,
                                  bool fallback);

}  // namespace quern::corpus
