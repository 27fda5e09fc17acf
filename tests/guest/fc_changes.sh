# Views change while fio runs: the target tells the fabric (RSCN), so the guest finds and loses a disk although nobody
# scans; the data of the disk that stays is right, and no error reaches fio.
. /job/fc_lib.sh
EXTRA=5
load_initiator
wait_for_disk
name=$(disk) device=/dev/$(disk)
for port in /sys/class/fc_remote_ports/rport-*; do echo 60 >"$port/dev_loss_tmo"; done
rscns() { dmesg | grep -c "RSCN database changed"; }
more_rscns() { [ "$(rscns)" -gt "$before" ]; }
gone() { ! reads_anything "$1"; }

fio --name=verify --filename="$device" --rw=randwrite --bs=16k --size=16m --iodepth=8 --ioengine=libaio --direct=1 \
  --loops=1000 --time_based --runtime="$SECONDS_OF_LOAD" --verify=crc32c --verify_fatal=1 --verify_backlog=128 \
  --rate_iops=100 --output-format=terse >/tmp/fio 2>&1 &
load=$!
alive() { kill -0 $load 2>/dev/null || { cat /tmp/fio; fail "I/O ended after: $1"; }; }
sleep 2

step "a LUN is added: the switch tells us, and the disk comes without a scan"
before=$(rscns)
ask tgtctl view add extra --lun $EXTRA
wait_until 30 more_rscns
wait_until 30 disk $EXTRA
extra=$(disk $EXTRA)
mkfs.ext4 -q -F "/dev/$extra" || fail "mkfs on the new LUN"
wait_until 30 reads_anything "$name"
alive "a LUN more"

step "ten changes at once are few RSCNs"
before=$(rscns)
ask views
wait_until 30 more_rscns
sleep 2
[ $(($(rscns) - before)) -le 6 ] || fail "$(($(rscns) - before)) RSCNs"
wait_until 30 reads_anything "$name"
alive "many changes"

step "the LUN is taken away"
before=$(rscns)
ask tgtctl view remove extra --lun $EXTRA
wait_until 30 more_rscns
wait_until 30 gone "$extra"
wait_until 30 reads_anything "$name"
alive "a LUN less"

step "without report_changes nothing is said"
ask tgtctl port modify fc0 --no-report-changes
before=$(rscns)
ask tgtctl view add extra --lun $EXTRA
sleep 3
more_rscns && fail "an RSCN"

step "the load to end and verify"
wait $load || { cat /tmp/fio; fail "fio"; }
dmesg | grep "I/O error, dev $name" && fail "errors on the disk that stayed"
ask told
