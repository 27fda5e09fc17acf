# Virtual ports (NPIV) of the Linux initiator: three nexuses by one adapter, each with a view of its own, until it goes.
# shellcheck disable=SC2154
. /job/fc_lib.sh
load_initiator
wait_until 60 disk_at 0 "$TARGET" 0
host=/sys/class/fc_host/host0

create() {  # create WWPN: sets $made, the number of its SCSI host
  step "virtual port $1"
  before=$(ls /sys/class/fc_host)
  echo "$1:$NODE" >$host/vport_create || fail "vport_create $1"
  made=$(ls /sys/class/fc_host | grep -vx "$before" | tr -dc 0-9)
  [ -n "$made" ] || fail "no host for $1"
  wait_until 30 online "host$made"
  [ "$(cat "/sys/class/fc_host/host$made/port_name")" = "0x$1" ] || fail "its name is another"
  [ "$(cat "/sys/class/fc_host/host$made/port_id")" != "$(cat $host/port_id)" ] || fail "its address is the adapter's"
}
online() { [ "$(cat "/sys/class/fc_host/$1/port_state")" = Online ]; }

create "$FIRST"
one=$made
create "$SECOND"
two=$made
step "who sees what"
wait_until 60 disk_at "$one" "$TARGET" 1
wait_until 60 disk_at "$two" "$TARGET" 2
for nexus in "0 1" "0 2" "$one 0" "$one 2" "$two 0" "$two 1"; do
  # shellcheck disable=SC2086  # host and LUN
  set -- $nexus
  disk_at "$1" "$TARGET" "$2" && fail "host$1 sees LUN $2"
done
mine=$(disk_when_there 0 "$TARGET" 0) ones=$(disk_when_there "$one" "$TARGET" 1)
twos=$(disk_when_there "$two" "$TARGET" 2)

step "I/O by all three at once"
for name in $mine $ones $twos; do
  verified_fio "$name" --filename="/dev/$name" --rw=randwrite --bsrange=4k-64k --size=4m --iodepth=8 &
  loads="$loads $!"
done
for load in $loads; do wait "$load" || fail "fio"; done
no_disk_errors

step "one of them goes"
echo "$FIRST:$NODE" >$host/vport_delete || fail "vport_delete"
wait_until 30 test ! -e "/sys/block/$ones"
[ -e "/sys/block/$mine" ] && [ -e "/sys/block/$twos" ] || fail "another's disk went with it"
for name in $mine $twos; do
  verified_fio "$name" --filename="/dev/$name" --rw=randwrite --bs=16k --size=2m --iodepth=8
done

step "and comes again, after a reset of the adapter"
sg_reset -H "/dev/$mine" || fail "host reset"
wait_until 60 writes_and_reads "$mine" three
wait_until 60 writes_and_reads "$twos" four
create "$FIRST"
wait_until 60 disk_at "$made" "$TARGET" 1
wait_until 20 writes_and_reads "$(disk_when_there "$made" "$TARGET" 1)" five
