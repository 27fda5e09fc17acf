// The system calls that outboardd makes, by purpose; tests run all of its features under this list (--seccomp kill).
#pragma once

namespace ctl {

#if !defined(__has_feature)
#define __has_feature(feature) 0  // NOLINT: clang's own
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// Without conditions on their arguments; mmap, mprotect, clone, prctl, socket and ioctl have some (sandbox.cc).
inline constexpr const char* kSystemCalls[] = {
    // Memory.
    "brk", "munmap", "mremap", "madvise", "mlock", "munlock", "membarrier", "memfd_create",
    // Threads and signals.
    "set_robust_list", "rseq", "set_tid_address", "futex", "futex_waitv", "exit", "exit_group", "sched_yield",
    "sched_getaffinity", "sched_setaffinity", "gettid", "getpid", "getppid", "tgkill", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "signalfd4", "restart_syscall", "getcpu", "get_mempolicy",
    // Time.
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    // Descriptors and waiting.
    "close", "close_range", "dup", "dup3", "fcntl", "eventfd2", "pipe2", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
    // Files: media, configuration, secrets, reservations, /sys.
    "openat", "open", "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
    "pwritev2", "lseek", "fstat", "newfstatat", "stat", "lstat", "statx", "access", "faccessat", "faccessat2",
    "readlink", "readlinkat", "getdents64", "getcwd", "mkdir", "mkdirat", "unlink", "unlinkat", "rename", "renameat",
    "renameat2", "fsync", "fdatasync", "sync_file_range", "ftruncate", "fallocate", "flock", "fchmod", "fchmodat",
    "chmod", "fchown", "fchownat", "chown", "umask", "statfs", "fstatfs",
    // io_uring.
    "io_uring_setup", "io_uring_enter", "io_uring_register",
    // Sockets.
    "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "getsockopt", "setsockopt",
    "sendmsg", "sendto", "sendmmsg", "recvmsg", "recvfrom", "recvmmsg", "shutdown", "socketpair",
    // Who and where we are.
    "getuid", "geteuid", "getgid", "getegid", "getgroups", "prlimit64", "getrlimit", "setrlimit", "getrusage",
    "sysinfo", "uname", "getrandom"};

// No mistake of ours leads to these: they end the process even where others are refused.
inline constexpr const char* kIntruderCalls[] = {"execve",
                                                 "execveat",
                                                 "fork",
                                                 "vfork",
                                                 "ptrace",
                                                 "process_vm_readv",
                                                 "mount",
                                                 "umount2",
                                                 "pivot_root",
                                                 "chroot",
                                                 "process_vm_writev",
                                                 "unshare",
                                                 "setns",
                                                 "init_module",
                                                 "finit_module",
                                                 "delete_module",
                                                 "kexec_load",
                                                 "kexec_file_load",
                                                 "bpf",
                                                 "perf_event_open",
                                                 "userfaultfd",
                                                 "keyctl",
                                                 "add_key",
                                                 "request_key",
                                                 "setuid",
                                                 "setgid",
                                                 "setreuid",
                                                 "setregid",
                                                 "setresuid",
                                                 "setresgid",
                                                 "setgroups",
                                                 "capset",
                                                 "reboot",
                                                 "swapon",
                                                 "swapoff",
                                                 "iopl",
                                                 "ioperm",
                                                 "pidfd_getfd",
                                                 "move_mount",
                                                 "fsopen",
                                                 "open_by_handle_at",
                                                 "open_tree"};

// The sanitizers' own: they map shadows, and at the end a process of theirs stops our threads (clone without
// CLONE_THREAD, getdents of /proc/self/task, ptrace, wait4) and walks the heap for leaks. The real filter is judged by
// what runs on optimised builds.
inline constexpr const char* kSanitizerCalls[] = {
    "mmap",       "mprotect", "clone", "clone3",           "prctl", "ptrace",  "wait4",          "personality",
    "arch_prctl", "tkill",    "kill",  "process_vm_readv", "msync", "mincore", "sched_getparam", "getdents"};

}  // namespace ctl
