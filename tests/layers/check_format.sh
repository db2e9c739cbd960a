#!/bin/sh
# Every source file is as clang-format leaves it. Run by ctest.
#
#   check_format.sh ROOT
set -eu
cd "$1"
git ls-files -z '*.cc' '*.h' | xargs -0 -n 50 -P 2 clang-format --dry-run -Werror ||
  { echo "Try: clang-format -i FILE..."; exit 1; }
