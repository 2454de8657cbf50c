//! The prefix cache directory: prompt prefixes on disk, shared by engines and processes.
//!
//! A prompt is known by a chain of hashes, one for each block of tokens, each made of all before it. *Entries* hold the
//! cells of a prefix of whole blocks; *traces* hold only the hashes of prompts that were seen. Where two prompts begin
//! alike and then part, or are the same, their common blocks are worth an entry; a conversation that goes on is not, for
//! its next prompt begins with all of the last one.
//!
//! Nothing here is locked. Files come by renames and go by removal, an open file stays readable, and a name says all of
//! what its file is for, so that two processes can at worst do the same work twice, or hold a file more than allowed for
//! the time that it takes to look.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::atomic::{self, io_error};
use super::envelope::{self, Record};
use crate::error::{Code, Error, Result};
use crate::model::Token;
use crate::sync::lock;

/// Tokens of a block.
const BLOCK: usize = 32;

/// Blocks of the shortest prefix that is worth a file.
const LEAST: usize = 4;

/// Traces of one group.
const MOST_TRACES: usize = 128;

/// Bytes of the longest trace.
const LONGEST_TRACE: usize = 8 << 17;

const ENTRY: &str = "qaskprefix";
const TRACE: &str = "qasktrace";

/// The hash of each block of a prompt with all before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chain(Vec<u64>);

impl Chain {
    /// Of a prompt's whole blocks; its last token is always left to evaluate. `None` when it is too short to keep.
    pub(crate) fn new(tokens: &[Token]) -> Option<Chain> {
        let whole = tokens.len().saturating_sub(1) / BLOCK;
        (whole >= LEAST).then_some(())?;
        let mut hasher = blake3::Hasher::new();
        let block = |block: &[Token]| {
            block.iter().for_each(|t| {
                hasher.update(&t.to_le_bytes());
            });
            first8(hasher.finalize().as_bytes())
        };
        Some(Chain(tokens[..whole * BLOCK].chunks(BLOCK).map(block).collect()))
    }

    fn common(&self, trace: &[u64]) -> usize {
        self.0.iter().zip(trace).take_while(|(a, b)| a == b).count()
    }
}

