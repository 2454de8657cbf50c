//! What a worker gives up before it reads a model, and what it gives up before it serves.
//!
//! A worker reads files (models, adapters and sessions have names that come later), writes into the prefix cache's folder,
//! and talks to its host over a socket that is open already. Where the kernel can, it is held to that: Landlock for files,
//! seccomp for what else there is to ask of a kernel. Where it cannot, the worker goes on without, and the log says so.

use std::path::Path;

use crate::log::{self, Level};

/// Descriptors that a worker may have open: parts of models, adapters, the folder.
const MOST_FILES: u64 = 512;

/// Whether the kernel holds the worker to it.
pub(super) type Held = Result<bool, String>;

/// Before there are other threads, which Landlock would leave as they are. What comes of it is for [`before_serving`],
/// since the log is a thread.
pub(super) fn before_threads(prefixes: Option<&Path>) -> Held {
    super::child::limit_files(MOST_FILES);
    if drivers_need_more() {
        return Ok(true);
    }
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    let held = linux::files(prefixes);
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let held = prefixes.map_or(Ok(true), |_| Ok(true));
    held
}

/// For all threads, once the engine is there.
pub(super) fn before_serving(files: Held) {
    if drivers_need_more() {
        return log::write(Level::Warn, || {
            "the worker has no sandbox: drivers of GPUs need more than it leaves".into()
        });
    }
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        tell("Landlock", files);
        tell("seccomp", linux::calls());
    }
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        drop(files);
        log::write(Level::Warn, || "the worker has no sandbox on this system".into());
    }
}

/// Drivers of GPUs open devices, start threads and talk to daemons as they like.
fn drivers_need_more() -> bool {
    cfg!(any(feature = "cuda", feature = "metal", feature = "vulkan", feature = "rocm", feature = "opencl"))
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn tell(what: &str, held: Held) {
    match held {
        Ok(true) => {}
        Ok(false) => log::write(Level::Warn, || format!("the worker is not held by {what}: this kernel has none")),
        Err(why) => log::write(Level::Warn, || format!("the worker is not held by {what}: {why}")),
    }
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux {
    use std::collections::BTreeMap;
    use std::path::Path;

    use landlock::{
        path_beneath_rules, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
        Scope, ABI,
    };
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    /// Files may be read, and written in one folder; no connection is made, no other process signalled.
    pub(super) fn files(prefixes: Option<&Path>) -> Result<bool, String> {
        let abi = ABI::V6;
        let held = || {
            Ruleset::default()
                .handle_access(AccessFs::from_all(abi))?
                .handle_access(AccessNet::from_all(abi))?
                .scope(Scope::from_all(abi))?
                .create()?
                .add_rules(path_beneath_rules(["/"], AccessFs::ReadFile | AccessFs::ReadDir))?
                .add_rules(path_beneath_rules(prefixes, AccessFs::from_all(abi)))?
                .restrict_self()
        };
        let status = held().map_err(|e: landlock::RulesetError| e.to_string())?;
        Ok(status.ruleset != RulesetStatus::NotEnforced)
    }

    /// What is asked of the kernel by nothing that an engine does.
    pub(super) fn calls() -> Result<bool, String> {
        let mut refused = vec![
            // No connections, and no ways around that.
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_bind,
            libc::SYS_listen,
            libc::SYS_accept,
            libc::SYS_accept4,
            libc::SYS_io_uring_setup,
            libc::SYS_io_uring_enter,
            libc::SYS_io_uring_register,
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
            libc::SYS_kcmp,
            // Nothing of the system.
            libc::SYS_mount,
            libc::SYS_umount2,
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
            libc::SYS_open_by_handle_at,
            libc::SYS_personality,
        ];
        #[cfg(target_arch = "x86_64")]
        refused.extend([libc::SYS_fork, libc::SYS_vfork, libc::SYS_modify_ldt]);
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            refused.drain(..).map(|call| (call, Vec::new())).collect();
        // A process that aborts signals itself; no other one.
        let other =
            SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, u64::from(std::process::id()));
        let rule = SeccompRule::new(vec![other.map_err(|e| e.to_string())?]).map_err(|e| e.to_string())?;
        rules.insert(libc::SYS_tgkill, vec![rule]);
        let Ok(arch) = std::env::consts::ARCH.try_into() else { return Ok(false) };
        let filter =
            SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32), arch);
        let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(|e| e.to_string())?;
        seccompiler::apply_filter_all_threads(&program).map_err(|e| e.to_string())?;
        Ok(true)
    }
}
