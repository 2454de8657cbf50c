//! Which kernels this CPU computes with, whether it has the instructions that they were compiled for, and how many
//! threads suit it.
//!
//! A package carries ggml's CPU back-end several times, for CPUs of different levels (`kernels.c`, `tools/kernels.sh`);
//! the best that runs here is chosen once for the process. Every other build has one, of which this file only knows
//! whether it runs.

use std::ffi::{c_char, CStr, CString};
use std::sync::OnceLock;

use crate::error::{Code, Error, Result};
use crate::log::{self, Level};

use super::guard;

/// What was chosen.
struct Kernels {
    /// "v3", "i8mm"…; where there is no choice "native" (made for the machine it was built on) or "fixed".
    name: &'static str,
    /// What `QASK_CPU` asked for, when it could not be followed.
    refused: Option<String>,
}

/// The kernels of this process: chosen by whoever asks first, which is before the first call of the engine.
fn kernels() -> &'static Kernels {
    static CHOSEN: OnceLock<Kernels> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let wanted =
            std::env::var_os("QASK_CPU").map(|w| w.to_string_lossy().into_owned()).filter(|w| !w.is_empty());
        let builds = builds();
        let (at, followed) = choose(&builds, has, wanted.as_deref());
        let name = match builds.get(at) {
            Some(build) => build.name,
            None if cfg!(qask_native) => "native",
            None => "fixed",
        };
        if !builds.is_empty() {
            // SAFETY: a number of the list; nothing of the engine has been called yet.
            unsafe { guard::qg_kernels_use(at) };
        }
        let refused = wanted.filter(|w| !followed && w != name);
        Kernels { name, refused: refused.map(|w| shown(&w)) }
    })
}

/// A build of the kernels, and what it needs.
#[derive(Clone, Copy)]
struct Build {
    name: &'static str,
    needs: &'static str,
}

/// Those that this library carries, from the one for every CPU upwards.
fn builds() -> Vec<Build> {
    let text = |p: *const c_char| {
        // SAFETY: a NUL-terminated constant of the library.
        unsafe { CStr::from_ptr(p) }.to_str().unwrap_or("")
    };
    let one = |i| {
        let mut needs = std::ptr::null();
        // SAFETY: one place to write to, which is set whenever a name is returned.
        let name = unsafe { guard::qg_kernels(i, &mut needs) };
        (!name.is_null()).then(|| Build { name: text(name), needs: text(needs) })
    };
    (0..).map_while(one).collect()
}

/// Which build to take, and whether that is what was wanted: the last that runs. The first counts as one that does, so
/// that there is always one to say what is missing.
fn choose(builds: &[Build], has: impl Fn(&str) -> bool, wanted: Option<&str>) -> (usize, bool) {
    let runs = |build: &Build| names(build.needs).all(&has);
    let wanted = match wanted {
        Some("baseline") => return (0, !builds.is_empty()),
        Some(name) => builds.iter().position(|b| b.name == name),
        None => None,
    };
    match wanted {
        Some(at) if at == 0 || runs(&builds[at]) => (at, true),
        _ => (builds.iter().rposition(runs).unwrap_or(0), false),
    }
}

/// A list as `cpu_macros.c` writes it.
fn names(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split(',').filter(|n| !n.is_empty())
}

/// Of what somebody wrote into the environment, what fits into a version.
fn shown(wanted: &str) -> String {
    let kept: String = wanted.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    if kept.is_empty() {
        "that".into()
    } else {
        kept
    }
}

/// See [`crate::version`].
pub(crate) fn version() -> &'static CStr {
    static TEXT: OnceLock<CString> = OnceLock::new();
    TEXT.get_or_init(|| {
        let kernels = kernels();
        let mut text = format!("{}+cpu.{}", env!("CARGO_PKG_VERSION"), kernels.name);
        if let Some(refused) = &kernels.refused {
            text += ".not.";
            text += refused;
        }
        // There is no NUL in any of them.
        CString::new(text).unwrap_or_default()
    })
}

/// Chooses the kernels. An error when even they would stop with SIGILL here.
pub(super) fn check() -> Result<()> {
    let kernels = kernels();
    if let Some(refused) = &kernels.refused {
        log::write(Level::Warn, || {
            format!(
                "QASK_CPU asks for {refused:?}, which this library or this CPU does not have: {:?} is used",
                kernels.name
            )
        });
    }
    let missing: Vec<&str> = required()?.into_iter().filter(|name| !has(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        Code::Unsupported,
        format!(
            "this CPU lacks {}, which this build of qask was made for; use a portable build (make lib PORTABLE=1)",
            missing.join(", ")
        ),
    ))
}

/// Names of the instruction sets that the engine takes for granted.
fn required() -> Result<Vec<&'static str>> {
    // In the order of `qg_cpu_bits`.
    const NAMES: [&str; 16] = [
        "ssse3",
        "avx",
        "avx2",
        "fma",
        "f16c",
        "bmi2",
        "avx512f",
        "avx512vbmi",
        "avx512vnni",
        "avx512bf16",
        "avxvnni",
        "amx-int8",
        "dotprod",
        "i8mm",
        "sve",
        "fp16",
    ];
    let mut bits = 0u64;
    // SAFETY: one place to write to; the functions asked return constants.
    guard::call(|f| unsafe { guard::qg_cpu_bits(&mut bits, f) })?;
    let mut names: Vec<&str> =
        NAMES.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, n)| *n).collect();
    match builds().iter().find(|b| b.name == kernels().name) {
        Some(build) => names.extend(self::names(build.needs)),
        None => names.extend(native()),
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// What `-march=native` meant on the machine that built the engine.
#[cfg(qask_native)]
fn native() -> impl Iterator<Item = &'static str> {
    extern "C" {
        // An array without a length in C: only its address is used.
        static qask_cpu_macros: c_char;
    }
    // SAFETY: a NUL-terminated constant of the library.
    let list = unsafe { CStr::from_ptr(&raw const qask_cpu_macros) };
    names(list.to_str().unwrap_or(""))
}

