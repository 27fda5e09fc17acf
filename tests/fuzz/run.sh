#!/bin/bash
# Runs one harness for some seconds over its corpus: run.sh HARNESS SECONDS [libFuzzer options]. Ends with one line that
# says how many executions there were; fails on a finding, whose input is kept beside the harness.
set -u
[ -x "$1" ] || { echo "fuzz: no harness $1"; exit 2; }
harness=$(realpath "$1")
seconds=$2
shift 2
name=$(basename "$harness")
seeds=$(dirname "$(realpath "$0")")/corpus/$name
found=$(dirname "$harness")/found-$name
mkdir -p "$found"

case $name in
  transport_id) max_len=1024 ;;
  metadata_record) max_len=4096 ;;
  *) max_len=8192 ;;
esac

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Short stacks and a small quarantine: each input makes its world anew, and most of the time would go there.
asan=allocator_may_return_null=1:detect_leaks=1:malloc_context_size=2:quarantine_size_mb=16
export ASAN_OPTIONS=${ASAN_OPTIONS:-$asan}
"$harness" -max_total_time="$seconds" -max_len=$max_len -timeout="${FUZZ_TIMEOUT:-5}" -rss_limit_mb=1024 -entropic=0 \
  -print_final_stats=1 -artifact_prefix="$found/" -verbosity=0 "$@" "$found" "$seeds" >"$log" 2>&1
status=$?
executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
if [ $status -ne 0 ]; then
  tail -n 60 "$log"
  echo "fuzz $name: FINDING (exit $status), input under $found"
  exit 1
fi
if [ "${executions:-0}" -eq 0 ]; then
  cat "$log"
  echo "fuzz $name: nothing was executed"
  exit 1
fi
echo "fuzz $name: $executions executions in $seconds s, no finding"
