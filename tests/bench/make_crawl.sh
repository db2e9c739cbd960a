#!/bin/bash
# A real crawl, made on this machine: documentation packages of Debian, served on loopback by
# `python3 -m http.server` and fetched by `wget --warc-file`.
#
#   tests/bench/make_crawl.sh OUT.warc.gz [PACKAGE ...]
#
# Packages are downloaded and unpacked into a directory of their own, which goes at the end; nothing is
# installed. Without names those of DEFAULT are taken: more than 300 MB of HTML. Pages of every package come
# from a server of their own. A few minutes on two cores; needs 2 GB while it works, and wget.
set -euo pipefail

DEFAULT=(openjdk-17-doc erlang-doc libboost1.74-doc python3.11-doc qtbase5-doc-html libstdc++-12-doc cmake-doc
  postgresql-doc-15 debian-reference-en debian-reference-de debian-reference-fr debian-faq)

[ $# -ge 1 ] && [[ $1 == *.warc.gz ]] || { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
out=$(realpath -m "$1")
shift
packages=("$@")
[ ${#packages[@]} -gt 0 ] || packages=("${DEFAULT[@]}")

work=$(mktemp -d "$(dirname "$out")/crawl.XXXXXX")
chmod 755 "$work"
servers=()
cleanup() { [ ${#servers[@]} -eq 0 ] || kill "${servers[@]}" 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
trap 'exit 130' INT TERM

# A port that the kernel chose; the server's own first line says which.
serve() { # directory: its port, in $port
  local said=$1.said
  : >"$said"
  python3 -u -m http.server --bind 127.0.0.1 --directory "$1" 0 >"$said" 2>/dev/null &
  servers+=($!)
  port=
  while [ -z "$port" ]; do
    kill -0 "${servers[-1]}"
    port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$said")
  done
}

: >"$work/urls"
for package in "${packages[@]}"; do
  (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$package")
  mkdir -p "$work/tree/$package"
  dpkg-deb -x "$work/${package}"_*.deb "$work/tree/$package"
  rm "$work/${package}"_*.deb
  serve "$work/tree/$package"
  # Pages, in one order; what links point at outside of the package is not there.
  (cd "$work/tree/$package" && find . -type f \( -name '*.html' -o -name '*.htm' \) | LC_ALL=C sort) |
    python3 -c 'import sys, urllib.parse
for line in sys.stdin: print(f"http://127.0.0.1:{sys.argv[1]}/" + urllib.parse.quote(line.strip()[2:]))' \
      "$port" >>"$work/urls"
done

# 8: some page answered with an error; that is part of a crawl.
code=0
(cd "$work" && wget -q -i urls -O /dev/null --no-proxy --warc-file=crawl --no-warc-keep-log \
  --warc-tempdir="$work") || code=$?
[ $code = 0 ] || [ $code = 8 ] || { echo "make_crawl: wget ended with $code" >&2; exit 1; }
mv "$work/crawl.warc.gz" "$out"
echo "make_crawl: $(wc -l <"$work/urls") pages of ${#packages[@]} packages in $out, $(stat -c %s "$out") bytes" >&2
