# Debian packages by purpose; sourced by the scripts beside it. install_packages PURPOSE... installs what is missing.
build_packages="g++ cmake ninja-build ccache pkg-config git libexpected-dev libfmt-dev libspdlog-dev libcli11-dev
  nlohmann-json3-dev libtomlplusplus-dev liburing-dev libssl-dev libisal-dev libhwloc-dev libseccomp-dev prometheus-cpp-dev libedit-dev libgtest-dev libgmock-dev"
run_packages="libiscsi-bin qemu-utils qemu-block-extra"
check_packages="clang-14 clang-format-14 clang-tidy-14 cppcheck python3"
test_packages="clang-14 libclang-rt-14-dev libiscsi-bin qemu-utils qemu-block-extra fio sg3-utils tshark valgrind strace tgt prometheus
  python3 iproute2 procps util-linux systemd mandoc zsh fish
  freeradius open-isns-server open-isns-utils"
guest_packages="debootstrap dpkg-dev dmsetup qemu-system-x86 busybox-static cpio kmod open-iscsi sg3-utils fio e2fsprogs zstd xz-utils"

install_packages() {
  local purpose wanted="" missing=() name
  for purpose in "$@"; do
    local list="${purpose}_packages"
    wanted="$wanted ${!list}"
  done
  for name in $wanted; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "== installing ${#missing[@]} Debian packages: ${missing[*]}"
  if [ "$(id -u)" != 0 ]; then
    echo "not root: please install them, then run this again" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || return 1
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || return 1
}
