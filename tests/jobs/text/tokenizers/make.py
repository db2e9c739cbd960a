"""Makes the files beside it: small vocabularies, and what the libraries make of texts with them.

    make.py         needs the packages tokenizers and tiktoken; written with 0.23.3 and 0.14.0
"""

import base64
import json
import pathlib

import tiktoken
from tiktoken_ext import openai_public
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
TRAINING = """The cat and the hat sat on the mat with that rat; thinner things than these, then they'd think
the theme there. WHAT'S that? It's 12, 123 or 1234567 more; we'll see, you've seen, I'm here. HelloWorld helloWorld
    for (int i = 0; i < 10; ++i) { print(i); }  // a loop
Größe, été, naïve, Ελληνικά, Русский язык, العربية, ภาษาไทย, 中文中文, 日本語 カタカナ, 한국어, हिन्दी. 😀 👨‍👩‍👧 ---- ====
nevertheless whatever the weather, therefore bananas ananas aaaa aaaaaaaa the the the
""" * 3
TEXTS = [
    "", " ", "the cat", "  the  cat  ", "The THE tHe HelloWORLD helloWorldXMLHttp iPhone aBC ABc ABC",
    "it's IT'S it\u2019s we'll WE'LL they'Re 'tis o'clock '' 'x d'x 'd5 y'\u017fz", "1 12 123 1234 12345678 \u0663\u0664\u0665\u0666\u0667 \u00bd\u2167",
    "a\nb\n\nc\r\nd \n  e\n   \n", "x\n  ", "\n\n  x", " \u3000\u3000 \u00a0x\u2028y\u0085z", "\t\tif (x) {\n\t\treturn;//\n\n}\n",
    "!!\n\n?? // /\n/\r\n... -- __x__", "e\u0301te\u0301 A\u030a a\u0323\u0307 a\u0307\u0323 \u0301 \u0301\u0302x !\u0301 \u1100\u1161",
    "\u01c4 \u01c5x \u01c6 x\u02b0Y \u4e2dA A\u4e2d A\u4e2db \u4e2daB \u00aaB", "中文，日本語カタカナ 한국어 العربية ภาษาไทย हिन्दी Русский",
    "😀😀 👨‍👩‍👧 🇩🇪 \ufe0f\u200d", "<|endoftext|> <|endof", "<tool_call>x</tool_call> <tool_cal <tool_call></tool_call>", "camelcase camel e\u0301!",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\x00\x01\x7f\ufffd",
]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTION,
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTION,
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
          r"|\s+(?!\S)|\s")
expected = []


def byte_level(use_regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def split(regex, behavior="isolated", invert=False):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), behavior, invert), byte_level(False)])


def expect(file, pattern, encode):
    for text in TEXTS:
        expected.append({"file": file, "pattern": pattern, "text": text, "ids": encode(text)})


def make_json(name, pre_tokenizer, ignore_merges=False, normalizer=None, added=(), merges_as_text=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator([TRAINING], trainers.BpeTrainer(
        vocab_size=420, show_progress=False, special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens(list(added))
    parts = json.loads(tokenizer.to_str())
    if merges_as_text:
        parts["model"]["merges"] = [" ".join(pair) for pair in parts["model"]["merges"]]
    if ignore_merges:  # a token that no merge makes
        del parts["model"]["merges"][-20:]
    (HERE / name).write_text(json.dumps(parts, ensure_ascii=False, separators=(",", ":")) + "\n")
    tokenizer = Tokenizer.from_file(str(HERE / name))
    tokenizer.encode_special_tokens = True  # text is text
    expect(name, "", lambda text: tokenizer.encode(text, add_special_tokens=False).ids)


def make_tiktoken(name, of):
    written = json.loads((HERE / of).read_text())["model"]["vocab"]
    byte_of = {}
    for byte in range(256):
        printable = 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174
        byte_of[chr(byte if printable else 256 + len([c for c in byte_of if ord(c) > 255]))] = byte
    tokens = [bytes(byte_of[c] for c in token) for token in written if token != "<|endoftext|>"]
    ranks = {token: rank for rank, token in enumerate(tokens)}
    lines = [f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items()]
    (HERE / name).write_text("".join(lines))
    for pattern, regex in (("gpt2", openai_public.r50k_pat_str), ("cl100k", CL100K), ("llama3", LLAMA3),
                           ("qwen2", QWEN2), ("o200k", O200K)):
        encoding = tiktoken.Encoding(pattern, pat_str=regex, mergeable_ranks=ranks, special_tokens={})
        expect(name, pattern, encoding.encode_ordinary)


tools = [AddedToken(tool, normalized=False) for tool in ("<tool_call>", "</tool_call>")]
make_json("gpt2.json", byte_level(True), merges_as_text=True)
make_json("llama3.json", split(LLAMA3), ignore_merges=True)
make_json("qwen2.json", split(QWEN2), normalizer=normalizers.NFC(), added=tools + [AddedToken("camel"), AddedToken("e\u0301!")])
make_json("o200k.json", split(O200K, "removed", True), added=tools)
make_tiktoken("small.tiktoken", "llama3.json")
with open(HERE / "expected.jsonl", "w") as file:
    for one in expected:
        file.write(json.dumps(one) + "\n")
