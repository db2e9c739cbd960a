#!/bin/bash
# The benchmark: Quern beside plain programs on the same data, in turn, in the same run.
#
#   tests/bench/run.sh [--rounds N] [--only PATTERN]
#
# Builds what it needs, makes 3 GB of input once in build/bench/input, starts clusters of its own on
# free ports, prints a table and saves it in build/bench/. Each figure is the median of the rounds;
# the ratio is that of the pairs. Memory is touched and inputs are read before each timed run, so
# that neither side pays for cold pages. Takes about ten minutes on two cores and needs 12 GB.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build/release
out=$root/build/bench
rounds=3
only=.
while [ $# -gt 0 ]; do
  case "$1" in
    --rounds) rounds=${2:?}; shift 2 ;;
    --only) only=${2:?}; shift 2 ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "bench: unknown argument '$1'. Try: $0 --help" >&2; exit 2 ;;
  esac
done

say() { echo "bench: $*" >&2; }
die() { say "$*"; exit 1; }

say "building"
[ -f "$build/build.ninja" ] || (cd "$root" && cmake --preset release >/dev/null) || die "configure failed"
cmake --build "$build" --target product bench_programs >"$build/bench-build.log" 2>&1 ||
  { tail -n 20 "$build/bench-build.log" >&2; die "the build failed"; }
export PATH="$build/bin:$build/bench:$PATH" LC_ALL=C

mkdir -p "$out/input"
make_once() { [ -s "$out/input/$1" ] || { say "making input $1"; make_input "$2" "$3" >"$out/input/$1.part"; mv "$out/input/$1.part" "$out/input/$1"; }; }
make_once text text 1000000000
make_once sort sort 10000000
make_once random random 1073741824
text=$out/input/text sort=$out/input/sort random=$out/input/random

scratch=$(mktemp -d "$out/scratch.XXXXXX")
table=$scratch/table
cleanup() { for dir in "$scratch"/cluster*; do [ ! -d "$dir" ] || quern down --dir "$dir" >/dev/null || true; done; rm -rf "$scratch"; }
trap cleanup EXIT
trap 'exit 130' INT TERM

cluster_up() { # name chunkservers workers
  quern up --dir "$scratch/cluster-$1" --chunkservers "$2" --workers "$3" --port_base 0 --detach >/dev/null
  eval "$(quern env --dir "$scratch/cluster-$1")"
}
cluster_down() { quern down --dir "$scratch/cluster-$1" >/dev/null; rm -rf "$scratch/cluster-$1"; }

