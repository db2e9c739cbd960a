#!/bin/bash
# How much of the main content of web pages extract finds, and how much of the rest it lets through.
#
#   tests/bench/extraction_quality.sh [--least F1] [--peers trafilatura] PAGES
#
# PAGES is a directory, or a tar file of one, that holds pages and what a person has said their content is: directories
# with source.html and expected.html, as Readability's test pages are, at any depth. Prints F1, precision and recall of
# words, the means over the pages: of extract, of all text of the page (what no extraction at all would give), and of
# --peers (PyPI, installed into build/bench/venv), and fails when F1 of extract is less than --least. Seconds.
set -euo pipefail

tool=extraction_quality
# shellcheck source=tests/bench/measured_cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/measured_cluster.sh"
least=0
peers=
given=
while [ $# -gt 0 ]; do
  case "$1" in
    --least) least=${2:?}; shift 2 ;;
    --peers) peers=${2:?}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    -*) refuse "$1" ;;
    *) [ -z "$given" ] || refuse "$1"; given=$(realpath "$1"); shift ;;
  esac
done
[ -n "$given" ] || { echo "$tool: no PAGES. Try: $0 --help" >&2; exit 2; }
[ -e "$given" ] || die "$given: there is nothing"
need_release

scratch=$(mktemp -d "$out/$tool.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
if [ ! -d "$given" ]; then
  mkdir "$scratch/given"
  tar -xf "$given" -C "$scratch/given" || die "$given: is neither a directory nor a tar file"
  given=$scratch/given
fi

# Pages under their names, and the words of what is expected of them.
python3 - "$given" "$scratch" <<'END' || die "$given: no directory in it has source.html and expected.html"
import html.parser, json, pathlib, shutil, sys

class Text(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts, self.unseen = [], 0
    def handle_starttag(self, tag, attributes):
        self.unseen += tag in ("script", "style")
        self.parts += [" "] if tag not in INLINE else []
    def handle_endtag(self, tag):
        self.unseen -= tag in ("script", "style")
        self.parts += [" "] if tag not in INLINE else []
    def handle_data(self, data):
        self.parts += [data] if not self.unseen else []

INLINE = set("a abbr b bdi bdo cite code dfn em font i kbd mark q s samp small span strong sub sup tt u var wbr".split())
given, scratch = map(pathlib.Path, sys.argv[1:])
(scratch / "pages").mkdir()
count = 0
with open(scratch / "expected", "w", encoding="utf-8") as expected:
    for source in sorted(given.rglob("source.html")):
        wanted = source.with_name("expected.html")
        if not wanted.exists():
            continue
        page = scratch / "pages" / f"{source.parent.name}.html"
        shutil.copyfile(source, page)
        text = Text()
        text.feed(wanted.read_text(encoding="utf-8"))
        print(json.dumps({"id": f"file://{page}", "text": "".join(text.parts)}), file=expected)
        count += 1
sys.exit(count == 0)
END

quality() { python3 "$root/tests/bench/corpus_quality.py" content "$scratch/expected" "$1"; }
for content in main all; do
  mr run --local extract "file://$scratch/pages" "file://$scratch/$content" --set params.content=$content \
    >"$scratch/said" 2>&1 || die "extract failed: $(tail -n 3 "$scratch/said")"
done
found=$(quality "$scratch/main")
echo "extract:     $found"
echo "all text:    $(quality "$scratch/all")"
for peer in ${peers//,/ }; do
  [ "$peer" = trafilatura ] || die "$peer: the only peer is trafilatura"
  python=$out/venv/bin/python3
  [ -x "$python" ] || python3 -m venv "$out/venv"
  "$python" -c 'import trafilatura' 2>/dev/null || "$out/venv/bin/pip" install -q trafilatura lxml_html_clean
  "$python" - "$scratch" >"$scratch/$peer" <<'END'
import json, pathlib, sys, trafilatura
for page in sorted(pathlib.Path(sys.argv[1], "pages").iterdir()):
    text = trafilatura.extract(page.read_bytes(), include_comments=False) or ""
    print(json.dumps({"id": f"file://{page}", "text": text}))
END
  echo "$peer: $(quality "$scratch/$peer")"
done
f1=${found#*F1 }
awk -v f1="${f1%%,*}" -v least="$least" 'BEGIN {exit !(f1 >= least)}' || die "F1 is less than $least"
