# Several queue pairs, each with an interrupt of its own: all are used by I/O from all processors, and after a host reset.
. /job/fc_lib.sh
load_initiator
wait_for_disk
device=/dev/$(disk)
pairs=$(grep -c 'qla2xxx.*qpair' /proc/interrupts)
[ "$pairs" -ge "$CPUS" ] || fail "$pairs queue pairs for $CPUS processors"

load() {  # load NAME: verified I/O by a thread on each processor
  step "I/O by $CPUS processors: $1"
  verified_fio "$1" --filename="$device" --rw=randwrite --bsrange=4k-64k --size=4m --offset_increment=4m \
    --numjobs="$CPUS" --cpus_allowed="0-$((CPUS - 1))" --cpus_allowed_policy=split --iodepth=8 --thread --group_reporting
}

load first
grep qla2xxx /proc/interrupts
idle=$(awk -v cpus="$CPUS" '/qla2xxx.*qpair/ { n = 0; for (i = 2; i < cpus + 2; i++) n += $i; if (n == 0) print $NF }' \
  /proc/interrupts)
[ -z "$idle" ] || fail "no interrupt of $idle"
step "host reset"
sg_reset -H "$device" || fail "host reset"
load second
no_disk_errors
# In recovery the driver refuses itself the command 3E that it wants.
no_complaints 'ISP error recovery|Cmd 0x3e'
