#!/usr/bin/env bash
# clang's thread-safety analysis and clang-tidy over the sources that a change touches: those that were
# changed, and of a changed header the sources that include it by name. Builds nothing but messages.
#
#   tests/tidy.sh               what differs from the branch main, committed or not
#   tests/tidy.sh --since REV   what differs from REV
#   tests/tidy.sh --recent N    the N sources that were changed last: what tests/run.sh looks at
#   tests/tidy.sh --all         everything: about 8 s of processor time a source
#   tests/tidy.sh FILE...
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/tidy
since=main
recent=
files=()

fail() {
  echo "tidy.sh: $*" >&2
  exit 2
}
while [[ $# -gt 0 ]]; do
  case "$1" in
    --since) since=${2:-}; [[ $since ]] || fail "--since: needs a revision"; shift 2 ;;
    --recent)
      recent=${2:-}
      [[ $recent =~ ^[1-9][0-9]*$ ]] || fail "--recent: needs a number of sources"
      shift 2 ;;
    --all) since=; shift ;;
    --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) fail "$1: unknown flag. Try: --help" ;;
    *) files+=("$1"); shift ;;
  esac
done
unset $(git rev-parse --local-env-vars)  # of the hook that may have started it
cd "$root"
command -v clang-tidy >/dev/null || fail "clang-tidy: not installed. Try: deploy/install-deps.sh"

sources() {
  git ls-files --cached --others --exclude-standard -- "$@"
}
if [[ ${#files[@]} -gt 0 ]]; then
  changed=$(printf '%s\n' "${files[@]}")
elif [[ $recent ]]; then
  # awk ends before git does, so git may be stopped by the pipe: no error.
  changed=$({ git log --format= --name-only -- '*.cc' || true; } |
    awk -v most="$recent" '!seen[$0]++ && (getline line <$0) >= 0 { print; if (++count == most) exit }')
elif [[ $since ]]; then
  base=$(git merge-base "$since" HEAD) || fail "--since $since: no such revision"
  changed=$(git diff --name-only --diff-filter=d "$base"; git ls-files --others --exclude-standard)
else
  changed=$(sources '*.cc')
fi

# A header is looked at through the sources that include it.
touched=$(
  grep '\.cc$' <<<"$changed" || true
  for header in $(grep '\.h$' <<<"$changed" || true); do
    grep -lF "#include \"$header\"" $(sources '*.cc') || true
  done
)
log=$build/configure.log
mkdir -p "$build"
cmake --preset tidy >"$log" 2>&1 || { tail -20 "$log" >&2; fail "configuring failed: $log"; }
ninja -C "$build" $(ninja -C "$build" -t targets all | sed -n 's/: CUSTOM_COMMAND$//p' | grep '\.pb\.h$') \
  >"$log" 2>&1 || { tail -20 "$log" >&2; fail "generating messages failed: $log"; }

# Only what is built: examples in documents and plugins of tests may be compiled otherwise.
known=$(python3 -c 'import json, os, sys
for entry in json.load(open(sys.argv[1])): print(os.path.relpath(entry["file"], sys.argv[2]))' \
  "$build/compile_commands.json" "$root" | sort -u)
list=$(comm -12 <(sort -u <<<"$touched") <(printf '%s\n' "$known"))
[[ $list ]] || { echo "tidy: nothing to look at"; exit 0; }
echo "tidy: $(wc -l <<<"$list") sources"
xargs -P "$(nproc)" -n 1 clang-tidy -p "$build" --quiet <<<"$list" 2> >(grep -v 'warnings generated\.$' >&2) ||
  { echo "tidy: see above" >&2; exit 1; }
echo "tidy: clean"
