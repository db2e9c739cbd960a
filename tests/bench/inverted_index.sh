#!/bin/bash
# The index of words that the job inverted-index makes: what making it costs, its size, and what asking it takes.
#
#   tests/bench/inverted_index.sh [--rounds N] [--words N] [DIRECTORY | DOCUMENTS.jsonl]
#
# Packs DIRECTORY (/usr/share/doc) with `dfs put --pack`, or takes lines {"id", "text"}, and indexes them in a cluster of
# this machine, N times (3). Prints wall time, processor time and resident memory (medians), bytes of the documents, of the
# index and of the index as lines, and milliseconds a query: N words (100) in the cluster and on this machine, the N words of
# most documents, and phrases. How many documents each word has is compared with the index as lines. Saves the table in
# build/bench/. Some minutes on two cores; needs three times the documents of disk.
set -euo pipefail

tool=inverted_index
# shellcheck source=tests/bench/measured_cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/measured_cluster.sh"
rounds=3
words=100
documents=/usr/share/doc
while [ $# -gt 0 ]; do
  case "$1" in
    --rounds) rounds=${2:?}; shift 2 ;;
    --words) words=${2:?}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    -*) refuse "$1" ;;
    *) documents=$(realpath "$1"); shift ;;
  esac
done

need_release
export LC_ALL=C
start_cluster 1 2
if [ -d "$documents" ]; then
  dfs put --replication 1 --pack "$documents" /docs.jsonl
else
  dfs put --replication 1 "$documents" /docs.jsonl
fi

say "indexing, $rounds rounds"
for ((i = 0; i < rounds; i++)); do
  dfs rm -r -f --skip-trash /index >/dev/null
  "$root/tests/bench/measure.py" --cluster "$supervisor" --group "$group" -o "$scratch/job.costs" -- \
    mr run inverted-index /docs.jsonl /index --replication 1 --reduce 2 >"$scratch/said" 2>&1 ||
    die "the job failed: $(tail -n 3 "$scratch/said")"
  say "round $((i + 1)): $(tail -n 1 "$scratch/job.costs") (wall, processor, MB, load)"
done

size_of() { dfs cat "$@" | wc -c; }
mkdir "$scratch/copy"
dfs get '/index/part-*' "$scratch/copy"
local_index=file://$scratch/copy

say "reading all of it"
quern-search postings "$local_index" | tee >(wc -c >"$scratch/line_bytes") | cut -f1 | uniq -c |
  awk '{print $1 "\t" $2}' >"$scratch/counts"
terms=$(wc -l <"$scratch/counts")
# A few words of other scripts become several when they are cut again, as queries are.
awk '$2 ~ /^[a-z0-9]+$/' "$scratch/counts" >"$scratch/plain"
plain=$(wc -l <"$scratch/plain")
[ "$plain" -ge "$words" ] || die "only $plain words"
# Words of any frequency, and the most frequent ones.
awk -v step=$((plain / words)) -v most="$words" 'NR % step == 0 && n++ < most' "$scratch/plain" >"$scratch/any"
sort -rn "$scratch/plain" | sed -n "1,${words}p" >"$scratch/frequent"

milliseconds_each() { # index file of counts and words [flag]: of each query; compares counts without a flag
  local index=$1 file=$2 flag=${3:-} count word other=the begin=$EPOCHREALTIME
  while IFS=$'\t' read -r count word; do
    if [ -n "$flag" ]; then
      quern-search words "$index" "$flag" "$other" "$word" >/dev/null 2>&1 || die "'$other $word' is not answered"
      other=$word
    else
      quern-search words "$index" "$word" 2>&1 >/dev/null | grep -qx "$count documents" ||
        die "'$word' has not $count documents"
    fi
  done <"$file"
  awk -v a="$begin" -v b="$EPOCHREALTIME" -v n="$(wc -l <"$file")" 'BEGIN {printf "%.1f", (b - a) * 1000 / n}'
}
nothing() { # milliseconds of a command that asks nothing
  local begin=$EPOCHREALTIME
  for ((i = 0; i < 20; i++)); do quern-search --version >/dev/null; done
  awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.1f", (b - a) * 50}'
}

say "asking"
alone=$(nothing)
in_cluster=$(milliseconds_each /index "$scratch/any")
here=$(milliseconds_each "$local_index" "$scratch/any")
frequent=$(milliseconds_each "$local_index" "$scratch/frequent")
phrases=$(milliseconds_each "$local_index" "$scratch/frequent" --phrase)
saved=$out/inverted-index-$(date +%Y%m%d-%H%M%S).txt
{
  echo "$(quern --version), $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg), documents of $documents"
  echo "job, medians of $rounds: $(median 1 job) s, $(median 2 job) s of processors, $(median 3 job) MB"
  echo "bytes: documents $(size_of /docs.jsonl), index $(size_of '/index/part-*'), as lines $(cat "$scratch/line_bytes")"
  echo "different words: $terms"
  echo "milliseconds a query, of which the start of the program takes $alone:"
  echo "  $words words of any frequency, in the cluster   $in_cluster"
  echo "  the same, index on this machine            $here"
  echo "  the $words words of most documents, there      $frequent"
  echo "  phrases of two of those, there             $phrases"
} | tee "$saved"
say "all counts were right; saved in $saved"
