#!/bin/bash
# The small jobs beside the tools that people use for the same work: the same data, two cores, in turn, answers compared.
#
#   tests/bench/small_jobs.sh [--rounds N] [--scale PERCENT] [--list] [JOB...]
#
# All jobs, or those named. Installs DuckDB, SciPy, NetworkX, warcio and datatrove (PyPI) into build/bench/venv. Makes 700
# MB of input once in build/bench/input. Each run is a whole command; Quern's cluster is up before, its input lies in its
# file system in one copy. Prints the medians of wall time, processor time of all processes (those of the cluster's
# servers too) and resident memory, and saves the table in build/bench/. Half an hour on two cores; needs 5 GB.
set -euo pipefail

tool=small_jobs
# shellcheck source=tests/bench/measured_cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/measured_cluster.sh"
rounds=3
scale=100
all="url-frequency sessions top-n sample distinct distinct-estimate ngrams group-by reverse-links term-vector
  connected-components exact-dedup repeated-lines decontaminate clean warc-index zcat command"
jobs=()
while [ $# -gt 0 ]; do
  case "$1" in
    --rounds) rounds=${2:?}; shift 2 ;;
    --scale) scale=${2:?}; shift 2 ;;
    --list) echo $all; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    -*) refuse "$1" ;;
    *) [[ " ${all//$'\n'/ } " == *" $1 "* ]] || refuse "$1"; jobs+=("$1"); shift ;;
  esac
done
[ ${#jobs[@]} != 0 ] || read -r -d '' -a jobs <<<"$all" || true

need_release
export LC_ALL=C PYTHONPATH=$root/tests/bench
python=$out/venv/bin/python3
[ -x "$python" ] || { say "installing the peers"; python3 -m venv "$out/venv"; }
need_package() { "$python" -c "import $1" 2>/dev/null || { say "installing $1"; "$out/venv/bin/pip" install -q "${@:2}"; }; }

input_of() { # name: its file, made when it is not there
  declare -A lines=([text]=1500000 [log]=1000000 [counts]=5000000 [edges]=2000000 [documents]=20000 [evaluation]=2000 [crawl]=10000)
  declare -A ends=([documents]=.jsonl [evaluation]=.jsonl [crawl]=.warc.gz)
  local file=$out/input/small-$1-$scale${ends[$1]:-}
  [ -s "$file" ] || {
    say "making input $1"
    "$root/tests/bench/make_small.py" "$1" $((lines[$1] * scale / 100)) >"$file.part"
    mv "$file.part" "$file"
  }
  echo "$file"
}

start_cluster 3 2
cd "$scratch"
theirs=$scratch/theirs
cat >map.py <<'EOP'
import sys
for line in sys.stdin:
    for word in line.split():
        print(word + "\t1")
EOP
cat >reduce.py <<'EOP'
import itertools, sys
for word, lines in itertools.groupby(sys.stdin, lambda line: line.partition("\t")[0]):
    print(f"{word}\t{sum(int(line.partition(chr(9))[2]) for line in lines)}")
EOP

put_once() { dfs ls "$2" >/dev/null 2>&1 || dfs put --replication 1 "$1" "$2"; }
# Sets `input`, puts it into the cluster, and starts the list of tools with ours.
take() { # name-of-input mr-arguments...
  input=$(input_of "$1")
  put_once "$input" "/$1"
  ours=(mr run "${@:2}" /out --replication 1)
  names=() commands=()
}
beside() { names+=("$1"); commands+=("$2"); } # tool command-of-the-shell
peer() { beside "$1" "$python '$root/tests/bench/peer_small.py' $1 $2 '$theirs' ${*:3}"; } # tool job inputs...

define() { # job: what Quern runs, and what the others run
  case $1 in
    url-frequency)
      take log url-frequency /log
      beside awk "awk '{n[\$7]++} END {for (url in n) print url \"\t\" n[url]}' '$input' >'$theirs'"
      peer duckdb "$1" "$input" ;;
    sessions) take log sessions /log; peer duckdb "$1" "$input" ;;
    top-n)
      take counts top-n /counts --set params.n=1000
      beside sort "sort --parallel=2 -S 1G -t \$'\t' -k2,2nr -k1,1 '$input' | head -n 1000 >'$theirs'"
      peer duckdb "$1" "$input" ;;
    sample)
      take text sample /text --set params.n=1000
      beside shuf "shuf -n 1000 '$input' >'$theirs'"
      peer duckdb "$1" "$input" ;;
    distinct)
      take text distinct /text
      beside sort "sort --parallel=2 -S 1G '$input' | uniq -c | sed -E 's/^ *([0-9]+) (.*)/\2\t\1/' >'$theirs'"
      peer duckdb "$1" "$input" ;;
    distinct-estimate)
      take text distinct /text --set params.method=estimate --reduce 1
      peer duckdb "$1" "$input" ;;
    ngrams) take text ngrams /text; peer python "$1" "$input"; peer duckdb "$1" "$input" ;;
    group-by)
      take documents group-by /documents --set params.by=lang,domain \
        --set "params.aggregates=count,sum(bytes),max(score),mean(score)"
      peer duckdb "$1" "$input" ;;
    reverse-links | term-vector | exact-dedup | repeated-lines)
      take documents "$1" /documents
      peer duckdb "$1" "$input" ;;
    connected-components)
      need_package scipy scipy
      need_package networkx networkx
      take edges connected-components /edges
      peer scipy "$1" "$input"; peer networkx "$1" "$input" ;;
    decontaminate)
      take documents decontaminate /documents --files evaluation.jsonl
      cp "$(input_of evaluation)" "$scratch/evaluation.jsonl"
      peer python "$1" "$input" "$scratch/evaluation.jsonl" ;;
    clean)
      need_package datatrove datatrove orjson
      take documents clean /documents --set params.terminal_marks=true
      mkdir -p "$scratch/halves"
      split -n l/2 --additional-suffix=.jsonl "$input" "$scratch/halves/"
      peer datatrove "$1" "$scratch/halves" ;;
    warc-index)
      need_package warcio warcio
      take crawl warc-index /crawl
      peer warcio "$1" "$input" ;;
    zcat) # a crawl four times over is decoded, and looked through for what is not there
      take crawl grep --format warc qqzzqq /crawls
      mkdir -p "$scratch/crawls"
      dfs mkdir -p /crawls
      for n in 1 2 3 4; do ln -sf "$input" "$scratch/crawls/$n.warc.gz"; put_once "$input" "/crawls/$n.warc.gz"; done
      beside zcat "zcat '$scratch'/crawls/* | (grep -a qqzzqq || true) >'$theirs'" ;;
    command) # word count by two programs of Python
      take text --map "$python map.py" --reduce "$python reduce.py" --reduce 2 --files map.py,reduce.py /text
      beside pipe "$python map.py <'$input' | sort --parallel=2 -S 1G | $python reduce.py >'$theirs'" ;;
  esac
}

