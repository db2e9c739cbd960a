#!/usr/bin/env python3
"""Inputs of tests/bench/small_jobs.sh, the same for the same arguments. Nothing but Python's own library.

    make_small.py text LINES | log LINES | counts LINES | edges LINES | documents COUNT | crawl COUNT | evaluation COUNT > FILE

text        lines of twelve words in Zipf's proportions
log         an access log, combined format, one request a second: 5,000 hosts, 20,000 URLs, few of which are most
counts      lines KEY<TAB>NUMBER, each key once
edges       lines SOURCE<TAB>TARGET of a graph with many components, most of them small
documents   JSON lines with id, url, lang, domain, bytes, score, links and text: of each 20 one is a copy of another
            one in other blanks and letters, lines of 50 notices stand in one document of three, one of 200 holds a
            text of `evaluation`, and some have marks, addresses and short lines for `clean`
crawl       a page of HTML for each such document, as WARC with a gzip member for each record
evaluation  JSON lines with a question of 25 words
"""

import gzip
import itertools
import json
import random
import sys
import time

VOCABULARY = 50_000
WORDS_AT_ONCE = 20_000


class Words:
    """Words in Zipf's proportions, as many at once as are wanted."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        letters = "etaoinshrdlucmfwypvbgkjqxz"
        made = random.Random(1)
        found = dict.fromkeys("".join(made.choices(letters, range(26, 0, -1), k=2 + made.randrange(3, 8)))
                              for _ in range(2 * VOCABULARY))
        self.all = list(found)[:VOCABULARY]
        self.weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(self.all))))
        self.ready = []

    def take(self, count):
        while len(self.ready) < count:
            self.ready += self.random.choices(self.all, cum_weights=self.weights, k=WORDS_AT_ONCE)
        taken = self.ready[-count:]
        del self.ready[-count:]
        return taken


def skewed(dice, end):
    """Below `end`; the lower the likelier."""
    return int(end * dice.random() ** 3)


def text(count):
    words = Words(2)
    for _ in range(count):
        yield " ".join(words.take(12))


def log(count):
    dice, words = random.Random(3), Words(3)
    paths = ["/" + "/".join(words.take(3)) + f"/{n}.html" for n in range(20_000)]
    agents = [f"Mozilla/5.0 ({' '.join(words.take(6))}) rv:{n}" for n in range(200)]
    start = 1_700_000_000
    for number in range(count):
        when = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(start + number))
        host = skewed(dice, 5_000)
        yield (f'10.{host // 256}.{host % 256}.1 - - [{when}] "GET {paths[skewed(dice, len(paths))]} HTTP/1.1" '
               f'200 {dice.randrange(100, 100_000)} "-" "{dice.choice(agents)}"')


def counts(count):
    dice, words = random.Random(4), Words(4)
    for number in range(count):
        yield f"{words.take(1)[0]}-{number}\t{dice.randrange(10_000_000)}"


def edges(count):
    """Every fourth edge lies in one large component, perhaps; runs of 50 others in groups of up to 61 nodes."""
    dice, large = random.Random(5), count // 10 + 1
    first, size = large, 0
    for number in range(count):
        if number % 50 == 0:
            first, size = first + size, 2 + skewed(dice, 60)
        begin, nodes = (0, large) if number % 4 == 0 else (first, size)
        yield f"n{begin + dice.randrange(nodes)}\tn{begin + dice.randrange(nodes)}"


def questions(count):
    words = Words(6)
    for _ in range(count):
        yield " ".join(words.take(25))


def evaluation(count):
    for number, question in enumerate(questions(count)):
        yield json.dumps({"question": question, "answer": str(number)})


class Documents:
    def __init__(self):
        self.dice, self.words = random.Random(7), Words(7)
        self.notices = [" ".join(self.words.take(14)).capitalize() + "." for _ in range(50)]
        self.questions = list(questions(500))
        self.recent = []

    def sentence(self):
        words = self.words.take(self.dice.randrange(6, 24))
        if len(words) > 12:
            words[7] += ","
        return " ".join(words).capitalize() + "."

    def line(self):
        kind = self.dice.randrange(40)
        if kind == 0:
            return " ".join(self.words.take(2))
        if kind == 1:
            return f"This site uses cookies since {self.dice.randrange(1990, 2030)}."
        if kind == 2:
            return f"{self.sentence()} Write to {self.words.take(1)[0]}@{self.words.take(1)[0]}.example.org for more."
        if kind == 3:
            return f"{self.sentence()[:-1]}[{self.dice.randrange(1, 99)}] in the year {self.dice.randrange(1000, 2000)}."
        return " ".join(self.sentence() for _ in range(self.dice.randrange(1, 6)))

    def text_of(self, number):
        if number % 20 == 19:
            return self.dice.choice(self.recent).upper().replace(" ", "  ")
        lines = [self.line() for _ in range(self.dice.randrange(4, 28))]
        if number % 3 == 0:
            lines.append(self.dice.choice(self.notices))
        if number % 200 == 1:
            lines.append(self.dice.choice(self.questions).capitalize() + ".")
        made = "\n".join(lines)
        self.recent = self.recent[-200:] + [made]
        return made

    def make(self, count):
        for number in range(count):
            host, domain = skewed(self.dice, 2_000), self.dice.choice(["news", "shop", "wiki", "blog", "law"])
            text_of_it = self.text_of(number)
            links = [[f"https://h{skewed(self.dice, 2_000)}.example/{self.dice.randrange(50)}", self.words.take(1)[0]]
                     for _ in range(self.dice.randrange(30))]
            yield {"id": f"d{number:08}", "url": f"https://h{host}.example/{number}", "domain": domain,
                   "lang": self.dice.choice(["en", "en", "en", "de", "fr", "es"]), "bytes": len(text_of_it),
                   "score": self.dice.randrange(1000), "links": links, "text": text_of_it}


def documents(count):
    for document in Documents().make(count):
        yield json.dumps(document)


def page(document):
    body = "".join(f"<p>{line}</p>\n" for line in document["text"].split("\n"))
    links = "".join(f'<li><a href="{target}">{name}</a></li>\n' for target, name in document["links"])
    return f"<!DOCTYPE html>\n<html><head><title>{document['id']}</title></head>\n<body><ul>{links}</ul>\n{body}</body></html>\n"


def crawl(count, out):
    for document in Documents().make(count):
        html = page(document).encode()
        message = (f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(html)}\r\n\r\n"
                   ).encode() + html
        head = (f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{int(document['id'][1:]):012}>"
                f"\r\nWARC-Target-URI: {document['url']}\r\nWARC-Date: 2024-05-06T07:08:09Z\r\n"
                f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(message)}\r\n\r\n").encode()
        out.write(gzip.compress(head + message + b"\r\n\r\n", 6, mtime=0))


def main():
    kinds = {made.__name__: made for made in (text, log, counts, edges, documents, evaluation)}
    if len(sys.argv) != 3 or sys.argv[1] not in (*kinds, "crawl") or not sys.argv[2].isdigit():
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "crawl":
        crawl(int(sys.argv[2]), sys.stdout.buffer)
        return 0
    lines = kinds[sys.argv[1]](int(sys.argv[2]))
    while block := list(itertools.islice(lines, 10_000)):
        sys.stdout.write("\n".join(block) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
