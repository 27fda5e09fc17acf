# Recovery: resets of logical unit, bus and host, a bounced link and a returning target under I/O: no error, right data.
. /job/fc_lib.sh
load_initiator
wait_for_disk
device=/dev/$(disk)
# A path that is away for some seconds is the mid-layer's to bridge.
for port in /sys/class/fc_remote_ports/rport-*; do echo 60 >"$port/dev_loss_tmo"; done

fio --name=verify --filename="$device" --rw=randwrite --bs=16k --size=16m --iodepth=8 --ioengine=libaio --direct=1 \
  --loops=1000 --time_based --runtime="$SECONDS_OF_LOAD" --verify=crc32c --verify_fatal=1 --verify_backlog=128 \
  --rate_iops=100 --output-format=terse >/tmp/fio 2>&1 &
load=$!
alive() { kill -0 $load 2>/dev/null || { cat /tmp/fio; fail "I/O ended after: $1"; }; }
reads() { dd if="$device" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null; }
sleep 2
for kind in --device --target --bus --host; do
  step "sg_reset $kind under I/O"
  timeout 60 sg_reset $kind "$device" || echo "sg_reset $kind: exit $?"
  wait_until 60 reads
  alive "sg_reset $kind"
done
for what in bounce crash restart; do
  step "$what under I/O"
  ask "$what"
  wait_until 60 reads
  alive "$what"
done
step "the load to end and verify"
wait $load || { cat /tmp/fio; fail "fio"; }
no_disk_errors
