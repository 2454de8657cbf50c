//! Refuses what the system has no memory for. Linux lets a process take more than there is, and ends it when it
//! uses that, which llama.cpp does with a KV cache at once.

use super::{engine_devices, other, weights, DevicePlan, Part};
use crate::engine::dry::DryModel;
use crate::engine::native::LoadOptions;
use crate::engine::options::Resolved;
use crate::engine::EngineOptions;
use crate::error::{Code, Error, Result};
use crate::gguf::Info;
use crate::model::{Model, Origin};

/// Cells of each sequence that are counted, to tell what all of them would take.
const COUNTED: u32 = 256;

/// An error when weights that are not just mapped are more than the system has left.
pub(crate) fn check_load(info: &Info, origin: &Origin, loaded: LoadOptions) -> Result<()> {
    let Some(spare) = bytes().filter(|spare| info.tensor_bytes > spare / 2) else { return Ok(()) };
    let needed = on_host(&weights(info, origin, loaded)?, Part::Weights);
    if needed <= spare {
        return Ok(());
    }
    Err(Error::new(
        Code::OutOfMemory,
        format!(
            "the weights would take {} MiB of memory that is not mapped, and the system has {} MiB left: use a smaller \
             model, or load it with mmap on and repack off",
            mib(needed),
            spare >> 20
        ),
    ))
}

