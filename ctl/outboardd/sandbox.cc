// Capabilities, and the seccomp filter (seccomp(2), libseccomp).
#include "ctl/outboardd/sandbox.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "ctl/outboardd/system_calls.h"

namespace ctl {
namespace {

struct FilterDeleter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterDeleter>;

tl::unexpected<base::Error> failed(const char* what, int code) {
  return base::fail_errno(fmt::format("seccomp: {}", what), -code);
}

base::Result<void> rule(const Filter& filter, std::uint32_t action, const char* name,
                        const scmp_arg_cmp* condition = nullptr) {
  const int number = seccomp_syscall_resolve_name(name);
  if (number < 0) return {};  // not on this machine
  const int done = seccomp_rule_add_array(filter.get(), action, number, condition == nullptr ? 0 : 1, condition);
  if (done != 0) return failed(name, done);
  return {};
}

// Allowed where the bits of `mask` in argument `index` have this value.
base::Result<void> allow_when(const Filter& filter, const char* name, unsigned index, scmp_datum_t mask,
                              scmp_datum_t value) {
  const scmp_arg_cmp condition{index, SCMP_CMP_MASKED_EQ, mask, value};
  return rule(filter, SCMP_ACT_ALLOW, name, &condition);
}

// Descriptors and options are ints: the upper half of a register says nothing.
constexpr scmp_datum_t kInt = 0xffffffff;

// No memory is made executable, except from a file: libraries that the C library loads when it looks up a group.
base::Result<void> memory_rules(const Filter& filter) {
  TRY(allow_when(filter, "mprotect", 2, PROT_EXEC, 0));
  TRY(allow_when(filter, "mmap", 2, PROT_EXEC, 0));
  return allow_when(filter, "mmap", 3, MAP_ANONYMOUS, 0);
}

// Threads, not processes: CLONE_VM, CLONE_FILES and CLONE_THREAD together. clone3 hides its flags in memory; told that
// there is none, the C library uses clone.
base::Result<void> thread_rules(const Filter& filter) {
  constexpr scmp_datum_t kThread = 0x00000100 | 0x00000400 | 0x00010000;
  TRY(allow_when(filter, "clone", 0, kThread, kThread));
  return rule(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3");
}

base::Result<void> socket_rules(const Filter& filter) {
  for (const int family : {AF_UNIX, AF_INET, AF_INET6}) {
    TRY(allow_when(filter, "socket", 0, kInt, static_cast<scmp_datum_t>(family)));
  }
  return {};
}

// Block devices (0x12), VFIO (0x3b), and what the C library asks of a descriptor: TCGETS, FIONREAD.
base::Result<void> ioctl_rules(const Filter& filter) {
  for (const unsigned type : {0x1200u, 0x3b00u}) TRY(allow_when(filter, "ioctl", 1, 0xff00, type));
  for (const unsigned request : {0x5401u, 0x541bu}) TRY(allow_when(filter, "ioctl", 1, kInt, request));
  return {};
}

base::Result<void> prctl_rules(const Filter& filter) {
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_VMA}) {
    TRY(allow_when(filter, "prctl", 0, kInt, static_cast<scmp_datum_t>(option)));
  }
  return {};
}

base::Result<void> add_rules(const Filter& filter, Seccomp mode) {
  for (const char* const name : kSystemCalls) TRY(rule(filter, SCMP_ACT_ALLOW, name));
  TRY(socket_rules(filter));
  TRY(ioctl_rules(filter));
  if (kSanitized) {
    for (const char* const name : kSanitizerCalls) TRY(rule(filter, SCMP_ACT_ALLOW, name));
    return {};
  }
  TRY(memory_rules(filter));
  TRY(thread_rules(filter));
  TRY(prctl_rules(filter));
  if (mode == Seccomp::kKill) return {};
  for (const char* const name : kIntruderCalls) TRY(rule(filter, SCMP_ACT_KILL_PROCESS, name));
  return {};
}

}  // namespace

base::Result<void> drop_capabilities() {
  // Pages for devices are locked in memory; once the capability is gone only the limit counts.
  const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
  (void)setrlimit(RLIMIT_MEMLOCK, &all);
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    // Needs CAP_SETPCAP: who has not got it gains nothing from this set either.
    (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (syscall(SYS_capset, &header, none.data()) != 0) return base::fail_errno("give up capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return base::fail_errno("PR_SET_NO_NEW_PRIVS");
  return {};
}

base::Result<void> confine(Seccomp mode) {
  if (mode == Seccomp::kOff) return {};
  const Filter filter(seccomp_init(mode == Seccomp::kKill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) return base::fail(base::Errc::kNoMemory, "seccomp: no memory for the filter");
  // A binary tree instead of a list: what the data path calls is found in a few steps.
  int done = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (done != 0) return failed("order of the filter", done);
  TRY(add_rules(filter, mode));
  done = seccomp_load(filter.get());
  if (done != 0) return failed("load the filter; --seccomp off does without", done);
  return {};
}

}  // namespace ctl
