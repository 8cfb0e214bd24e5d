#!/bin/sh
# Checks the GPU of this machine: sh gpu-check.sh [--out FILE] [--seconds 345] [--small] prints one JSON, and writes it after each part.
# Nothing is installed and nothing is fetched: it unpacks itself into a folder that is gone afterwards. What the JSON says, and the exit codes:
# docs/gpu-check.md of Headlight.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# What unpacking takes counts.
HEADLIGHT_CHECK_BEGAN=$(date +%s)
export HEADLIGHT_CHECK_BEGAN
work=
why=
trap '[ -n "$work" ] && rm -rf "$work"' EXIT
trap 'exit 143' HUP INT TERM

# The JSON of a check that could not begin.
give_up() {
  note=$(printf '%s' "$1" | tr '\n\t' '  ' | tr -d '"\\')
  json="{\"format\": 1, \"complete\": false, \"notes\": [\"stopped: $note\"]}"
  printf '%s\n' "$json"
  out=gpu-check.json
  before=
  for argument in "$@"; do
    case $before in --out) out=$argument ;; esac
    case $argument in --out=*) out=${argument#--out=} ;; esac
    before=$argument
  done
  printf '%s\n' "$json" 2>/dev/null > "$out" || printf '%s\n' "$out cannot be written" >&2
  exit 2
}

# One member of an archive of Debian (ar): name, size.
member() {
  printf '%-16s%-12s%-6s%-6s%-8s%-10s`\n' "$1" 0 0 0 100644 "$2"
}

# By whatever this machine has: xz, else a Python, else dpkg, which brings a decoder of its own and is on every Debian and Ubuntu.
unpack() {
  if [ -f "$here/parts.tar.gz" ]; then
    gzip -dc "$here/parts.tar.gz" 2>/dev/null | tar -xf - -C "$1" 2>/dev/null
    [ -f "$1/whole" ] && return 0
    return 1
  fi
  parts=$here/parts.tar.xz
  if xz --version >/dev/null 2>&1; then
    xz -dc "$parts" 2>/dev/null | tar -xf - -C "$1" 2>/dev/null
    [ -f "$1/whole" ] && return 0
  fi
  for python in ${HEADLIGHT_PYTHON:+"$HEADLIGHT_PYTHON"} python3 python; do
    "$python" -c 'import sys, tarfile; tarfile.open(sys.argv[1], "r:xz").extractall(sys.argv[2])' "$parts" "$1" >/dev/null 2>&1
    [ -f "$1/whole" ] && return 0
  done
  if dpkg-deb --version >/dev/null 2>&1; then
    size=$(wc -c < "$parts")
    {
      printf '!<arch>\n'
      member debian-binary 4
      printf '2.0\n'
      member control.tar 0
      member data.tar.xz "$((size))"
      cat "$parts"
      [ $((size % 2)) -eq 0 ] || echo
    } 2>/dev/null > "$1/parts.deb"
    dpkg-deb -x "$1/parts.deb" "$1" >/dev/null 2>&1
    rm -f "$1/parts.deb"
    [ -f "$1/whole" ] && return 0
  fi
  return 1
}

[ -f "$here/parts.tar.xz" ] || [ -f "$here/parts.tar.gz" ] ||
  give_up "parts.tar.xz is not beside gpu-check.sh" "$@"
case $(uname -s)-$(uname -m) in
  Linux-x86_64) ;;
  *) give_up "this pack is for Linux on x86-64, and this is $(uname -s) on $(uname -m)" "$@" ;;
esac
for place in "${TMPDIR:-}" /tmp /var/tmp /dev/shm "${HOME:-}" "$PWD" "$here"; do
  [ -n "$place" ] || continue
  work=$(mktemp -d "$place/headlight-gpu-pack.XXXXXX" 2>/dev/null) || {
    work=
    why="$why$place cannot be written; "
    continue
  }
  # A folder from which nothing starts (noexec) is known before 130 MB lie in it.
  printf '#!/bin/sh\nexit 0\n' > "$work/starts" && chmod +x "$work/starts"
  if ! "$work/starts" 2>/dev/null; then
    why="${why}no program starts from $place; "
  elif ! unpack "$work"; then
    why="${why}it cannot be unpacked into $place (130 MB; by xz, by a Python 3 with lzma, or by dpkg-deb); "
  elif ! version=$("$work/node" --version 2>&1); then
    give_up "the Node of this pack does not start here (glibc 2.28 or newer is needed): $version" "$@"
  else
    break
  fi
  rm -rf "$work"
  work=
done
[ -n "$work" ] || give_up "no folder to unpack into: ${why}TMPDIR can name another" "$@"

TMPDIR=$work
export TMPDIR
"$work/node" "$work/check.js" "$@" &
child=$!
# It writes what it has, and ends.
trap 'kill -TERM "$child" 2>/dev/null' HUP INT TERM
while :; do
  code=0
  wait "$child" || code=$?
  kill -0 "$child" 2>/dev/null || break
done
exit "$code"
