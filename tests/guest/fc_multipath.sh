# dm-multipath over two adapters: each cable is pulled in turn under I/O; no error reaches the file that is verified.
. /job/fc_lib.sh
load_initiator
disks() { for found in /sys/bus/scsi/devices/*:"$LUN"/block/*; do [ -e "$found" ] && basename "$found"; done; }
all_paths() { [ "$(disks | wc -l)" -ge "$PATHS" ]; }
wait_until 60 all_paths
for port in /sys/class/fc_remote_ports/rport-*; do
  echo 120 >"$port/dev_loss_tmo"
  echo 2 >"$port/fast_io_fail_tmo"
done

step "a device of $PATHS paths"
# shellcheck disable=SC2046  # a list
multipath_of $(disks)
fio --name=verify --filename=/dev/mapper/paths --rw=randwrite --bs=16k --size=16m --iodepth=8 --ioengine=libaio \
  --direct=1 --loops=1000 --time_based --runtime=40 --verify=crc32c --verify_fatal=1 --verify_backlog=128 \
  --rate_iops=150 --output-format=terse >/tmp/fio 2>&1 &
load=$!
sleep 3
for adapter in $ADAPTERS; do
  step "the cable of $adapter out under I/O"
  ask "san link $adapter down"
  wait_until 40 failed_paths $((PATHS / 2))
  wait_until 20 moves /sys/block/dm-0/stat
  step "the cable of $adapter in again"
  ask "san link $adapter up"
  wait_until 60 ports_online "$PORTS"
  # shellcheck disable=SC2046  # a list
  reinstate $(disks)
  kill -0 $load 2>/dev/null || { cat /tmp/fio; fail "I/O ended after the cable of $adapter"; }
done
step "the load to end and verify"
wait $load || { cat /tmp/fio; fail "fio"; }
ask queues
dmesg | grep -iE 'I/O error|medium error' | grep 'dm-' && fail "an error reached the device of many paths"
dmsetup status paths
