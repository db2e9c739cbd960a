#!/bin/bash
# Quern's sort, join and pagerank beside DuckDB and PySpark: the same data, two cores, in turn, outputs checked.
#
#   tests/bench/peers.sh [--rounds N] [--only PATTERN] [--scale PERCENT] [--peers duckdb,spark]
#
# Installs --peers (PyPI) into build/bench/venv; PySpark needs a Java runtime (Debian:
# openjdk-17-jre-headless). Makes 1.9 GB of input once in build/bench/input. Prints wall time, processor time of all
# processes (those of the cluster's servers too) and resident memory, minimum and median of the rounds, and saves the
# table in build/bench/. Half an hour on two cores; needs 15 GB.
set -euo pipefail

tool=peers
# shellcheck source=tests/bench/measured_cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/measured_cluster.sh"
rounds=3
only=.
scale=100
peers=duckdb,spark
while [ $# -gt 0 ]; do
  case "$1" in
    --rounds) rounds=${2:?}; shift 2 ;;
    --only) only=${2:?}; shift 2 ;;
    --scale) scale=${2:?}; shift 2 ;;
    --peers) peers=${2:?}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) refuse "$1" ;;
  esac
done

[[ $peers != *spark* ]] || command -v java >/dev/null || die "PySpark needs java. Try: apt-get install openjdk-17-jre-headless"
say "building"
[ -f "$build/build.ninja" ] || (cd "$root" && cmake --preset release >/dev/null) || die "configure failed"
mkdir -p "$out/input"
cmake --build "$build" --target product make_input touch_memory >"$out/build.log" 2>&1 || die "the build failed: $out/build.log"
export PATH="$build/bin:$build/bench:$PATH" LC_ALL=C
python=$out/venv/bin/python3
[ -x "$python" ] || { say "installing the peers"; python3 -m venv "$out/venv"; }
for package in ${peers//,/ }; do
  package=${package/#spark/pyspark}
  "$python" -c "import $package" 2>/dev/null || "$out/venv/bin/pip" install -q "$package"
done

make_once() { # name kind amount
  local file=$out/input/$1-$scale
  [ -s "$file" ] || { say "making input $1"; make_input "$2" $(($3 * scale / 100)) >"$file.part"; mv "$file.part" "$file"; }
}
make_once sort sort 10000000
make_once graph graph 5000000
make_once orders orders 10000000
make_once customers customers 1000000
input_of() { echo "$out/input/$1-$scale"; }

start_cluster 3 2
cd "$scratch"
for name in sort graph orders customers; do dfs put --replication 1 "$(input_of $name)" "/$name"; done

# One run: what it cost goes to a line of TOOL.costs, its output to OUT (removed before the next).
measure() { # tool command...
  local tool=$1
  shift
  rm -rf "${scratch:?}/out" "$scratch"/*-scratch
  touch_memory 4500
  cat "$out"/input/*-"$scale" >/dev/null
  local flags=()
  # What a pipeline has left there would spare its next run all work.
  [ "$tool" != quern ] || dfs rm -r -f --skip-trash /out >/dev/null
  [ "$tool" != quern ] || flags=(--cluster "$supervisor" --group "$group")
  "$root/tests/bench/measure.py" "${flags[@]}" -o "$scratch/$tool.costs" -- "$@" >"$scratch/said" 2>&1 ||
    die "$* failed: $(tail -n 3 "$scratch/said")"
}
whole() { if [ "$1" = quern ]; then dfs cat '/out/part-*'; elif [ -d "$scratch/out" ]; then cat "$scratch"/out/part-*; else cat "$scratch/out"; fi; }
# What must be equal: all bytes of a sorted output, the set of joined lines; ranks are compared by number.
digest() { case $1 in sort) whole "$2" | sha256sum ;; *) whole "$2" | sort --parallel=2 -S 1G | sha256sum ;; esac; }
check() { # job tool
  if [ "$1" = pagerank ]; then
    whole "$2" | sort -k1,1 >"$scratch/$2.ranks"
    paste "$scratch/quern.ranks" "$scratch/$2.ranks" | awk -F'\t' '
      $1 != $3 { print "nodes differ: " $1 " " $3; exit 1 }
      { d = $2 - $4; if (d < 0) d = -d; if (d > 1e-9 * $2 + 1e-12) { print $1 ": " $2 " and " $4; exit 1 } }
      END { if (NR == 0) exit 1 }' || die "$2: other ranks than Quern's"
  else
    digest "$1" "$2" >"$scratch/$2.digest"
    cmp -s "$scratch/quern.digest" "$scratch/$2.digest" || die "$1: $2 has another output than Quern"
  fi
}

header='job       tool     wall s: min median   processor s: min median   memory MB   processor, of Quern'
row() { # job tool
  local quern; quern=$(median 2 quern)
  local cpu; cpu=$(median 2 "$2")
  printf '%-9s %-7s %13s %6s %19s %8s %13s %14s\n' "$1" "$2" "$(least 1 "$2")" "$(median 1 "$2")" "$(least 2 "$2")" \
    "$cpu" "$(median 3 "$2")" "$(awk -v a="$cpu" -v b="$quern" 'BEGIN {printf "%.2fx", a / b}')" | tee -a "$scratch/table"
}

compare() { # job arguments-of-quern -- arguments-of-the-peers (OUT stands for the output)
  [[ $1 =~ $only ]] || return 0
  local job=$1 ours=()
  shift
  while [ "$1" != -- ]; do ours+=("$1"); shift; done
  shift
  rm -f "$scratch"/*.costs
  for ((i = 0; i < rounds; i++)); do
    measure quern mr run "$job" "${ours[@]}"
    [ $i != 0 ] || check "$job" quern
    for tool in ${peers//,/ }; do
      measure $tool "$python" "$root/tests/bench/peer_jobs.py" $tool "$job" "${@/OUT/$scratch/out}"
      [ $i != 0 ] || check "$job" $tool
    done
    say "$job, round $((i + 1)): $(for tool in quern ${peers//,/ }; do echo -n "$tool $(tail -n 1 "$scratch/$tool.costs"); "; done) (wall, processor, MB, load)"
  done
  for tool in quern ${peers//,/ }; do row "$job" $tool; done
}

say "measuring, $rounds rounds"
echo "$header" | tee "$scratch/table"
compare sort /sort /out --replication 1 --reduce 2 -- "$(input_of sort)" OUT
compare join /orders /customers /out --replication 1 --reduce 2 --set params.left_key=2 --set params.right_key=1 -- \
  "$(input_of orders)" "$(input_of customers)" OUT
compare pagerank /graph /out --set tolerance=1e-7 -- "$(input_of graph)" OUT 1e-7

saved=$out/peers-$(date +%Y%m%d-%H%M%S).txt
{ echo "$(quern --version), $(nproc) cores, inputs of $scale %, load at the end $(cut -d' ' -f1 /proc/loadavg)"; cat "$scratch/table"; } >"$saved"
say "outputs were equal; saved in $saved"
