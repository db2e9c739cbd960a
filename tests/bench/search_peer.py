#!/usr/bin/env python3
"""The queries of search_queries, asked another library (tantivy, from PyPI) on the same documents.

    search_peer.py DOCUMENTS.jsonl QUERIES INDEX_DIR [--rounds 7]
    search_peer.py DOCUMENTS.jsonl QUERIES --make-queries 500

The first form makes an index of the documents' texts in INDEX_DIR (unless there is one), with positions and nothing
stored but the id, and prints for each query the processor time in microseconds of the asking thread (the median of
the rounds), the hits, the query; then the median of all. The second form writes queries of every kind, made of words
and neighbours that stand in the documents: two words, three, required and excluded ones, phrases, very common words.
"""

import argparse
import collections
import json
import pathlib
import random
import re
import statistics
import sys
import time


def texts(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            one = json.loads(line)
            yield one["id"], one["text"]


def make_queries(documents, path, count):
    chance = random.Random(7)
    frequency = collections.Counter()
    pairs = []
    for _, text in texts(documents):
        if chance.random() > 0.1:
            continue
        words = re.findall(r"[a-z]{2,}", text.lower())
        frequency.update(set(words))
        for at in chance.sample(range(max(1, len(words) - 3)), min(2, max(1, len(words) - 3))):
            if len(words) > at + 2:
                pairs.append(words[at:at + 3])
    by_frequency = [word for word, _ in frequency.most_common(20_000)]

    def word(most):
        return by_frequency[int(min(most, len(by_frequency)) ** chance.random()) - 1]

    forms = [lambda: f"{word(2000)} {word(2000)}",
             lambda: f"{word(2000)} {word(2000)} {word(20000)}",
             lambda: f"+{word(2000)} +{word(2000)}",
             lambda: f"{word(2000)} +{word(2000)} -{word(2000)}",
             lambda: '"' + " ".join(chance.choice(pairs)[:2]) + '"',
             lambda: '"' + " ".join(chance.choice(pairs)) + '"',
             lambda: word(50)]
    with open(path, "w", encoding="utf-8") as file:
        for i in range(count):
            file.write(forms[i % len(forms)]() + "\n")


def open_index(documents, directory):
    import tantivy
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("body", stored=False)
    schema = builder.build()
    directory.mkdir(parents=True, exist_ok=True)
    index = tantivy.Index(schema, path=str(directory))
    if index.searcher().num_docs == 0:
        start = time.monotonic()
        writer = index.writer(512 << 20, 2)
        for name, text in texts(documents):
            writer.add_document(tantivy.Document(id=name, body=text))
        writer.commit()
        writer.wait_merging_threads()
        print(f"built in {time.monotonic() - start:.1f} s")
    index.reload()
    return index


def ask(index, queries, rounds):
    searcher = index.searcher()
    print(f"{searcher.num_docs} documents in {searcher.num_segments} segments")
    medians = []
    for query in queries:
        spent = []
        for _ in range(rounds):
            start = time.thread_time_ns()
            found = searcher.search(index.parse_query(query, ["body"]), 10, count=False)
            spent.append((time.thread_time_ns() - start) / 1000)
        medians.append(statistics.median(spent))
        print(f"{medians[-1]:8.1f} {len(found.hits):3} {query}")
    print(f"median {statistics.median(medians):.1f} us")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=pathlib.Path)
    parser.add_argument("queries", type=pathlib.Path)
    parser.add_argument("index", type=pathlib.Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--make-queries", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.make_queries:
        make_queries(arguments.documents, arguments.queries, arguments.make_queries)
        return 0
    if arguments.index is None:
        parser.error("INDEX_DIR is missing")
    queries = arguments.queries.read_text(encoding="utf-8").splitlines()
    ask(open_index(arguments.documents, arguments.index), queries, arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
