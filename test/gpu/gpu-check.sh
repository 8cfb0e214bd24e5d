#!/bin/sh
# Checks the GPU of this machine: sh gpu-check.sh [--out FILE] [--seconds 345] [--small] prints one JSON, and writes it after each part.
# Nothing is installed and nothing is fetched: it unpacks itself into a folder that is gone afterwards.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/headlight-gpu-pack.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 143' INT TERM
gzip -dc "$here/node.gz" > "$work/node"
chmod +x "$work/node"
"$work/node" "$here/unpack.cjs" "$here/parts.br" "$work"
code=0
"$work/node" "$work/check.js" "$@" || code=$?
exit "$code"
