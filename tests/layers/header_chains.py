#!/usr/bin/env python3
"""Writes the sources that check that every header compiles alone.

    header_chains.py ROOT OUT MARK < HEADERS    writes OUT/{over,plain}/*.cc and prints their paths
    header_chains.py --self-test                shows what is promised below

HEADERS are paths below ROOT, one on each line. A source has a chain of headers, each of which includes the
one before it, directly or not. So each sees only what it includes itself, as if it were compiled alone,
and what a chain has in common is read once. Sources below `over` have only headers that include MARK: for
those it may be precompiled.
"""

import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


def included_by(root, headers):
    """What each header includes of `headers`, directly or not; never itself."""
    direct = {}
    for header in headers:
        found = INCLUDE.findall((root / header).read_text(encoding="utf-8"))
        direct[header] = [name for name in found if name in headers]
    closures = {}
    for header in headers:
        seen, waiting = set(), list(direct[header])
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += direct[name]
        closures[header] = seen - {header}
    return closures


def fewest_chains(headers, below):
    """As few chains as there can be: a maximal matching of headers with the one that comes before them."""
    before, after = {}, {}

    def find_place(header, tried):
        for candidate in sorted(below[header]):
            if candidate in headers and candidate not in tried:
                tried.add(candidate)
                if candidate not in after or find_place(after[candidate], tried):
                    after[candidate] = header
                    before[header] = candidate
                    return True
        return False

    for header in sorted(headers):
        find_place(header, set())
    chains = []
    for last in sorted(headers - after.keys()):
        chain = [last]
        while chain[-1] in before:
            chain.append(before[chain[-1]])
        chains.append(chain[::-1])
    return chains


def write_changed(path, text):
    """Leaves a file alone that says the same, so that it is not compiled again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write_sources(root, out, mark, headers):
    below = included_by(root, headers)
    over = {header for header in headers if header == mark or mark in below[header]}
    written = set()
    for folder, group in (("over", over), ("plain", headers - over)):
        for chain in fewest_chains(group, below):
            path = out / folder / (chain[-1].replace("/", "_") + ".cc")
            write_changed(path, "".join(f'#include "{header}"\n' for header in chain))
            written.add(path)
    for stale in set(out.glob("*/*.cc")) - written:
        stale.unlink()
    return sorted(written)


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        texts = {"mark.h": "", "a.h": "", "b.h": '#include "a.h"\n', "c.h": '#include "b.h"\n',
                 "d.h": '#include "a.h"\n', "e.h": '# include <mark.h>\n#include "c.h"\n',
                 "f.h": '#include "e.h"\n', "twin.h": '#include "twin.h"\n'}
        for name, text in texts.items():
            (root / name).write_text(text, encoding="utf-8")
        paths = write_sources(root, root / "out", "mark.h", set(texts))
        chains = {str(path.relative_to(root / "out")): INCLUDE.findall(path.read_text()) for path in paths}
        below = included_by(root, set(texts))
        assert sorted(sum(chains.values(), [])) == sorted(texts), chains  # each once
        for chain in chains.values():
            for first, second in zip(chain, chain[1:]):
                assert first in below[second], chain
        assert chains["over/f.h.cc"] == ["mark.h", "e.h", "f.h"], chains
        assert len(chains) == 4, chains  # a-b-c, d, twin and the one above
        (root / "c.h").write_text("", encoding="utf-8")
        assert len(write_sources(root, root / "out", "mark.h", set(texts))) == 5


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return
    root, out, mark = sys.argv[1:]
    headers = set(sys.stdin.read().split())
    for path in write_sources(pathlib.Path(root), pathlib.Path(out), mark, headers):
        print(path)


if __name__ == "__main__":
    main()
