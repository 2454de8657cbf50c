//! Any bytes as a session file, with a checksum that is right where the first byte says so.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use qask_fuzz::error::Code;
use qask_fuzz::probe;

/// One file for each process, in memory where there is such a folder.
static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("qask-fuzz-session-{}", std::process::id()))
});

/// Puts lengths and checksum right, as somebody would who made the file on purpose.
fn seal(file: &mut [u8], record: usize) {
    let rest = (file.len() - 64) as u64;
    let record = (record as u64).min(rest);
    file[..12].copy_from_slice(b"\x89qaskS\r\n\x01\0\0\0");
    file[16..24].copy_from_slice(&record.to_le_bytes());
    file[24..32].copy_from_slice(&(rest - record).to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file[64..]).update(&file[..32]);
    file[32..64].copy_from_slice(hasher.finalize().as_bytes());
}

fuzz_target!(|data: &[u8]| {
    let [how, cells, file @ ..] = data else { return };
    let mut file = file.to_vec();
    if how & 1 == 1 && file.len() >= 64 {
        // Where the record ends: behind its last brace.
        let end = file[64..].iter().rposition(|b| *b == b'}').map_or(0, |i| i + 1);
        seal(&mut file, end);
    }
    std::fs::write(&*PATH, &file).expect("written");
    match probe::session(&PATH, u64::from(*cells)) {
        Ok(n) => assert_eq!(n, usize::from(*cells) + 4),
        Err(e) => {
            let codes = [Code::StateInvalid, Code::StateMismatch, Code::Checksum];
            assert!(codes.contains(&e.code()), "{e:?}");
        }
    }
    let _ = std::fs::remove_file(&*PATH);
});
