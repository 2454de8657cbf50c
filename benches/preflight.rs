//! What checking a model file costs before llama.cpp sees it: small files a second, and the worst files that the limits
//! let through. `make bench-preflight`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use support::{Gguf, Value};

/// The tiny model's metadata, without weights and with a template of usual length: six kilobytes.
fn small() -> Gguf {
    let mut gguf = support::tiny();
    gguf.tensors.clear();
    gguf.set("tokenizer.chat_template", Value::Str(support::CHATML.repeat(9)));
    gguf
}

fn executions(bytes: &[u8]) -> f64 {
    let (began, mut n) = (Instant::now(), 0u32);
    while began.elapsed() < Duration::from_secs(2) {
        for _ in 0..100 {
            std::hint::black_box(qask::gguf::inspect_source(std::hint::black_box(bytes)).is_ok());
        }
        n += 100;
    }
    f64::from(n) / began.elapsed().as_secs_f64()
}

/// Bytes that were resident at most since this was asked for the last time.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    kib << 10
}

/// A file written from its beginning, since the largest would not fit the bound that is measured.
struct Writer(BufWriter<File>);

impl Writer {
    fn new(path: &Path, tensors: u64, entries: u64) -> Writer {
        let mut out = Writer(BufWriter::new(File::create(path).expect("a file")));
        out.put(b"GGUF\x03\0\0\0");
        out.put(&tensors.to_le_bytes());
        out.put(&entries.to_le_bytes());
        out
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("written");
    }

    fn text(&mut self, text: &[u8]) {
        self.put(&(text.len() as u64).to_le_bytes());
        self.put(text);
    }

    fn array(&mut self, key: &str, kind: u32, count: u64) {
        self.text(key.as_bytes());
        self.put(&9u32.to_le_bytes());
        self.put(&kind.to_le_bytes());
        self.put(&count.to_le_bytes());
    }
}

/// The worst that the limits let through, each by its name.
fn worst(path: &Path, name: &str) {
    match name {
        "2,000,000 tokens in 256 MB" => {
            let mut out = Writer::new(path, 0, 1);
            out.array("tokenizer.ggml.tokens", 8, 2_000_000);
            (0..2_000_000).for_each(|i| out.text(format!("{i:0>120}").as_bytes()));
        }
        "8,000,000 strings" => {
            let mut out = Writer::new(path, 0, 1);
            out.array("strings", 8, 8_000_000);
            (0..8_000_000).for_each(|_| out.text(b""));
        }
        "65,536 keys of 300 bytes" => {
            let mut out = Writer::new(path, 0, 65_536);
            for i in 0..65_536 {
                out.text(format!("{i:0>300}").as_bytes());
                out.put(&8u32.to_le_bytes());
                out.text(&[b'v'; 300]);
            }
        }
        "65,536 tensors" => {
            let mut out = Writer::new(path, 65_536, 1);
            out.text(b"general.architecture");
            out.put(&8u32.to_le_bytes());
            out.text(b"llama");
            let mut length = 24 + 28 + 4 + 13;
            for i in 0..65_536u64 {
                out.text(format!("{i:0>63}").as_bytes());
                out.put(&1u32.to_le_bytes());
                out.put(&512u64.to_le_bytes());
                out.put(&0u32.to_le_bytes());
                out.put(&(i * 2048).to_le_bytes());
                length += 8 + 63 + 24;
            }
            out.put(&vec![0; (32 - length % 32) % 32]);
            (0..65_536).for_each(|_| out.put(&[1; 2048]));
        }
        "one value of 250 MB" => {
            let mut out = Writer::new(path, 0, 1);
            out.text(b"k");
            out.put(&8u32.to_le_bytes());
            out.put(&250_000_000u64.to_le_bytes());
            (0..250).for_each(|_| out.put(&vec![b'x'; 1_000_000]));
        }
        "60,000 arrays of strings" => {
            let mut out = Writer::new(path, 0, 60_000);
            for i in 0..60_000 {
                out.array(&format!("k{i}"), 8, 12);
                (0..12).for_each(|_| out.text(&[b's'; 256]));
            }
        }
        "60,000 arrays of numbers" => {
            let mut out = Writer::new(path, 0, 60_000);
            for i in 0..60_000 {
                out.array(&format!("k{i}"), 0, 4_000);
                out.put(&[7; 4_000]);
            }
        }
        other => panic!("there is no case {other}"),
    }
}

const WORST: [&str; 7] = [
    "2,000,000 tokens in 256 MB",
    "8,000,000 strings",
    "65,536 keys of 300 bytes",
    "65,536 tensors",
    "one value of 250 MB",
    "60,000 arrays of strings",
    "60,000 arrays of numbers",
];

fn main() {
    let bytes = small().bytes();
    println!("{} bytes, no weights: {:.0} executions a second", bytes.len(), executions(&bytes));
    let whole = support::tiny().bytes();
    println!("{} bytes, 12 tensors: {:.0} executions a second", whole.len(), executions(&whole));
    for factor in [1usize, 4, 16, 64] {
        let mut gguf = small();
        gguf.set("more", Value::Strings(vec!["a string of some length".into(); 1_000 * factor]));
        let bytes = gguf.bytes();
        let each = 1e9 / executions(&bytes) / bytes.len() as f64;
        println!("{:>9} bytes: {each:.2} ns a byte", bytes.len());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("worst.gguf");
    for name in WORST {
        worst(&path, name);
        let before = peak().max(peak());
        let began = Instant::now();
        let result = qask::gguf::inspect(&path);
        let took = began.elapsed();
        let grown = peak().saturating_sub(before);
        let said = result.map_or_else(|e| e.code().name(), |_| "accepted");
        println!("{name:28} {:>5} ms, {:>3} MiB, {said}", took.as_millis(), grown >> 20);
    }
}
