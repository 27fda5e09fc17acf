# What the Fibre Channel scripts share: qla2xxx loaded and online, and its disks. PORTS says how many adapters there are.
# shellcheck shell=sh disable=SC2154
. /job/lib.sh

ports_online() { [ "$(cat /sys/class/fc_host/host*/port_state 2>/dev/null | grep -c Online)" -ge "${1:-1}" ]; }

load_initiator() {  # the driver finds its adapters and the link comes up
  step "qla2xxx $MODULE_OPTIONS"
  # shellcheck disable=SC2086  # a list
  modprobe qla2xxx $MODULE_OPTIONS || fail "modprobe qla2xxx"
  wait_until 90 ports_online "${PORTS:-1}"
  for host in /sys/class/fc_host/host*; do
    echo "$(basename "$host"): $(cat "$host/port_name") $(cat "$host/port_id") $(cat "$host/port_type")" \
      "$(cat "$host/speed") $(cat "$host/symbolic_name")"
  done
}

disk() { disk_of_lun "${1:-$LUN}"; }
wait_for_disk() { wait_until "${1:-60}" disk; }

verified_fio() {  # verified_fio NAME OPTIONS...
  name=$1
  shift
  fio --name="$name" --verify=crc32c --verify_fatal=1 --do_verify=1 --ioengine=libaio --direct=1 --output-format=terse \
    "$@" >"/tmp/fio-$name" 2>&1 || { cat "/tmp/fio-$name"; fail "fio $name"; }
}