median() { sort -g | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'; }
warm() { touch_memory 4500; cat "$text" "$sort" "$random" >/dev/null; }
seconds_of() { # command: its wall time, warm
  warm
  local from to
  from=$(date +%s.%N); bash -c "$1" >/dev/null 2>"$scratch/err" || die "'$1' failed: $(tail -n 1 "$scratch/err")"; to=$(date +%s.%N)
  echo "$from $to" | awk '{printf "%.4f\n", $2 - $1}'
}
row() { printf '%-34s %12s %12s %8s %8s  %s\n' "$@" | tee -a "$table"; }
judge() { awk -v r="$1" -v l="$2" -v s="$3" 'BEGIN {print (s * r <= s * l) ? "" : "MISSED"}'; }

# Seconds of ours over seconds of the yardstick, pair by pair.
ratio() { # name limit yardstick ours
  [[ $1 =~ $only ]] || return 0
  local i y o
  : >"$scratch/y"; : >"$scratch/o"; : >"$scratch/r"
  for ((i = 0; i < rounds; i++)); do
    y=$(seconds_of "$3"); o=$(seconds_of "$4")
    echo "$y" >>"$scratch/y"; echo "$o" >>"$scratch/o"
    echo "$y $o" | awk '{print $2 / $1}' >>"$scratch/r"
  done
  local r; r=$(median <"$scratch/r")
  row "$1" "$(median <"$scratch/o" | awk '{printf "%.2f s", $1}')" "$(median <"$scratch/y" | awk '{printf "%.2f s", $1}')" \
    "$(printf '%.2fx' "$r")" "<= $2x" "$(judge "$r" "$2" 1)"
}
# Seconds of ours against a limit in seconds.
bound() { # name limit ours
  [[ $1 =~ $only ]] || return 0
  local i
  : >"$scratch/o"
  for ((i = 0; i < rounds + 2; i++)); do seconds_of "$3" >>"$scratch/o"; done
  local o; o=$(median <"$scratch/o")
  row "$1" "$(awk -v o="$o" 'BEGIN {printf "%.3f s", o}')" "-" "-" "<= $2 s" "$(judge "$o" "$2" 1)"
}
# Operations a second of ours over those of the yardstick, or enough of them; each command prints a
# number.
rate() { # name limit enough yardstick ours
  [[ $1 =~ $only ]] || return 0
  local i
  : >"$scratch/y"; : >"$scratch/o"
  for ((i = 0; i < rounds; i++)); do
    warm; bash -c "$4" >>"$scratch/y" || die "'$4' failed"
    warm; bash -c "$5" >>"$scratch/o" || die "'$5' failed"
  done
  local y o r; y=$(median <"$scratch/y"); o=$(median <"$scratch/o"); r=$(awk -v o="$o" -v y="$y" 'BEGIN {print o / y}')
  row "$1" "$(printf '%.0f/s' "$o")" "$(printf '%.0f/s' "$y")" "$(printf '%.2fx' "$r")" ">= $2x" "$(awk -v o="$o" -v e="$3" -v r="$r" -v l="$2" 'BEGIN {print (r >= l || o >= e) ? "" : "MISSED"}')"
}

say "measuring, $rounds rounds"
row "what" "Quern" "yardstick" "ratio" "limit" ""
a=$scratch/a b=$scratch/b c=$scratch/c

cluster_up files 4 1
ratio "put 1 GiB R=3 / cp x3 + sync" 1.75 "cp $random $a; cp $random $b; cp $random $c; sync $a $b $c" "dfs put -f --replication 3 $random /f"
ratio "put 1 GiB R=1 / dd conv=fsync" 2.2 "dd if=$random of=$a bs=1M conv=fsync" "dfs put -f --replication 1 $random /g"
[[ "cat get" =~ $only || $only = . ]] && dfs put -f --replication 3 "$random" /f
ratio "cat 1 GiB into a pipe / cat" 1.2 "cat $random | cat" "dfs cat /f | cat"
ratio "get 1 GiB / cp" 1.5 "cp $random $a" "dfs get -f /f $b"
bound "ls" 0.020 "dfs ls /"
# Small files, durable when put returns: 1,000 a second for eight at a time, 300 for one caller.
mkdir -p "$scratch/small"
for ((i = 0; i < 3000; i++)); do head -c 1024 "$random" >"$scratch/small/f$i"; done
small_files() { # callers: files a second
  local from to
  from=$(date +%s.%N); dfs put -f -j "$1" --replication 3 "$small" / >/dev/null 2>&1 || return 1; to=$(date +%s.%N)
  echo "$from $to" | awk '{printf "%.0f\n", 3000 / ($2 - $1)}'
}
export -f small_files
export small=$scratch/small
# Beside a plain program that does the same without a network: write, fdatasync, rename, three times.
rate "small_files: 1 KiB R=3, 8 callers" 1.0 1000 "durable_files $scratch/plain 8 3000 3" "small_files 8"
rate "small_files: 1 KiB R=3, 1 caller" 1.0 300 "durable_files $scratch/plain 1 1000 3" "small_files 1"
rm -rf "$scratch/plain"
# Enough of them: 15,000 a second.
rate "creates/s, 32 callers / RocksDB" 0.5 15000 "rm -rf $scratch/rocks; durable_puts $scratch/rocks 32 40000" "durable_creates /creates/\$RANDOM\$RANDOM 32 20000"
rm -f "$a" "$b" "$c"
cluster_down files

cluster_up jobs 3 2
dfs put --replication 1 "$text" /text
dfs put --replication 1 "$sort" /sort
echo x | dfs put - /one
ratio "sort 1 GB / GNU sort, 2 threads" 0.8 "sort --parallel=2 -S 2G $sort >$a" "mr run sort /sort /o --overwrite --replication 1 --reduce 2"
ratio "word count 1 GB / C++, 2 threads" 1.0 "count_words $text" "mr run wordcount /text /o --overwrite --replication 1 --reduce 2"
# Into a pipe: with its output on /dev/null grep stops at the first match.
ratio "grep 1 GB / grep -c" 2.0 "grep -c the $text | cat" "mr run grep zzzzqqq /text /o --overwrite"
bound "empty job" 0.5 "mr run wordcount /one /o --overwrite"
cluster_down jobs

saved=$out/$(date +%Y%m%d-%H%M%S).txt
{ echo "$(quern --version), $(nproc) cores, $(date -u +%FT%TZ)"; cat "$table"; } >"$saved"
say "saved in $saved"
! grep -q MISSED "$table"
