#!/usr/bin/env bash
# Every source file is as clang-format leaves it. Run by ctest.
#
#   check_format.sh ROOT         names what differs; exit code 1 when there is any, or nothing to look at
#   check_format.sh --self-test  shows that it finds what it has to find
set -euo pipefail

# A hook hands down which repository it is of, and that would count for more than -C.
unset $(git rev-parse --local-env-vars)

fail() { echo "check_format: $*"; exit 1; }

check_tree() { # root
  files=$(mktemp)
  trap 'rm -f "$files"' EXIT
  git -C "$1" ls-files -z '*.cc' '*.h' >"$files" || fail "$1: git does not list its files"
  [ -s "$files" ] || fail "$1: no source file"
  cd "$1"
  xargs -0 -r -n 50 -P 2 clang-format --dry-run -Werror <"$files" || fail "see above. Try: clang-format -i FILE..."
}

self_test() {
  local failed=0
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  expect() { # what-it-is exit-code
    local code=0
    "$0" "$work" >"$work/said" 2>&1 || code=$?
    [ "$code" = "$2" ] || { echo "$1: exit code $code, not $2"; failed=$((failed + 1)); }
  }
  # Nothing above it is a repository that would be asked instead.
  export GIT_CEILING_DIRECTORIES=${work%/*}
  expect "no repository" 1
  git -C "$work" init -q
  expect "no source file" 1
  echo "BasedOnStyle: Google" >"$work/.clang-format"
  echo "int good = 1;" >"$work/good.cc"
  git -C "$work" add .
  expect "a tidy file" 0
  echo "int  bad=1 ;" >"$work/bad.h"
  git -C "$work" add .
  expect "an untidy file" 1
  grep -q bad.h "$work/said" || { echo "the untidy file is not named"; failed=$((failed + 1)); }
  echo "5 cases, $failed failed"
  [ "$failed" = 0 ]
}

case "${1:-}" in
  --self-test) self_test ;;
  "" | -*) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
  *) check_tree "$1" ;;
esac
