#!/usr/bin/env python3
"""How good stages of a corpus are, measured against right answers that do not come from them.

    corpus_quality.py duplicates PAGES KEPT        documents whose words are nearly the same: recall and precision
    corpus_quality.py language   PAGES LABELLED    "lang" of PAGES beside what was found, by id
    corpus_quality.py content    EXPECTED FOUND    F1 of words of the text, by id

Arguments are JSON lines with id and text, files or directories of them. For duplicates all pairs of PAGES with a
Jaccard similarity of .8 or more over runs of five words are found exactly; recall: pairs of which not both were
kept; precision: dropped documents that have such a partner.
"""

import collections
import json
import pathlib
import re
import sys


def lines(path):
    path = pathlib.Path(path)
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file() and not file.name.startswith(("_", ".")):
            with open(file, encoding="utf-8") as stream:
                yield from map(json.loads, stream)


def similar_pairs(documents, least=0.8, run=5):
    """All pairs of that similarity: a document's rarest shingles, so many that one must be shared, are its keys."""
    sets = []
    for text in documents:
        words = re.findall(r"\w+", text.lower())
        sets.append({hash(tuple(words[i:i + run])) for i in range(len(words) - run + 1)}
                    or {hash(tuple(words))})
    frequency = collections.Counter(shingle for one in sets for shingle in one)
    index = collections.defaultdict(list)
    pairs = set()
    for at in sorted(range(len(sets)), key=lambda i: len(sets[i])):
        ordered = sorted(sets[at], key=lambda shingle: (frequency[shingle], shingle))
        keys = ordered[:len(ordered) - int(-(-least * len(ordered) // 1)) + 1]
        candidates = {other for key in keys for other in index[key] if len(sets[other]) >= least * len(sets[at])}
        for other in candidates:
            both = len(sets[at] & sets[other])
            if both >= least * (len(sets[at]) + len(sets[other]) - both):
                pairs.add((other, at))
        for key in keys:
            index[key].append(at)
    return pairs


def duplicates(pages, kept):
    documents = list(lines(pages))
    names = [one["id"] for one in documents]
    pairs = similar_pairs([one["text"] for one in documents])
    remaining = {one["id"] for one in lines(kept)}
    dropped = {name for name in names if name not in remaining}
    split = sum(not (names[a] in remaining and names[b] in remaining) for a, b in pairs)
    partners = {names[i] for pair in pairs for i in pair}
    right = len(dropped & partners)
    return (f"documents {len(names)}, pairs {len(pairs)}, dropped {len(dropped)}, "
            f"recall {split / max(1, len(pairs)):.3f}, precision {right / max(1, len(dropped)):.3f}")


def found_language(one):
    return one.get("tags", {}).get("language") or one.get("metadata", {}).get("language") or "und"


def language(pages, labelled):
    wanted = {one["id"]: one["lang"] for one in lines(pages)}
    right, wrong = 0, collections.Counter()
    for one in lines(labelled):
        expected, found = wanted[one["id"]].split("-")[0], found_language(one).split("-")[0]
        right += expected == found
        wrong[expected, found] += expected != found
    return f"right {right} of {len(wanted)}; most often wrong: " + ", ".join(
        f"{found} for {expected} {n}" for (expected, found), n in wrong.most_common(8))


def content(expected, found):
    answers = {one["id"]: one["text"] for one in lines(found)}
    total = [0.0, 0.0, 0.0]
    count = 0
    for one in lines(expected):
        want = collections.Counter(re.findall(r"\w+", one["text"].lower()))
        got = collections.Counter(re.findall(r"\w+", answers.get(one["id"], "").lower()))
        both = sum((want & got).values())
        precision, recall = both / max(1, sum(got.values())), both / max(1, sum(want.values()))
        f1 = 2 * precision * recall / (precision + recall) if both else 0.0
        total = [a + b for a, b in zip(total, (f1, precision, recall))]
        count += 1
    return "pages {}, F1 {:.3f}, precision {:.3f}, recall {:.3f}".format(count, *(x / max(1, count) for x in total))


def main():
    measures = {"duplicates": duplicates, "language": language, "content": content}
    if len(sys.argv) != 4 or sys.argv[1] not in measures:
        print(__doc__, file=sys.stderr)
        return 2
    print(measures[sys.argv[1]](*sys.argv[2:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