fn first8(bytes: &[u8]) -> u64 {
    bytes[..8].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// Whose prefixes: one model, engine, set of adapters and cache key. No name of them can be told from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Group(String);

impl Group {
    pub(crate) fn new(parts: [&str; 4]) -> Group {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        Group(hasher.finalize().to_hex()[..32].to_owned())
    }
}

#[derive(Debug)]
pub(crate) struct Directory {
    folder: PathBuf,
    most: u64,
    /// Traces that were read, by name: a name never stands for another trace.
    traces: Mutex<HashMap<String, Arc<[u64]>>>,
    /// One prefix is loaded at a time, so that requests that begin alike do not load it twice.
    pub(crate) loading: Mutex<()>,
}

/// A file of the directory.
struct Found {
    name: String,
    bytes: u64,
    used: SystemTime,
}

impl Directory {
    /// Makes the folder when there is none.
    pub(crate) fn open(folder: &Path, most: u64) -> Result<Directory> {
        let place = |e: Error| e.at(format!("prefix_cache_dir: {}", folder.display()));
        fs::create_dir_all(folder).map_err(|e| place(io_error("making the folder", &e)))?;
        // A folder that cannot be used is told now, and not never.
        tempfile_in(folder).map_err(place)?;
        let (traces, loading) = Default::default();
        Ok(Directory { folder: folder.to_owned(), most, traces, loading })
    }

    /// The longest entry that a prompt begins with, and its tokens.
    pub(crate) fn longest(&self, group: &Group, chain: &Chain) -> Option<(PathBuf, usize)> {
        let there = |blocks: &usize| self.folder.join(entry(group, chain.0[blocks - 1])).is_file();
        let blocks = (LEAST..=chain.0.len()).rev().find(there)?;
        Some((self.folder.join(entry(group, chain.0[blocks - 1])), blocks * BLOCK))
    }

    /// How many tokens of a prompt are worth an entry that there is not yet.
    pub(crate) fn wanted(&self, group: &Group, chain: &Chain) -> Option<usize> {
        let mut best = 0;
        for found in self.files(TRACE).into_iter().filter(|f| f.name.starts_with(&group.0)) {
            let Some(trace) = self.trace(&found) else { continue };
            let common = chain.common(&trace);
            if common < trace.len() || trace.len() == chain.0.len() {
                best = best.max(common);
            }
        }
        let missing = best >= LEAST && !self.folder.join(entry(group, chain.0[best - 1])).is_file();
        missing.then_some(best * BLOCK)
    }

    fn trace(&self, found: &Found) -> Option<Arc<[u64]>> {
        if let Some(known) = lock(&self.traces).get(&found.name) {
            return Some(Arc::clone(known));
        }
        (found.bytes <= LONGEST_TRACE as u64).then_some(())?;
        let bytes = fs::read(self.folder.join(&found.name)).ok()?;
        let trace: Arc<[u64]> = bytes.chunks_exact(8).map(first8).collect();
        let mut traces = lock(&self.traces);
        if traces.len() >= 8 * MOST_TRACES {
            traces.clear();
        }
        traces.insert(found.name.clone(), Arc::clone(&trace));
        Some(trace)
    }

    /// Leaves a trace of a prompt.
    pub(crate) fn remember(&self, group: &Group, chain: &Chain) -> Result<()> {
        let hashes = &chain.0[..chain.0.len().min(LONGEST_TRACE / 8)];
        let name = format!("{}-{:016x}.{TRACE}", group.0, hashes[hashes.len() - 1]);
        let path = self.folder.join(name);
        if path.is_file() {
            use_now(&path);
            return Ok(());
        }
        let bytes: Vec<u8> = hashes.iter().flat_map(|h| h.to_le_bytes()).collect();
        // A trace that was written in part is a shorter one: nothing is lost, so nothing is forced to the disk.
        fs::write(&path, bytes).map_err(|e| io_error("writing a trace", &e))?;
        let mut ours = self.files(TRACE);
        ours.retain(|f| f.name.starts_with(&group.0));
        remove_oldest(&self.folder, ours, |count, _| count > MOST_TRACES);
        Ok(())
    }

    /// Writes the entry of a prefix. What was used longest ago makes room.
    pub(crate) fn write<'a>(
        &self,
        group: &Group,
        chain: &Chain,
        record: &Record,
        cells: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<()> {
        let blocks = record.tokens.len() / BLOCK;
        let Some(hash) = blocks.checked_sub(1).and_then(|i| chain.0.get(i)) else {
            return Err(Error::new(Code::Panic, "an entry that is no part of its prompt"));
        };
        let bytes = cells.clone().map(|c| c.len() as u64).sum::<u64>() + 32 * record.tokens.len() as u64;
        if bytes > self.most {
            return Ok(());
        }
        self.make_room(bytes);
        envelope::write(&self.folder.join(entry(group, *hash)), record, cells, false, None)?;
        self.make_room(0);
        Ok(())
    }

    /// Removes what was used longest ago until so many bytes more would fit, and what killed processes left.
    fn make_room(&self, more: u64) {
        atomic::sweep(&self.folder, ".");
        let files = [self.files(ENTRY), self.files(TRACE)].into_iter().flatten().collect();
        remove_oldest(&self.folder, files, |_, bytes| bytes.saturating_add(more) > self.most);
    }

    fn files(&self, ending: &str) -> Vec<Found> {
        let found = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            let facts = entry.metadata().ok()?;
            (facts.is_file() && is_ours(&name, ending)).then_some(())?;
            Some(Found { name, bytes: facts.len(), used: facts.modified().ok()? })
        };
        fs::read_dir(&self.folder).into_iter().flatten().flatten().filter_map(found).collect()
    }
}

/// The name of an entry.
fn entry(group: &Group, hash: u64) -> String {
    format!("{}-{hash:016x}.{ENTRY}", group.0)
}

/// Other files of a folder are left alone.
fn is_ours(name: &str, ending: &str) -> bool {
    let hex = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_hexdigit());
    let parts = name.split_once('-').and_then(|(group, rest)| Some((group, rest.split_once('.')?)));
    parts.is_some_and(|(group, (hash, end))| hex(group, 32) && hex(hash, 16) && end == ending)
}

/// A file was of use: it goes later.
pub(crate) fn use_now(path: &Path) {
    let file = fs::File::options().append(true).open(path);
    let _ = file.and_then(|f| f.set_modified(SystemTime::now()));
}

/// Removes files, oldest first, while `too_much` of their count and bytes. Somebody else may have removed them already.
fn remove_oldest(folder: &Path, mut files: Vec<Found>, too_much: impl Fn(usize, u64) -> bool) {
    files.sort_by_key(|f| std::cmp::Reverse(f.used));
    let mut bytes: u64 = files.iter().map(|f| f.bytes).sum();
    while too_much(files.len(), bytes) {
        let Some(oldest) = files.pop() else { return };
        bytes -= oldest.bytes;
        let _ = fs::remove_file(folder.join(oldest.name));
    }
}

