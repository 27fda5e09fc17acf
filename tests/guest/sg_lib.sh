# What the scripts that use sg3_utils share: a command with its exit status, and what it must print.
run() {  # run STATUS COMMAND...: prints and keeps its output
  want=$1
  shift
  last=$*
  "$@" >/tmp/out 2>&1
  got=$?
  cat /tmp/out
  [ "$got" = "$want" ] || fail "exit $got instead of $want from: $last"
}
shows() {  # shows TEXT...: what the last command printed has a line with each, however it is spaced
  tr -s ' ' </tmp/out >/tmp/squeezed
  for text in "$@"; do
    grep -qF -e "$text" /tmp/squeezed || fail "'$text' is missing in the output of: $last"
  done
}
value() { sed -n "s/^ *$1: *//p" /tmp/out | sed 's/ *$//' | head -1; }  # of a line "NAME: VALUE" of the last command
persist() {  # persist STATUS DISK ARGUMENTS...
  status=$1 on=$2
  shift 2
  run "$status" sg_persist "$@" "$on"
}
# Kernel 6.12 may write by way of the page cache in spite of the flag: the fsync tells how that ended.
writes() { dd if=/dev/zero of="$1" bs=512 seek=4096 count=1 oflag=direct conv=fsync 2>/dev/null; }
