# The contract of hal::PciDevice over the kernel's vfio-pci, behind an emulated IOMMU, with a toy device on the bus.
# shellcheck shell=sh disable=SC2154
. /job/lib.sh
device=$(grep -l 0x70f1 /sys/bus/pci/devices/*/device)
address=$(basename "${device%/device}")
[ -e "/sys/bus/pci/devices/$address/iommu_group" ] || fail "no IOMMU group"
step "bind $address to vfio-pci"
modprobe vfio_iommu_type1 allow_unsafe_interrupts=1 || fail "modprobe vfio_iommu_type1"
modprobe vfio_pci || fail "modprobe vfio_pci"
echo vfio-pci >"/sys/bus/pci/devices/$address/driver_override"
echo "$address" >/sys/bus/pci/drivers_probe
step "the contract"
chmod +x /job/loader /job/contract
ulimit -l unlimited
OUTBOARD_VFIO_TOY=$address /job/loader --library-path /job /job/contract --gtest_color=no --gtest_filter='*Vfio' || fail "the contract"