fn on_host(devices: &[DevicePlan], part: Part) -> u64 {
    devices.iter().filter(|d| !d.is_gpu).map(|d| d.bytes(part)).fold(0, u64::saturating_add)
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// An error when the KV cache is more than the system has left. Closely it is only looked at where it could be: that takes
/// longer than starting an engine. What a step computes with is left out, since not all of it need ever be touched.
pub(crate) fn check_engine(model: &Model, resolved: &Resolved) -> Result<()> {
    let cells = u64::from(resolved.kv_tokens);
    let at_most = model.info().cell.saturating_mul(2).saturating_add(other::CELL).saturating_mul(cells);
    let Some(spare) = bytes().filter(|spare| at_most > spare / 2) else { return Ok(()) };
    // All cells would take as much memory for their bookkeeping, even in a dry run.
    let few = resolved.kv_tokens.min(COUNTED.saturating_mul(resolved.slots));
    let options = EngineOptions {
        n_ctx: Some(resolved.n_ctx.min(COUNTED)),
        kv_tokens: Some(few),
        prefix_cache_dir: None,
        ..resolved.options.clone()
    };
    let dry = DryModel::load(&model.0.origin, model.0.loaded)?;
    let (devices, ..) = engine_devices(&dry, model.info(), model.0.loaded, &options)?;
    let of = |part: Part| on_host(&devices, part);
    let cell = of(Part::Kv) / u64::from(few.max(1)) + other::CELL;
    let states = of(Part::State);
    let cache = cell.saturating_mul(cells);
    if cache.saturating_add(states) <= spare {
        return Ok(());
    }
    let fit = spare.saturating_sub(states) / cell;
    Err(Error::new(
        Code::OutOfMemory,
        format!(
            "a KV cache of {cells} tokens would take {} MiB, and the system has {} MiB left, enough for {fit} tokens: lower \
             n_ctx, kv_tokens or max_sequences",
            mib(cache.saturating_add(states)),
            spare >> 20
        ),
    ))
}

/// Bytes that may still be taken; `None` where that is not known.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn bytes() -> Option<u64> {
    let system = available(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
    let own =
        std::fs::read_to_string("/proc/self/cgroup").ok().and_then(|groups| of_groups(&groups, "/sys/fs/cgroup"));
    Some(own.map_or(system, |own| own.min(system)))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn bytes() -> Option<u64> {
    None
}

/// What `/proc/meminfo` says can be had without taking it from anybody, and what can still be swapped.
#[cfg(any(target_os = "linux", target_os = "android", test))]
fn available(meminfo: &str) -> Option<u64> {
    let kibibytes = |name: &str| {
        let line = meminfo.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(kibibytes("MemAvailable")?.saturating_add(kibibytes("SwapFree").unwrap_or(0)).saturating_mul(1024))
}

/// A version of control groups: how the line of `/proc/self/cgroup` goes on behind its number, where their folders are,
/// and the files there: limit, what is taken, and what the lines of `memory.stat` for files that are cached begin with.
#[cfg(any(target_os = "linux", target_os = "android", test))]
const VERSIONS: [(&str, &str, [&str; 3]); 2] = [
    (":memory:", "memory", ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_"]),
    ("::", "", ["memory.max", "memory.current", ""]),
];

/// The least that a control group of this process, or one that holds it, still allows. What files are cached there goes
/// when memory is wanted.
#[cfg(any(target_os = "linux", target_os = "android", test))]
fn of_groups(groups: &str, root: &str) -> Option<u64> {
    let of = |(kind, below, [limit, taken, cached]): (&str, &str, [&str; 3])| {
        let (_, path) = groups.lines().find_map(|l| l.split_once(kind))?;
        let root = std::path::Path::new(root).join(below);
        let left = |folder: &std::path::Path| {
            let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
            let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
            let stat = read("memory.stat").unwrap_or_default();
            let of_stat = |name: &str| {
                stat.lines().find_map(|l| l.strip_prefix(cached)?.strip_prefix(name)?.trim().parse::<u64>().ok())
            };
            let cached =
                ["active_file ", "inactive_file "].into_iter().filter_map(of_stat).fold(0, u64::saturating_add);
            // No number is no limit.
            Some(number(limit)?.saturating_sub(number(taken)?.saturating_sub(cached)))
        };
        root.join(path.trim_start_matches('/'))
            .ancestors()
            .take_while(|f| f.starts_with(&root))
            .filter_map(left)
            .min()
    };
    VERSIONS.into_iter().filter_map(of).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says() {
        let meminfo = "MemTotal:       24000000 kB\nMemFree:         1000 kB\nMemAvailable:    2000 kB\nSwapFree:         48 kB\n";
        assert_eq!(available(meminfo), Some(2048 * 1024));
        assert_eq!(available("MemAvailable: 1 kB\n"), Some(1024));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn what_control_groups_allow() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("outer/inner");
        std::fs::create_dir_all(&inner).unwrap();
        let of = |groups: &str| of_groups(groups, root.path().to_str().unwrap());
        assert_eq!(of("0::/outer/inner\n"), None);
        let write = |file: &str, text: &str| std::fs::write(root.path().join(file), text).unwrap();
        write("outer/memory.max", "1000\n");
        write("outer/memory.current", "900\n");
        assert_eq!(of("0::/outer/inner\n"), Some(100));
        write("outer/memory.stat", "anon 1\ninactive_file 200\nactive_file 100\n");
        assert_eq!(of("0::/outer/inner\n"), Some(400));
        write("outer/inner/memory.max", "max\n");
        write("outer/inner/memory.current", "900\n");
        assert_eq!(of("1:cpu:/\n0::/outer/inner\n"), Some(400));
        write("outer/inner/memory.max", "950\n");
        assert_eq!(of("0::/outer/inner\n"), Some(50));
        assert_eq!(of("0::/\n"), None);
        // The older version, also where both are there.
        std::fs::create_dir_all(root.path().join("memory/old")).unwrap();
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        write("memory/memory.usage_in_bytes", "5000\n");
        write("memory/old/memory.limit_in_bytes", "40\n");
        write("memory/old/memory.usage_in_bytes", "30\n");
        write("memory/old/memory.stat", "inactive_file 1\ntotal_inactive_file 4\n");
        assert_eq!(of("4:memory:/old\n0::/outer/inner\n"), Some(14));
        assert_eq!(of("4:memory:/old\n0::/\n"), Some(14));
        assert_eq!(of("4:memory:/gone\n"), Some(9_223_372_036_854_771_712 - 5000));
    }
}
