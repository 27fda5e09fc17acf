# The unmodified driver finds the adapter: firmware loaded, link up, fabric joined, and nothing to complain about.
. /job/fc_lib.sh
load_initiator
for host in /sys/class/fc_host/host*; do
  cat "$host/statistics/link_failure_count" >/dev/null || fail "no statistics"
done
dmesg | grep -q 'LOOP UP detected' || fail "the driver does not say LOOP UP"
grep -E 'qla2xxx|MSI' /proc/interrupts
no_complaints
step "unload"
rmmod qla2xxx || fail "qla2xxx does not unload"
