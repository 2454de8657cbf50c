//! Capabilities: what a worker may more than another user, where it has been started by root, it gives up, but for the
//! rights to files that the host's own are, and to keep memory from being swapped (`mlock`).

use std::io;

// Of the kernel's numbers (`linux/capability.h`).
const VERSION_3: u32 = 0x2008_0522;
const DAC_OVERRIDE: u32 = 1 << 1;
const DAC_READ_SEARCH: u32 = 1 << 2;
const FOWNER: u32 = 1 << 3;
const IPC_LOCK: u32 = 1 << 14;

#[repr(C)]
struct Header {
    version: u32,
    process: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Of the calling thread, and those that it will start.
pub(super) fn give_up() -> Result<bool, String> {
    let header = Header { version: VERSION_3, process: 0 };
    // The lower 32 capabilities, and the others.
    let mut sets = [Sets::default(); 2];
    let failed = || Err(io::Error::last_os_error().to_string());
    // SAFETY: places of the size that this version has, which live through the call.
    if unsafe { libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr()) } != 0 {
        return failed();
    }
    let kept = sets[0].permitted & (DAC_OVERRIDE | DAC_READ_SEARCH | FOWNER | IPC_LOCK);
    let sets = [Sets { effective: kept, permitted: kept, inheritable: 0 }, Sets::default()];
    // SAFETY: as above.
    if unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) } != 0 {
        return failed();
    }
    Ok(true)
}
