#!/bin/bash
# Takes over into corpus/ those seeds that reach code which no seed there reaches: keep.sh BUILD FROM, where FROM/NAME
# holds inputs of harness NAME, e.g. what record.py made, or BUILD/tests/fuzz with its found-NAME folders.
set -eu
build=$(realpath "$1")
from=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
for harness in "$build"/tests/fuzz/*; do
  [ -f "$harness" ] && [ -x "$harness" ] || continue
  name=$(basename "$harness")
  for folder in "$from/$name" "$from/found-$name"; do
    [ -d "$folder" ] || continue
    [ -n "$(ls "$folder")" ] || continue
    before=$(ls "$here/corpus/$name" | wc -l)
    ASAN_OPTIONS=allocator_may_return_null=1 "$harness" -merge=1 -max_len=8192 -verbosity=0 \
      "$here/corpus/$name" "$folder" >"$build/keep-$name.log" 2>&1 || { tail -n 20 "$build/keep-$name.log"; exit 1; }
    echo "$name: $before seeds, now $(ls "$here/corpus/$name" | wc -l)"
  done
done
