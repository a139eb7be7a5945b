#!/bin/sh
# demo.sh - the demo must put the photo first and its worsened copies in the order of their harm.
set -eu
cd "$(dirname "$0")/.."
table=$(make -s demo)
printf '%s\n' "$table"
order=$(printf '%s\n' "$table" | sed -n 's|.*test/photos/dandelions-*\(.*\)\..*|\1|p' | tr '\n' ' ')
expected=" slight-blur jpeg-quality-20 strong-blur heavy-noise "
[ "$order" = "$expected" ] || { echo "demo.sh: order is$order, expected$expected" >&2; exit 1; }