#[cfg(not(qask_native))]
fn native() -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}

/// Whether the CPU (and the system, which has to keep its registers) has it; a name that the table does not know counts
/// as present.
fn has(name: &str) -> bool {
    known(name).unwrap_or(true)
}

fn known(name: &str) -> Option<bool> {
    macro_rules! table {
        ($detect:ident: $($feature:tt),*) => {
            match name {
                $($feature => Some(std::arch::$detect!($feature)),)*
                _ => None,
            }
        };
    }
    #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
    return table!(is_x86_feature_detected: "ssse3", "popcnt", "sse4.2", "avx", "avx2", "fma", "f16c", "bmi1", "bmi2",
        "lzcnt", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi", "avx512vnni", "avx512bf16",
        "avxvnni", "gfni", "vaes");
    #[cfg(target_arch = "aarch64")]
    return table!(is_aarch64_feature_detected: "lse", "rdm", "crc", "dotprod", "i8mm", "sve", "fp16");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
    return {
        let _ = name;
        None
    };
}

/// Physical cores that this process may use: hyper-threads slow the kernels down. On a CPU with fast and slow cores,
/// only the fast ones are counted.
pub(crate) fn default_threads() -> u32 {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = performance_cores().unwrap_or_else(num_cpus::get_physical);
    cores.min(allowed).max(1) as u32
}

/// Cores of the highest capacity (Linux says 1024 for those), when they differ.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn performance_cores() -> Option<usize> {
    let capacity = |i: usize| -> Option<u32> {
        std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu{i}/cpu_capacity")).ok()?.trim().parse().ok()
    };
    let all: Vec<u32> = (0..1024).map_while(capacity).collect();
    let (best, worst) = (all.iter().max()?, all.iter().min()?);
    // Middle cores count as fast: half the capacity of the best still helps.
    (best != worst).then(|| all.iter().filter(|c| **c * 2 >= *best).count())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn performance_cores() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_runs_its_own_build() {
        check().unwrap();
        assert!(default_threads() >= 1);
    }

    #[test]
    fn a_native_build_knows_its_instructions() {
        let names = required().unwrap();
        if cfg!(all(qask_native, target_arch = "x86_64")) {
            assert!(names.contains(&"bmi1"), "{names:?}");
        }
        assert!(names.iter().all(|n| has(n)));
    }

    const BUILDS: [Build; 3] = [
        Build { name: "v2", needs: "sse4.2," },
        Build { name: "v3", needs: "sse4.2,avx2,fma," },
        Build { name: "v4", needs: "sse4.2,avx2,fma,avx512f,avx512vnni," },
    ];

    /// What is taken on a CPU that has these, and whether that is what was wanted.
    fn chosen(cpu: &[&str], wanted: Option<&str>) -> (&'static str, bool) {
        let (at, followed) = choose(&BUILDS, |name| cpu.contains(&name), wanted);
        (BUILDS[at].name, followed)
    }

    #[test]
    fn the_best_build_that_runs_is_taken() {
        let (old, haswell) = (["sse4.2"], ["sse4.2", "avx2", "fma"]);
        let skylake = ["sse4.2", "avx2", "fma", "avx512f"];
        let ice_lake = ["sse4.2", "avx2", "fma", "avx512f", "avx512vnni"];
        for (cpu, best) in
            [(&[][..], "v2"), (&old[..], "v2"), (&haswell[..], "v3"), (&skylake[..], "v3"), (&ice_lake[..], "v4")]
        {
            assert_eq!(chosen(cpu, None).0, best, "{cpu:?}");
        }
    }

    #[test]
    fn a_wish_is_followed_where_it_runs() {
        let haswell = ["sse4.2", "avx2", "fma"];
        assert_eq!(chosen(&haswell, Some("v2")), ("v2", true));
        assert_eq!(chosen(&haswell, Some("baseline")), ("v2", true));
        assert_eq!(chosen(&haswell, Some("v3")), ("v3", true));
        assert_eq!(chosen(&haswell, Some("v4")), ("v3", false));
        assert_eq!(chosen(&haswell, Some("v5")), ("v3", false));
        assert_eq!(choose(&[], |_| true, Some("baseline")), (0, false));
    }

    #[test]
    fn what_was_refused_fits_into_a_version() {
        for (wanted, kept) in [("v4", "v4"), ("a b/\n.é", "ab"), ("", "that"), ("\u{1F600}", "that")] {
            assert_eq!(shown(wanted), kept);
        }
        assert_eq!(shown(&"x".repeat(100)).len(), 16);
    }

    #[test]
    fn every_name_that_a_compiler_may_take_for_granted_is_known() {
        let arm = cfg!(target_arch = "aarch64");
        let mut macro_name = "";
        for line in include_str!("cpu_macros.c").lines() {
            if let Some(name) = line.strip_prefix("#ifdef ") {
                macro_name = name;
            } else if let Some(name) = line.trim().strip_prefix('"').and_then(|l| l.strip_suffix(",\"")) {
                if macro_name.starts_with("__ARM") == arm {
                    assert!(known(name).is_some(), "{name}");
                }
            }
        }
        assert!(!macro_name.is_empty());
    }
}
