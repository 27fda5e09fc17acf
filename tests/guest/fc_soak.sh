# fio under CRC32C verify for a long time, while the host makes trouble at random and this end resets what it can: no
# error reaches fio, and what it reads is what it wrote.
. /job/fc_lib.sh
load_initiator
wait_for_disk
device=/dev/$(disk)
settle_ports() { for port in /sys/class/fc_remote_ports/rport-*; do echo 300 >"$port/dev_loss_tmo" 2>/dev/null; done; }
reads() { dd if="$device" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null; }
settle_ports
fio --name=verify --filename="$device" --rw=randwrite --size=4m --offset_increment=4m --numjobs=16 \
  --iodepth=4 --ioengine=libaio --direct=1 --thread --group_reporting --loops=100000 --time_based \
  --runtime="$SECONDS_OF_LOAD" --verify=crc32c --verify_fatal=1 --verify_backlog=64 --rate_iops=20 --bsrange=512-64k \
  --output-format=terse >/tmp/fio 2>&1 &
load=$!
round=0
while sleep 3 && kill -0 $load 2>/dev/null; do
  round=$((round + 1))
  if [ $((round % 4)) = 0 ]; then
    kind=$(echo "device target bus host" | cut -d' ' -f$((round / 4 % 4 + 1)))
    step "round $round: sg_reset --$kind"
    timeout 120 sg_reset --"$kind" "$device" || echo "sg_reset --$kind: exit $?"
  else
    step "round $round: trouble"
    ask trouble
  fi
  step "round $round: the disk to answer"
  wait_until 180 reads
  settle_ports
done
step "the load to end and verify, after $round rounds"
wait $load || { cat /tmp/fio; fail "fio"; }
ask calm
no_disk_errors
echo "soak: $round rounds, $(grep '^3;' /tmp/fio | cut -d';' -f47) KiB written"