# One run: what it cost goes to a line of TOOL.costs; the output of the run before is removed first.
measure() { # tool command...
  local flags=()
  rm -rf "${theirs:?}" "$theirs".*
  # What a pipeline has left there would spare its next run all work.
  [ "$1" != quern ] || { dfs rm -r -f --skip-trash /out /out-rejected >/dev/null; flags=(--cluster "$supervisor" --group "$group"); }
  cat "$input" >/dev/null
  "$root/tests/bench/measure.py" "${flags[@]}" -o "$scratch/$1.costs" -- "${@:2}" >"$scratch/said" 2>&1 ||
    die "$* failed: $(tail -n 3 "$scratch/said")"
}
whole() { # tool: its output
  if [ "$1" = quern ]; then dfs cat '/out/part-*'; elif [ -d "$theirs" ]; then cat "$theirs"/*; else cat "$theirs"; fi
}
normal() { # job tool: lines that must be the same for all tools
  case $1 in
    group-by | repeated-lines | exact-dedup | decontaminate | clean) whole "$2" | "$root/tests/bench/small_answers.py" "$1" ;;
    warc-index) whole "$2" | cut -f1-7 ;;
    sample) # so many lines, all of them of the input
      whole "$2" >sampled
      wc -l <sampled
      awk 'NR == FNR {strange[$0]; next} {delete strange[$0]} END {for (line in strange) print "not of the input: " line}' sampled "$input" ;;
    distinct-estimate) # DuckDB's sketch is the smaller one
      off=$(whole "$2" | awk -v right="$(sort -u --parallel=2 -S 1G "$input" | wc -l)" '{printf "%.1f %%", 100 * ($2 / right - 1)}')
      say "$1: $2 is $off off"
      awk -v off="$off" 'BEGIN {print (off + 0 < 10 && off + 0 > -10) ? "near" : "not near"}' ;;
    *) whole "$2" ;;
  esac
}
check() { # job tool: its answer beside that of Quern
  normal "$1" "$2" | sort --parallel=2 -S 1G >"$scratch/answer"
  sha256sum <"$scratch/answer" >"$scratch/$2.digest"
  [ -s "$scratch/answer" ] || [ "$1" = zcat ] || die "$1: no answer of $2"
  [ "$2" != quern ] || { lines=$(whole quern | wc -l); return 0; }
  cmp -s "$scratch/quern.digest" "$scratch/$2.digest" || die "$1: $2 has another answer than Quern: $(head -n 2 "$scratch/answer")"
}

form='%-21s %-10s %9s %12s %8s   %12s %12s   %s\n'
row() { # job tool
  local over=()
  for column in 1 2; do
    over+=("$(awk -v a="$(median $column "$2")" -v b="$(median $column quern)" 'BEGIN {printf "%.2fx", (b > 0 ? a / b : 0)}')")
  done
  # shellcheck disable=SC2059
  printf "$form" "$1" "$2" "$(median 1 "$2")" "$(median 2 "$2")" "$(median 3 "$2")" "${over[@]}" "$3" | tee -a "$scratch/table"
}
compare() { # job
  define "$1"
  rm -f "$scratch"/*.costs
  local i n
  for ((i = 0; i < rounds; i++)); do
    measure quern "${ours[@]}"
    [ $i != 0 ] || check "$1" quern
    for n in "${!names[@]}"; do
      measure "${names[n]}" bash -c "${commands[n]}"
      [ $i != 0 ] || check "$1" "${names[n]}"
    done
  done
  row "$1" quern "$(wc -c <"$input" | awk '{printf "%.0f MB in", $1 / 1e6}'), $lines lines out"
  for n in "${!names[@]}"; do row "$1" "${names[n]}" ""; done
}

need_package duckdb duckdb
say "measuring, $rounds rounds, load $(cut -d' ' -f1 /proc/loadavg)"
# shellcheck disable=SC2059
printf "$form" job tool "wall s" "processor s" "MB" "wall/Quern" "cpu/Quern" "" | tee "$scratch/table"
for job in "${jobs[@]}"; do compare "$job"; done
saved=$out/small-$(date +%Y%m%d-%H%M%S).txt
{ echo "$(quern --version), $(nproc) cores, inputs of $scale %, load at the end $(cut -d' ' -f1 /proc/loadavg)"; cat "$scratch/table"; } >"$saved"
say "answers were equal; saved in $saved"
