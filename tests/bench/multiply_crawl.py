#!/usr/bin/env python3
"""A larger crawl out of one: copies of its pages with other words, until there are so many bytes.

    multiply_crawl.py CRAWL.warc.gz OUT.warc BYTES

The first copy is the crawl as it is. In each further one the letters of words of seven and more are exchanged, in
its own way, so that no page is a copy of one of another round while short words, markup and lengths stay; addresses and
record ids differ too. Plain WARC, only the responses.
"""

import gzip
import random
import re
import sys

TEXT = re.compile(rb">([^<>]{8,})<")
WORD = re.compile(rb"[a-z]{7,}")
LETTERS = bytes(range(ord("a"), ord("z") + 1))


def records(path):
    """Headers and block of each record, in the order of the file."""
    with gzip.open(path) as file:
        while line := file.readline():
            if not line.startswith(b"WARC/"):
                continue
            headers = [line]
            size = 0
            while (line := file.readline()) not in (b"\r\n", b""):
                headers.append(line)
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            yield headers, file.read(size)


def changed(block, table):
    return TEXT.sub(lambda text: WORD.sub(lambda word: word[0].translate(table), text[0]), block)


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    chance = random.Random(1)
    written, copy = 0, 0
    limit = int(sys.argv[3])
    with open(sys.argv[2], "wb") as out:
        while written < limit:
            order = list(LETTERS)
            if copy:
                chance.shuffle(order)
            table = bytes.maketrans(LETTERS, bytes(order))
            before = written
            for headers, block in records(sys.argv[1]):
                if b"WARC-Type: response\r\n" not in headers:
                    continue
                kept = [line for line in headers if b"-Digest:" not in line and b"-To:" not in line]
                if copy:
                    kept = [re.sub(rb"<urn:uuid:........", b"<urn:uuid:%08x" % copy, line)
                            if line.startswith(b"WARC-Record-ID:") else
                            re.sub(rb"(//[^/]*)/", rb"\1/copy-%d/" % copy, line, count=1)
                            if line.startswith(b"WARC-Target-URI:") else line for line in kept]
                    block = changed(block, table)
                record = b"".join(kept) + b"\r\n" + block + b"\r\n\r\n"
                out.write(record)
                written += len(record)
                if written >= limit:
                    break
            if written == before:
                sys.exit(f"{sys.argv[1]}: no responses")
            copy += 1
    print(f"{written} bytes, {copy} copies", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
