#!/usr/bin/env python3
"""Holds what comments and documents point at, how long files may be, and that the jobs that come with
Quern say which parameters they read. Run by ctest.

    check_text.py ROOT         prints one line per violation; exit code 1 when there is any
    check_text.py --self-test  shows that every rule finds a planted violation

A reference is a path of this repository as comments and documents write them
(`master/service/committer.h`, docs/formats/README.md), or a document with one of its headings:
docs/architecture.md, "Invariants".
"""

import os
import pathlib
import re
import subprocess
import sys

MAX_LINES = 500
# Long for a reason that is better than the rule.
MAY_BE_LONG = {}

FOLDERS = ("chunkserver", "client", "common", "deploy", "docs", "jobs", "mapreduce", "master",
           "proto", "tests")
PATH = re.compile(r"(?<![\w/.$}-])((?:%s)/[\w./-]*\.(?:h|cc|md|py|sh|proto|toml|txt))\b"
                  % "|".join(FOLDERS))
# Documents may leave out the beginning of a path where it is plain: `logic/seal_planner.h`.
SHORT_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:h|cc|md|py|sh|proto))`")
HEADING_OF = re.compile(r'(docs/[\w./-]+\.md), "([^"]+)"')
COMMENT = re.compile(r"^\s*(?://|#)(.*)$")
PARAMETERS = re.compile(r"^parameters = \[", re.M)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b(?!X)")


def words_of(path, text):
    """The part of a file that people read: all of a document, the comments of a source."""
    if path.endswith(".md"):
        # Examples of what does not exist yet are in code blocks.
        return re.sub(r"```.*?```", "", text, flags=re.S)
    lines = [m.group(1).strip() for m in map(COMMENT.match, text.splitlines())
             if m and not m.group(1).lstrip().startswith("include")]
    return " ".join(lines)


def problems(path, text, exists, exists_below, headings_of):
    """Every violation in one file; the functions look at the repository."""
    if path.endswith((".h", ".cc")) and path not in MAY_BE_LONG:
        lines = text.count("\n")
        if lines > MAX_LINES:
            yield f"{lines} lines: more than {MAX_LINES}, it is two things"
    if UNFINISHED.search(text):
        yield "a mark of unfinished work"
    is_pipeline = "[[stage]]" in text  # its stages say it
    if path.startswith("jobs/") and path.endswith(".toml") and not is_pipeline and not PARAMETERS.search(text):
        yield 'does not say which parameters its classes read: parameters = ["..."], or []'
    words = words_of(path, text)
    for target in sorted(set(PATH.findall(words))):
        if not exists(target):
            yield f"points at {target}, which does not exist"
    if path.endswith(".md"):
        for target in sorted(set(SHORT_PATH.findall(words))):
            if not exists_below(target):
                yield f"points at {target}, which is the end of no path here"
    for document, heading in set(HEADING_OF.findall(words)):
        if exists(document) and heading not in headings_of(document):
            yield f'points at {document}, "{heading}": no such heading'


def check_tree(root):
    # A hook hands down which repository it is of, and that would count for more than -C.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    names = subprocess.run(["git", "-C", root, "ls-files", "--cached", "--others",
                            "--exclude-standard"], capture_output=True, text=True, check=False,
                           env=environment)
    files = names.stdout.split("\n") if names.returncode == 0 else [
        str(p.relative_to(root)) for p in root.rglob("*")]

    def exists(path):
        return (root / path).exists()

    def exists_below(end):
        return end in files or any(name.endswith("/" + end) for name in files)

    def headings_of(document):
        lines = (root / document).read_text().splitlines()
        return {line.lstrip("#").strip() for line in lines if line.startswith("#")}

    bad = 0
    checked = 0
    for path in sorted(files):
        file = root / path
        if not path.endswith((".h", ".cc", ".md", ".proto", ".toml")) or not file.is_file():
            continue
        if path.startswith("build/"):
            continue
        checked += 1
        for problem in problems(path, file.read_text(errors="replace"), exists,
                                exists_below, headings_of):
            print(f"{path}: {problem}")
            bad += 1
    print(f"{checked} files, {bad} violations")
    return 1 if bad or checked == 0 else 0


PLANTED = [
    ("master/x.h", "// See docs/gone.md."),
    ("master/x.h", "// Drawn in client/gone.h, and so on."),
    ("master/x.h", '// docs/here.md, "No such part".'),
    ("docs/x.md", "as `common/gone.h` has it"),
    ("docs/x.md", "as `logic/gone.h` has it"),
    ("master/x.cc", "\n" * (MAX_LINES + 1)),
    ("master/x.cc", "  // TO" + "DO: the rest"),
    ("jobs/x.toml", 'name = "x"\n[reduce]\n'),
]
INNOCENT = [
    ("master/x.h", '// docs/here.md, "A part", and docs/here.md.'),
    ("master/x.cc", '#include "client/gone.h"'),
    ("docs/x.md", "```\nvi client/gone.h\n```"),
    ("jobs/x.toml", 'name = "x"\nparameters = []\n[reduce]\n'),
    ("docs/x.md", "as `logic/here.h` has it"),
    ("docs/x.md", "in build/release/tests/chunk_table_test"),
]


def self_test():
    def exists(path):
        return path == "docs/here.md"

    def exists_below(end):
        return end == "logic/here.h"

    def headings_of(_):
        return {"A part"}

    failed = [f"not found: {path}: {text[:60]!r}" for path, text in PLANTED
              if not list(problems(path, text, exists, exists_below, headings_of))]
    failed += [f"wrongly found: {path}: {text!r}" for path, text in INNOCENT
               if list(problems(path, text, exists, exists_below, headings_of))]
    for failure in failed:
        print(failure)
    print(f"{len(PLANTED) + len(INNOCENT)} cases, {len(failed)} failed")
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    return check_tree(pathlib.Path(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
