# outboardd itself, in a guest with an IOMMU: the adapter changes hands by tgtctl, serves by /dev/vfio, and goes back.
# shellcheck disable=SC2154
. /job/fc_lib.sh
tgtctl() { /job/loader --library-path /job /job/tgtctl --socket /run/outboard/socket "$@"; }
refused() {  # refused TEXT COMMAND...: tgtctl says no, and that is why
  text=$1
  shift
  if tgtctl "$@" >/tmp/said 2>&1; then fail "tgtctl $* was not refused"; fi
  grep -q "$text" /tmp/said || fail "tgtctl $* was refused with: $(cat /tmp/said)"
  echo "tgtctl $*: $(cat /tmp/said)"
}
driven_by() { [ "$(basename "$(readlink "/sys/bus/pci/devices/$address/driver")")" = "$1" ]; }
port_is() { tgtctl port list | grep -q "$1"; }
function_of() { basename "$(dirname "$(readlink -f "$1/device")")"; }  # of a virtio device

device=$(grep -l 0x1077 /sys/bus/pci/devices/*/vendor)
address=$(basename "${device%/vendor}")
chmod +x /job/*
mkdir -p /run/outboard /tmp/state
chmod 700 /run/outboard
cat >/tmp/config.toml <<END
[[lu]]
name = "disk"
size = "96 MiB"
backstore = "ram"
[[fc_port]]
name = "fc0"
device = "$address"
[[view]]
lu = "disk"
lun = 0
END

step "the kernel's driver has the adapter"
modprobe qla2xxx qlini_mode=disabled || fail "modprobe qla2xxx"
driven_by qla2xxx || fail "qla2xxx has not taken $address"
step "outboardd"
/job/loader --library-path /job /job/outboardd --socket /run/outboard/socket --config /tmp/config.toml \
  --state-dir /tmp/state --reactors 1 --seccomp kill >/tmp/log 2>&1 &
daemon=$!
wait_until 20 tgtctl status
tgtctl device list
tgtctl device list | grep "$address" | grep -q qla2xxx || fail "the adapter is not listed with its driver"
wait_until 10 port_is "not bound to vfio-pci"

step "what must not be taken"
refused "vfio-pci" device bind "$address"  # whose module is not loaded
driven_by qla2xxx || fail "$address has lost its driver"
echo 80 >/proc/sys/vm/nr_hugepages  # one mapping each in the IOMMU
modprobe vfio_iommu_type1 allow_unsafe_interrupts=1 || fail "modprobe vfio_iommu_type1"
modprobe vfio_pci || fail "modprobe vfio_pci"
refused "eth0 is up" device bind "$(function_of /sys/class/net/eth0)"
refused "vda is mounted" device bind "$(function_of /sys/block/vda)"
refused "is a bridge" device bind 0000:00:00.0
refused "no PCI function" device bind 0000:7f:1f.7
refused "not a PCI address" device bind ../../vda
refused "not driven by vfio-pci" device unbind "$(function_of /sys/block/vda)"
refused "take that offline first" device unbind "$address"

step "bound, and served from"
tgtctl device bind "$address" || fail "device bind"
driven_by vfio-pci || fail "vfio-pci has not taken $address"
wait_until 30 port_is online
tgtctl device list
tgtctl port list
ask serving  # answered when the initiator has finished

step "given back"
tgtctl port offline fc0 || fail "port offline"
group=$(basename "$(readlink -f "/sys/bus/pci/devices/$address/iommu_group")")
exec 8<>"/dev/vfio/$group"
refused "used by a process" device unbind "$address"
exec 8>&-
tgtctl device unbind "$address" || fail "device unbind"
wait_until 30 driven_by qla2xxx
kill $daemon
wait $daemon || fail "outboardd ended with $?"
cat /tmp/log
grep -vE '^[^ ]+ (info|debug) |not bound to vfio-pci' /tmp/log && fail "outboardd complains"
dmesg | grep -iE 'DMAR.*fault|vfio.*(fail|error)' && fail "the kernel complains"
exit 0
