#!/usr/bin/env python3
"""How good the answers of the search index are, on collections with judgements.

    search_quality.py BIN COLLECTION [--baseline FILE] [--lang en,de]

BIN is a directory of binaries (build/release/bin). COLLECTION has corpus.jsonl.gz ({"_id", "title", "text",
"lang"}), queries.jsonl.gz ({"_id", "text", "lang"}) and qrels.tsv (query, document, score; one line of headings),
as the BEIR collections have them. For each language an index is made of its documents and asked its queries as
plain words, through a server. Printed: nDCG@10, mean reciprocal rank within 10, and how many queries have a
relevant document first and among ten; beside a baseline (columns lang, ndcg10), the difference. The exit code is
1 when a language lies more than 0.005 below it.
"""

import argparse
import collections
import gzip
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse
import http.client

SLACK = 0.005


def read_lines(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_judgements(path):
    judged = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as file:
        for line in list(file)[1:]:
            query, document, score = line.rstrip("\n").split("\t")
            judged[query][document] = float(score)
    return judged


def read_baseline(path):
    if path is None:
        return {}
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    columns = lines[0]
    return {row[columns.index("lang")]: float(row[columns.index("ndcg10")]) for row in lines[1:]}


def plain_words(query):
    """Without what means something to the parser."""
    words = re.sub(r'[+\-"“”„():*~^\\]', " ", query)
    return re.sub(r"\b(AND|OR|NOT)\b", lambda word: word.group().lower(), words)


def make_index(binaries, directory, documents, settings):
    corpus = directory / "corpus.jsonl"
    with open(corpus, "w", encoding="utf-8") as file:
        for one in documents:
            line = {"id": one["_id"], "title": one.get("title", ""), "text": one["text"]}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    command = [binaries / "mr", "run", "--local", "search-index", f"file://{corpus}",
               f"file://{directory}/index"]
    for setting in settings:
        command += ["--set", setting]
    subprocess.run(command, check=True, capture_output=True)
    return f"file://{directory}/index"


class Server:
    """quern-search serve, on any free port."""

    def __init__(self, binaries, index):
        self.process = subprocess.Popen(
            [binaries / "quern-search", "serve", index, "--http", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        address = self.process.stdout.readline().strip().rsplit("http=", 1)[1]
        self.connection = http.client.HTTPConnection(address)

    def ask(self, query):
        self.connection.request("GET", "/search?" + urllib.parse.urlencode({"q": query, "k": 10}))
        response = self.connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            raise RuntimeError(f"{query}: {answer}")
        return [hit["id"] for hit in answer["hits"]]

    def close(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait()


def discounted(gains):
    return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains))


def measure(found, judged):
    """nDCG@10, reciprocal rank, first, among ten."""
    gains = [judged.get(document, 0.0) for document in found[:10]]
    best = discounted(sorted(judged.values(), reverse=True)[:10])
    rank = next((i for i, gain in enumerate(gains) if gain > 0), None)
    return (discounted(gains) / best if best > 0 else 0.0,
            0.0 if rank is None else 1 / (rank + 1), float(rank == 0), float(rank is not None))


def evaluate(binaries, documents, queries, judged, settings):
    with tempfile.TemporaryDirectory() as directory:
        server = Server(binaries, make_index(binaries, pathlib.Path(directory), documents, settings))
        rows = [measure(server.ask(plain_words(query["text"])), judged[query["_id"]])
                for query in queries if query["_id"] in judged]
        server.close()
    return [sum(column) / len(rows) for column in zip(*rows)], len(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("collection", type=pathlib.Path)
    parser.add_argument("--baseline", type=pathlib.Path)
    parser.add_argument("--lang", default="", help="only these, separated by commas")
    parser.add_argument("--set", action="append", default=[], help="of the job, params.stem=true")
    arguments = parser.parse_args()
    corpus = read_lines(arguments.collection / "corpus.jsonl.gz")
    queries = read_lines(arguments.collection / "queries.jsonl.gz")
    judged = read_judgements(arguments.collection / "qrels.tsv")
    baseline = read_baseline(arguments.baseline)
    languages = arguments.lang.split(",") if arguments.lang else \
        list(dict.fromkeys(one["lang"] for one in corpus))
    below = 0
    print("lang  queries  ndcg10  mrr10   first   in10    baseline  difference")
    for lang in languages:
        of_lang = [[one for one in all if one["lang"] == lang] for all in (corpus, queries)]
        (ndcg, mrr, first, in10), count = evaluate(arguments.binaries, *of_lang, judged,
                                                   arguments.set)
        line = f"{lang:4}  {count:7}  {ndcg:.4f}  {mrr:.4f}  {first:.4f}  {in10:.4f}"
        if lang in baseline:
            line += f"  {baseline[lang]:.4f}    {ndcg - baseline[lang]:+.4f}"
            below += ndcg < baseline[lang] - SLACK
        print(line, flush=True)
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
