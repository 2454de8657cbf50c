//! Whether this CPU has the instructions that the engine was compiled for, and how many threads suit it.

use crate::error::{Code, Error, Result};

use super::guard;

/// An error when the engine would stop with SIGILL here.
pub(super) fn check() -> Result<()> {
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
    names.extend(native());
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// What `-march=native` meant on the machine that built the engine.
#[cfg(qask_native)]
fn native() -> impl Iterator<Item = &'static str> {
    extern "C" {
        // An array without a length in C: only its address is used.
        static qask_cpu_macros: std::ffi::c_char;
    }
    // SAFETY: a NUL-terminated constant of the library.
    let list = unsafe { std::ffi::CStr::from_ptr(&raw const qask_cpu_macros) };
    list.to_str().unwrap_or("").split(',').filter(|n| !n.is_empty())
}

#[cfg(not(qask_native))]
fn native() -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}

/// Whether the CPU has it; a name that this table does not know counts as present.
fn has(name: &str) -> bool {
    macro_rules! table {
        ($detect:ident: $($feature:tt),*) => {
            match name {
                $($feature => std::arch::$detect!($feature),)*
                _ => true,
            }
        };
    }
    #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
    return table!(is_x86_feature_detected: "ssse3", "sse4.2", "avx", "avx2", "fma", "f16c", "bmi1", "bmi2", "lzcnt",
        "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi", "avx512vnni", "avx512bf16", "avxvnni", "gfni",
        "vaes");
    #[cfg(target_arch = "aarch64")]
    return table!(is_aarch64_feature_detected: "dotprod", "i8mm", "sve", "fp16");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
    return {
        let _ = name;
        true
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
}
