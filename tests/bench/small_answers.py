#!/usr/bin/env python3
"""Lines of JSON from standard input as small_jobs.sh compares them: what must be equal whatever tool wrote it.

    small_answers.py group-by | repeated-lines | exact-dedup | decontaminate | clean

Numbers of group-by to ten digits; of repeated-lines which line of which document repeats which document; the ids that
exact-dedup and decontaminate keep; of clean the ids, and the texts without blank lines.
"""

import json
import sys


def group(one):
    rounded = {name: float(f"{value:.10g}") if isinstance(value, (int, float)) else value for name, value in one.items()}
    return json.dumps(rounded, sort_keys=True)


def repeat(one):
    return f"{one['id']} {one['line']} {one['of']}"


def cleaned(one):
    lines = [line.strip() for line in one["text"].split("\n")]
    return json.dumps([one["id"], [line for line in lines if line]])


FORMS = {"group-by": group, "repeated-lines": repeat, "clean": cleaned,
         "exact-dedup": lambda one: one["id"], "decontaminate": lambda one: one["id"]}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in FORMS:
        print(__doc__, file=sys.stderr)
        return 2
    sys.stdout.writelines(FORMS[sys.argv[1]](json.loads(line)) + "\n" for line in sys.stdin)
    return 0


if __name__ == "__main__":
    sys.exit(main())
