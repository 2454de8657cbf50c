//! seccomp: what is asked of the kernel by nothing that an engine does is refused with EPERM, for all threads.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    sock_filter, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// Newer than the C library's list of names. The numbers are those of every architecture.
pub(super) const FCHMODAT2: c_long = 452;
pub(super) const SETXATTRAT: c_long = 463;
pub(super) const REMOVEXATTRAT: c_long = 466;
pub(super) const OPEN_TREE_ATTR: c_long = 467;
pub(super) const FILE_SETATTR: c_long = 469;

/// What the list of one C library lacks.
pub(super) const KEXEC_FILE_LOAD: c_long = if cfg!(target_arch = "x86_64") { 320 } else { 294 };

/// Refused, whatever they are called with.
const REFUSED: &[c_long] = &[
    // No connections, and no ways around that: a pair of datagram sockets sends to whoever has a name.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    // No other programs, and no hands on other processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
    // Nothing about files that Landlock leaves open: whose they are, and who may.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    SETXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    REMOVEXATTRAT,
    FILE_SETATTR,
    // Nothing of the system.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_mount_setattr,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    KEXEC_FILE_LOAD,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_personality,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
];

/// Holds every thread of the process.
pub(super) fn hold() -> Result<bool, String> {
    for program in [other_numbers(), refusals()?] {
        seccompiler::apply_filter_all_threads(&program).map_err(|e| e.to_string())?;
    }
    Ok(true)
}

/// An argument of a call, and how it compares with a number.
type Condition = (u8, SeccompCmpOp, u64);

fn refusals() -> Result<BpfProgram, String> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let own = u64::from(std::process::id());
    // Each line: where the argument is so (and the next, too), the call is refused.
    let conditional: [(c_long, &[Condition]); 6] = [
        // A process that aborts signals itself; no other one.
        (libc::SYS_tgkill, &[(0, SeccompCmpOp::Ne, own)]),
        // Threads are started; processes are not.
        (libc::SYS_clone, &[(0, SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64), 0)]),
        // Limits of others: with one of processor time a host could be ended.
        (libc::SYS_prlimit64, &[(0, SeccompCmpOp::Ne, 0), (0, SeccompCmpOp::Ne, own)]),
        // Words put into the host's terminal, which may be the standard error here.
        (libc::SYS_ioctl, &[(1, SeccompCmpOp::Eq, u64::from(libc::TIOCSTI as u32))]),
        (libc::SYS_ioctl, &[(1, SeccompCmpOp::Eq, u64::from(libc::TIOCLINUX as u32))]),
        // It ends with its host.
        (libc::SYS_prctl, &[(0, SeccompCmpOp::Eq, libc::PR_SET_PDEATHSIG as u64)]),
    ];
    for (call, conditions) in conditional {
        let condition = |(argument, op, value): &Condition| {
            SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, op.clone(), *value)
        };
        let rule = conditions.iter().map(condition).collect::<Result<_, _>>().and_then(SeccompRule::new);
        rules.entry(call).or_default().push(rule.map_err(|e| e.to_string())?);
    }
    let arch = std::env::consts::ARCH.try_into().map_err(|_| "an architecture without rules".to_owned())?;
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch);
    filter.and_then(TryInto::try_into).map_err(|e| e.to_string())
}

/// Numbers that lead around the list. `clone3` keeps its flags where no filter reads them: it does not exist, and C
/// libraries then use `clone`. On x86-64 all calls have a second number, for programs with short pointers (x32).
fn other_numbers() -> BpfProgram {
    // Instructions of the kernel's packet filter: load the number of the call, compare, and answer.
    const LOAD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const JUMP_IF_NOT_LESS: u16 = 0x35;
    const ANSWER: u16 = 0x06;
    const X32: u32 = 0x4000_0000;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let error = |number: i32| libc::SECCOMP_RET_ERRNO | number as u32;
    vec![
        step(LOAD, 0, 0, 0),
        step(JUMP_IF_EQUAL, 2, 0, libc::SYS_clone3 as u32),
        step(JUMP_IF_NOT_LESS, 2, 0, X32),
        step(ANSWER, 0, 0, libc::SECCOMP_RET_ALLOW),
        step(ANSWER, 0, 0, error(libc::ENOSYS)),
        step(ANSWER, 0, 0, error(libc::EPERM)),
    ]
}