/// Makes a file in a folder and removes it.
fn tempfile_in(folder: &Path) -> Result<()> {
    let path = folder.join(".writable");
    atomic::replace(&path, |_| Ok(()))?;
    fs::remove_file(&path).or_else(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(io_error("removing a file", &e)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Group {
        Group::new(["model", "engine", "", "key"])
    }

    fn prompt(shared: Token, own: Token) -> Vec<Token> {
        (0..200).map(|_| shared).chain((0..101).map(|_| own)).collect()
    }

    fn record(tokens: &[Token]) -> Record {
        Record { tokens: tokens.to_vec(), ..Record::default() }
    }

    fn directory(most: u64) -> (tempfile::TempDir, Directory) {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path(), most).unwrap();
        (folder, directory)
    }

    #[test]
    fn prompts_that_begin_alike_and_part_are_worth_an_entry() {
        let (_folder, d) = directory(1 << 20);
        let [a, b] = [1, 2].map(|own| prompt(7, own));
        let [chain, other] = [&a, &b].map(|p| Chain::new(p).unwrap());
        assert_eq!(d.wanted(&group(), &chain), None);
        d.remember(&group(), &chain).unwrap();
        // 200 shared tokens are 6 blocks.
        assert_eq!(d.wanted(&group(), &other), Some(192));
        assert_eq!(d.wanted(&Group::new(["", "", "", ""]), &other), None);
        // A conversation that goes on is not; the same prompt again is.
        let on = Chain::new(&[a.clone(), vec![3; 200]].concat()).unwrap();
        assert_eq!(d.wanted(&group(), &on), None);
        assert_eq!(d.wanted(&group(), &chain), Some(288));
        assert_eq!(d.longest(&group(), &other), None);
        d.write(&group(), &other, &record(&b[..192]), [&[0u8; 10][..]].into_iter()).unwrap();
        assert_eq!(d.longest(&group(), &other).unwrap().1, 192);
        assert_eq!(d.wanted(&group(), &other), None);
        // Another process sees the same.
        let again = Directory::open(&d.folder, 1 << 20).unwrap();
        assert_eq!(again.longest(&group(), &chain).unwrap().1, 192);
        assert_eq!(again.wanted(&group(), &Chain::new(&prompt(7, 3)).unwrap()), None);
    }

    #[test]
    fn short_prompts_are_left_alone() {
        assert_eq!(Chain::new(&[1; 128]), None);
        assert_eq!(Chain::new(&[1; 129]).unwrap().0.len(), 4);
        assert_eq!(Chain::new(&[]), None);
    }

    #[test]
    fn what_was_used_longest_ago_makes_room_and_other_files_stay() {
        let (folder, d) = directory(60_000);
        fs::write(folder.path().join("mine.txt"), vec![0; 100_000]).unwrap();
        let prompts = [1, 2, 3].map(|shared| prompt(shared, 9));
        let chains = prompts.each_ref().map(|p| Chain::new(p).unwrap());
        let write = |i: usize, size: usize| {
            let cells = vec![0u8; size];
            d.write(&group(), &chains[i], &record(&prompts[i][..192]), [&cells[..]].into_iter()).unwrap();
        };
        let there = || [0, 1, 2].map(|i: usize| d.longest(&group(), &chains[i]).is_some());
        let age = |i: usize, seconds: u64| {
            let path = d.longest(&group(), &chains[i]).unwrap().0;
            let file = fs::File::options().append(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(seconds)).unwrap();
        };
        write(0, 20_000);
        write(1, 20_000);
        age(0, 100);
        age(1, 200);
        use_now(&d.longest(&group(), &chains[1]).unwrap().0);
        write(2, 20_000);
        assert_eq!(there(), [false, true, true]);
        // What does not fit at all is not written, and nothing goes for it.
        write(0, 70_000);
        assert_eq!(there(), [false, true, true]);
        assert!(folder.path().join("mine.txt").is_file());
    }

    #[test]
    fn traces_are_few() {
        let (_folder, d) = directory(1 << 20);
        for own in 0..MOST_TRACES as Token + 9 {
            d.remember(&group(), &Chain::new(&prompt(7, own)).unwrap()).unwrap();
        }
        assert_eq!(d.files(TRACE).len(), MOST_TRACES);
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_told() {
        let (folder, _) = directory(1);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let e = Directory::open(&file, 1).unwrap_err();
        assert!(e.code() == Code::Io && e.message().contains("prefix_cache_dir"), "{e}");
    }
}
