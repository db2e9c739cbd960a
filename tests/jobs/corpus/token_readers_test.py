"""Files of tokens as those read them who train with them, through whole jobs.

    token_readers_test.py BUILD_DIR      exit code 77: no numpy

nanoGPT's are read as its train.py does. Those of Megatron and datatrove are read by their own code where the packages
megatron-core and datatrove are installed, which tests/bench/token_readers.sh does; else these two are skipped.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest

build = pathlib.Path(sys.argv.pop(1)).resolve()
try:
    import numpy
except ImportError:
    print("SKIPPED, nothing was tested: no numpy. Try: deploy/install-deps.sh")
    sys.exit(77)

SHARDS = 3
WORDS = "the cat sat on a mat, and that was that; größer als 12 345 Ελλάδα 中文 été\n".split(" ")


def documents():
    for i in range(200):
        words = [WORDS[(i * i + j * (i % 7 + 1)) % len(WORDS)] for j in range(i % 40)]
        yield {"id": f"d{i}", "text": " ".join(words)}  # those of i % 40 == 0 are empty


def run(*arguments):
    done = subprocess.run([build / "bin/mr", "run", "--local", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def load_megatron():
    """megatron.core.datasets.indexed_dataset. What reads is its own; of torch it wants the base of a class only, so an
    empty one does where torch is not installed, and the rest of Megatron, which wants more of it, is left out."""
    if importlib.util.find_spec("megatron") is None:
        return None
    if importlib.util.find_spec("torch") is None:
        root = pathlib.Path(list(importlib.util.find_spec("megatron").submodule_search_locations)[0]) / "core"
        torch = types.ModuleType("torch")
        torch.Tensor = object
        torch.utils = types.SimpleNamespace(data=types.SimpleNamespace(Dataset=object))
        core = types.ModuleType("megatron.core")
        core.__path__ = [str(root)]
        datasets = types.ModuleType("megatron.core.datasets")
        datasets.__path__ = [str(root / "datasets")]
        utils = types.ModuleType("megatron.core.utils")
        utils.log_single_rank = lambda *_, **__: None
        for module in (torch, core, datasets, utils):
            sys.modules[module.__name__] = module
    from megatron.core.datasets import indexed_dataset

    return indexed_dataset


class TokenReadersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.dir = pathlib.Path(cls.scratch.name)
        (cls.dir / "docs.jsonl").write_text("".join(json.dumps(one) + "\n" for one in documents()))
        cls.docs = f"file://{cls.dir}/docs.jsonl"
        run("tokenizer-train", cls.docs, f"file://{cls.dir}/vocabulary", "--set", "params.vocabulary=400")
        cls.files = ["--files", f"file://{cls.dir}/vocabulary/encoder.json,file://{cls.dir}/vocabulary/vocab.bpe"]
        run("shards", cls.docs, f"file://{cls.dir}/shards", "--reduce", SHARDS)
        cls.want = [cls.tokens_of(shard) for shard in sorted((cls.dir / "shards").glob("train-*"))]
        cls.end = json.loads((cls.dir / "vocabulary/encoder.json").read_text())["<|endoftext|>"]

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @classmethod
    def tokens_of(cls, shard):
        """The documents of a shard, each a list of ids."""
        out = cls.dir / "tokenized"
        run("tokenize", f"file://{shard}", f"file://{out}", *cls.files, "--overwrite", "--set", "params.end_of_text=true")
        lines = "".join(part.read_text() for part in sorted(out.glob("part-*"))).splitlines()
        return [json.loads(line)["tokens"] for line in lines]

    def shards_of(self, job, suffix):
        run(job, self.docs, f"file://{self.dir}/{job}", *self.files, "--reduce", SHARDS)
        shards = sorted((self.dir / job).glob("*" + suffix))
        self.assertEqual(len(shards), SHARDS)
        return shards

    def test_the_shards_hold_all_documents(self):
        self.assertEqual(sum(len(shard) for shard in self.want), 200)
        self.assertTrue(all(tokens[-1] == self.end for shard in self.want for tokens in shard))
        self.assertIn([self.end], [tokens for shard in self.want for tokens in shard])

    def test_nanogpt(self):
        for shard, want in zip(self.shards_of("nanogpt-tokens", ".bin"), self.want):
            data = numpy.memmap(shard, dtype=numpy.uint16, mode="r")
            self.assertEqual(data.tolist(), [token for tokens in want for token in tokens])

    def test_megatron(self):
        megatron = load_megatron()
        if megatron is None:
            self.skipTest("no megatron-core. Try: tests/bench/token_readers.sh")
        for shard, want in zip(self.shards_of("megatron-tokens", ".bin"), self.want):
            dataset = megatron.IndexedDataset(str(shard)[: -len(".bin")])
            self.assertEqual([dataset[i].tolist() for i in range(len(dataset))], want)
            self.assertEqual(dataset.document_indices.tolist(), list(range(len(want) + 1)))
            self.assertEqual(dataset.get(0, offset=0, length=1).tolist(), want[0][:1])

    def test_datatrove(self):
        if importlib.util.find_spec("datatrove") is None:
            self.skipTest("no datatrove. Try: tests/bench/token_readers.sh")
        from datatrove.pipeline.tokens.merger import get_data_reader, load_doc_ends

        for shard, want in zip(self.shards_of("datatrove-tokens", ".ds"), self.want):
            ends = load_doc_ends(open(f"{shard}.index", "rb"))
            read = get_data_reader(open(shard, "rb"), ends, nb_bytes=2)
            self.assertEqual([numpy.frombuffer(one, numpy.uint16).tolist() for one in read], want)
            self.assertEqual(os.path.getsize(shard), 2 * int(ends[-1]))


if __name__ == "__main__":
    unittest.main()
