# A disk with T10 protection information of type 1: checked by both adapters on all ways, with and without that of the
# initiator's block layer.
. /job/fc_lib.sh
load_initiator
wait_for_disk
name=$(disk)
device=/dev/$name
[ "$(cat /sys/class/scsi_disk/*/protection_type)" = 1 ] || fail "the disk has no protection information"
integrity=/sys/block/$name/integrity
echo "integrity: $(cat "$integrity/format")"

for by_host in 1 0; do
  step "I/O, protection information by the block layer: $by_host"
  echo $by_host >"$integrity/write_generate"
  echo $by_host >"$integrity/read_verify"
  verified_fio "by_host_$by_host" --filename="$device" --rw=randwrite --bsrange=4k-64k --size=8m --iodepth=8
done
no_disk_errors
