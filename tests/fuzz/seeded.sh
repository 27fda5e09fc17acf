#!/bin/bash
# Shows that the harnesses find bugs: seeded.sh FOLDER [PATCH]... copies the tree to FOLDER, and for each patch of
# seeded/ (or those named) puts the bug in, builds its harness, runs it for up to an hour, says after how many seconds
# it was found, and takes the bug out again. seeded.sh --check only says whether every patch still applies.
set -eu
here=$(dirname "$(realpath "$0")")
tree=$(realpath "$here/../..")
limit=${SECONDS_LIMIT:-3600}
preset=${PRESET:-fuzz}

if [ "${1:-}" = --check ]; then
  bad=0
  for patch in "$here"/seeded/*.patch; do
    git -C "$tree" apply --check "$patch" || bad=1
    harness=$(sed -n 's/^harness: //p' "$patch")
    grep -qE "\b$harness\b" "$here/CMakeLists.txt" || { echo "$patch: no harness $harness"; bad=1; }
  done
  [ $bad -eq 0 ] && echo "$(ls "$here"/seeded/*.patch | wc -l) patches apply"
  exit $bad
fi

scratch=$(realpath -m "$1")
shift
patches=("$@")
[ ${#patches[@]} -eq 0 ] && patches=("$here"/seeded/*.patch)
mkdir -p "$scratch"
git -C "$tree" ls-files -z --cached --others --exclude-standard | (cd "$tree" && xargs -0 cp --parents -pt "$scratch")
cd "$scratch"
sed -n 's/^+++ b.//p' "$here"/seeded/*.patch | xargs touch  # an earlier run may have ended with a bug in
[ -f build/$preset/build.ninja ] || cmake --preset "$preset" ${CMAKE_MORE:-} >/dev/null
missed=0
for patch in "${patches[@]}"; do
  patch=$(realpath "$patch")
  name=$(basename "$patch" .patch)
  harness=$(sed -n 's/^harness: //p' "$patch")
  patch --silent -p1 <"$patch"
  ninja -C build/$preset "$harness" >build/seeded.log 2>&1 || { tail -n 30 build/seeded.log; exit 1; }
  rm -rf "build/$preset/tests/fuzz/found-$harness"
  began=$(date +%s%N)
  if "$here/run.sh" "build/$preset/tests/fuzz/$harness" "$limit" >build/seeded.log 2>&1; then
    echo "$name: NOT found by $harness in $limit s"
    missed=1
  else
    how=$(grep -m1 -oE 'broken: .*|AddressSanitizer: [a-zA-Z-]+|runtime error: .*|timeout after [0-9]+|CHECK.*|libFuzzer: [a-z-]+' \
      build/seeded.log || true)
    took=$((($(date +%s%N) - began) / 1000000))
    printf '%s: found by %s after %d.%03d s: %s\n' "$name" "$harness" $((took / 1000)) $((took % 1000)) "$how"
  fi
  patch --silent -R -p1 <"$patch"
done
exit $missed
