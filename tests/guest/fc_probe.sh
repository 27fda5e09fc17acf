# The unmodified driver finds the adapter: firmware loaded, link up, fabric joined, and nothing to complain about.
. /job/fc_lib.sh
load_initiator
for host in /sys/class/fc_host/host*; do
  [ "$(cat "$host/speed")" = "$SPEED" ] || fail "speed $(cat "$host/speed")"
  [ "$(cat "$host/port_type")" = "$PORT_TYPE" ] || fail "port type $(cat "$host/port_type")"
  cat "$host/statistics/link_failure_count" >/dev/null || fail "no statistics"
done
dmesg | grep -q 'LOOP UP detected' || fail "the driver does not say LOOP UP"
grep -E 'qla2xxx|MSI' /proc/interrupts
dmesg | grep -iE 'qla2xxx.*(fail|error|timeout|invalid|unable|mismatch|dump)' | grep -viE "$EXPECTED_WARNINGS" &&
  fail "the driver complains"
step "unload"
rmmod qla2xxx || fail "qla2xxx does not unload"
