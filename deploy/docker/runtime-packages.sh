#!/bin/bash
# Prints the Debian packages whose shared libraries the programs and plugins below DIR need.
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }

find "$1" -type f \( -perm -u+x -o -name '*.so' \) -exec ldd {} + 2>/dev/null |
  awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
  # Where /lib is a link to /usr/lib, dpkg may know the file by either name.
  while read -r library; do
    dpkg -S "$library" 2>/dev/null || dpkg -S "/usr$library" 2>/dev/null || dpkg -S "${library#/usr}"
  done | cut -d: -f1 | sort -u
