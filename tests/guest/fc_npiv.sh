# Two targets on one adapter's link, a port and a virtual port (NPIV): a view of each, and a disk by both as two paths.
# The virtual port goes and comes while the other works.
# shellcheck disable=SC2154
. /job/fc_lib.sh
load_initiator
step "each has disks of its own, and one is at both"
first=$(disk_when_there 0 "$TARGET" 0) || fail "no disk at $TARGET"
second=$(disk_when_there 0 "$VIRTUAL" 0) || fail "no disk at $VIRTUAL"
[ "$(identity "$first")" != "$(identity "$second")" ] || fail "LUN 0 of both is one disk"
paths="$(disk_when_there 0 "$TARGET" 1) $(disk_when_there 0 "$VIRTUAL" 1)"
# shellcheck disable=SC2086  # a list
[ "$(for path in $paths; do identity "$path"; done | sort -u | wc -l)" = 1 ] || fail "LUN 1 of both is not one disk"
wait_until 20 writes_and_reads "$first" one
wait_until 20 writes_and_reads "$second" two
holds "$first" one || fail "what the virtual port wrote is at the other's disk"

step "a device of two paths"
# shellcheck disable=SC2086  # a list
multipath_of $paths
for port in /sys/class/fc_remote_ports/rport-*; do
  echo 120 >"$port/dev_loss_tmo"
  echo 2 >"$port/fast_io_fail_tmo"
done
load() {  # load NAME DEVICE: verified, in the background
  fio --name="$1" --filename="$2" --rw=randwrite --bs=16k --size=8m --iodepth=4 --ioengine=libaio --direct=1 \
    --loops=1000 --time_based --runtime=25 --verify=crc32c --verify_fatal=1 --verify_backlog=64 --rate_iops=100 \
    --output-format=terse >"/tmp/fio-$1" 2>&1
}
load paths /dev/mapper/paths &
both=$!
load alone "/dev/$first" &
alone=$!
sleep 2
for round in 1 2; do
  step "the virtual port off the link, $round"
  ask tgtctl port offline fc0-tenant
  wait_until 30 failed_paths 1
  wait_until 10 moves /sys/block/dm-0/stat
  wait_until 10 moves "/sys/block/$first/stat"
  step "the virtual port on the link again, $round"
  ask tgtctl port online fc0-tenant
  # shellcheck disable=SC2086  # a list
  reinstate $paths
done
holds "$second" two || fail "the virtual port's disk has lost its data"
step "the loads to end and verify"
wait $both || { cat /tmp/fio-paths; fail "fio on two paths"; }
wait $alone || { cat /tmp/fio-alone; fail "fio on the port that stayed"; }
dmesg | grep -E "I/O error, dev ($first|dm-)" && fail "errors on a disk that stayed"
exit 0
