#!/usr/bin/env python3
"""Makes the models beside this file again: pip install sentencepiece==0.2.3, then run it here."""
import sentencepiece

COMMON = {"input": "text.txt", "num_threads": 1, "minloglevel": 2}
# Blanks are squeezed, some characters replaced, what has no piece is bytes.
sentencepiece.SentencePieceTrainer.train(
    model_prefix="unigram", model_type="unigram", vocab_size=450, byte_fallback=True,
    character_coverage=0.99, normalization_rule_tsv="rules.tsv", **COMMON)
# Nothing is changed, what has no piece is one unknown token for a run.
sentencepiece.SentencePieceTrainer.train(
    model_prefix="bpe", model_type="bpe", vocab_size=420, character_coverage=0.98,
    normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
    user_defined_symbols=["<mask>", "\n"], **COMMON)
