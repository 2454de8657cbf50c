//! The file of a session: a head, a record, and the contents of cells.
//!
//! | bytes | |
//! |---|---|
//! | 0 | magic number |
//! | 8 | version, `u32` (all numbers little-endian) |
//! | 12 | flags, `u32`: bit 0 for compressed cells (zstd) |
//! | 16 | bytes of the record, `u64` |
//! | 24 | bytes of the cells, `u64` |
//! | 32 | BLAKE3 of everything behind the head, and of the 32 bytes before this place |
//! | 64 | the record (JSON), then the cells |
//!
//! All of it is checked before anything is done with it. A checksum finds damage, not malice: what stands in the record
//! is checked again for what it means, and of the cells only contents are taken (see `engine::layout`).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::atomic::{self, io_error};
use crate::cancel::Cancel;
use crate::engine::Piece;
use crate::error::{Code, Error, Result};
use crate::model::Token;
use crate::room;

const MAGIC: [u8; 8] = *b"\x89qaskS\r\n";
const VERSION: u32 = 1;
const COMPRESSED: u32 = 1;
const HEAD: usize = 64;

/// Bytes of the longest record that is read or written. JSON's smallest numbers take twice as much once read.
const LONGEST_RECORD: u64 = 64 << 20;

/// Bytes that are read, written and checked at once. Small enough to be there always: buffers of this size abort where
/// they are not.
const CHUNK: usize = 1 << 18;

/// More finds no more in floats, and takes longer.
const LEVEL: i32 = 1;

/// A compressed file may ask for a window of 2 to this many bytes.
const LARGEST_WINDOW: u32 = 23;

/// What a session is of.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// The version that wrote it; for people.
    pub library: String,
    /// Fingerprint of the model.
    pub model: String,
    /// Fingerprint of the cells' format; empty when there are none.
    pub engine: String,
    /// Fingerprints of the adapters that made the cells.
    pub adapters: String,
    /// What the cells hold.
    pub tokens: Vec<Token>,
    /// The order of the cells, of at most two caches.
    pub order: (Vec<u32>, Vec<u32>),
    /// The conversation, unless it is a prefix.
    pub chat: Option<ChatRecord>,
}

/// A conversation.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatRecord {
    /// Fingerprint of the chat template.
    pub template: String,
    /// As a chat exports it.
    pub history: String,
    pub transcript: Option<TranscriptRecord>,
}

/// The last prompt and its answer.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TranscriptRecord {
    pub text: String,
    /// What of the text is content: begin and end.
    pub protected: Vec<(u64, u64)>,
    pub tokens: Vec<Token>,
    pub generated: Vec<Token>,
}

/// A session file that is undamaged.
pub(crate) struct Opened {
    pub record: Record,
    pub checksum: blake3::Hash,
    pub path: std::path::PathBuf,
    file: BufReader<File>,
    compressed: bool,
    cells: u64,
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::StateInvalid, message)
}

/// Writes a session; gives the bytes of its file.
pub(crate) fn write<'a>(
    path: &Path,
    record: &Record,
    cells: impl Iterator<Item = &'a [u8]>,
    compress: bool,
    cancel: Option<&Cancel>,
) -> Result<u64> {
    let record =
        serde_json::to_vec(record).map_err(|e| Error::new(Code::Panic, format!("a record has no JSON: {e}")))?;
    if record.len() as u64 > LONGEST_RECORD {
        return Err(Error::new(
            Code::TooLong,
            format!("the session's record has {} bytes; at most {LONGEST_RECORD} are saved", record.len()),
        ));
    }
    atomic::replace(path, |file| {
        let failed = |e: io::Error| io_error("writing", &e);
        file.write_all(&[0; HEAD]).map_err(failed)?;
        let mut out = Hashing { file, hasher: blake3::Hasher::new(), bytes: 0 };
        out.write_all(&record).map_err(failed)?;
        out.bytes = 0;
        if compress {
            let mut encoder = zstd::stream::write::Encoder::new(&mut out, LEVEL).map_err(failed)?;
            copy(cells, &mut encoder, cancel)?;
            encoder.finish().map_err(failed)?;
        } else {
            copy(cells, &mut out, cancel)?;
        }
        let Hashing { file, mut hasher, bytes } = out;
        let flags = if compress { COMPRESSED } else { 0 };
        let head = head(flags, record.len() as u64, bytes);
        hasher.update(&head);
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        file.write_all(&head).map_err(failed)?;
        file.write_all(hasher.finalize().as_bytes()).map_err(failed)?;
        Ok(HEAD as u64 + record.len() as u64 + bytes)
    })
    .map_err(|e| e.at(path.display()))
}

fn copy<'a>(cells: impl Iterator<Item = &'a [u8]>, out: &mut impl Write, cancel: Option<&Cancel>) -> Result<()> {
    for chunk in cells.flat_map(|c| c.chunks(CHUNK)) {
        if let Some(cancel) = cancel {
            cancel.check("saving the session")?;
        }
        out.write_all(chunk).map_err(|e| io_error("writing", &e))?;
    }
    Ok(())
}

fn head(flags: u32, record: u64, cells: u64) -> Vec<u8> {
    let numbers = [&VERSION.to_le_bytes()[..], &flags.to_le_bytes(), &record.to_le_bytes(), &cells.to_le_bytes()];
    [&MAGIC[..], &numbers.concat()].concat()
}

/// Writes on, and remembers what.
struct Hashing<'a> {
    file: &'a mut File,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Opens a session and checks every byte of it.
pub(crate) fn open(path: &Path, cancel: Option<&Cancel>) -> Result<Opened> {
    read(path, cancel).map_err(|e| e.at(path.display()))
}

fn read(path: &Path, cancel: Option<&Cancel>) -> Result<Opened> {
    // Looked at first, since opening a pipe waits for whoever writes to it.
    let facts = std::fs::metadata(path).map_err(|e| io_error("opening it", &e))?;
    if !facts.is_file() {
        return Err(invalid("this is not a regular file"));
    }
    let mut file = File::open(path).map_err(|e| io_error("opening it", &e))?;
    let length = file.metadata().map_err(|e| io_error("reading its size", &e))?.len();
    let mut head = [0; HEAD];
    if length < HEAD as u64 {
        return Err(invalid(format!("the file has {length} bytes; a saved session has at least {HEAD}")));
    }
    let failed = |e: io::Error| io_error("reading", &e);
    file.read_exact(&mut head).map_err(failed)?;
    let u32_at = |i: usize| u32::from_le_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]);
    let u64_at = |i: usize| u64::from(u32_at(i)) | u64::from(u32_at(i + 4)) << 32;
    if head[..8] != MAGIC {
        return Err(invalid("this is not a saved session"));
    }
    let version = u32_at(8);
    if version != VERSION {
        return Err(Error::new(
            Code::StateMismatch,
            format!("the session has version {version}; this library reads {VERSION}"),
        ));
    }
    let (flags, record, cells) = (u32_at(12), u64_at(16), u64_at(24));
    let total = record.checked_add(cells).and_then(|n| n.checked_add(HEAD as u64));
    if total != Some(length) {
        return Err(invalid(format!(
            "the file has {length} bytes, and its head speaks of {record} + {cells} behind the first {HEAD}: it was cut \
             off or damaged"
        )));
    }
    let checksum = checksum(&mut file, &head[..32], cancel)?;
    if checksum.as_bytes()[..] != head[32..] {
        return Err(Error::new(Code::Checksum, "the checksum does not match: the file was damaged"));
    }
    if flags & !COMPRESSED != 0 {
        return Err(invalid(format!("the head has flags {flags:#x} that do not exist")));
    }
    if record > LONGEST_RECORD {
        return Err(invalid(format!("the record has {record} bytes; at most {LONGEST_RECORD} are read")));
    }
    file.seek(SeekFrom::Start(HEAD as u64)).map_err(failed)?;
    let mut file = BufReader::with_capacity(CHUNK, file);
    let mut json = room::filled(0, record as usize, "bytes of the record")?;
    file.read_exact(&mut json).map_err(failed)?;
    // Its words are not repeated: they may be part of a conversation.
    let record: Record = serde_json::from_slice(&json)
        .map_err(|e| invalid(format!("the record is not one of this version, at byte {}", e.column())))?;
    Ok(Opened { record, checksum, path: path.to_owned(), file, compressed: flags & COMPRESSED != 0, cells })
}

/// The checksum of all behind the head, and of the head's beginning.
fn checksum(file: &mut File, head: &[u8], cancel: Option<&Cancel>) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        if let Some(cancel) = cancel {
            cancel.check("restoring the session")?;
        }
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hasher.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(io_error("reading", &e)),
        };
    }
    Ok(hasher.update(head).finalize())
}

impl Opened {
    /// The cells' contents between the pieces of a frame. `contents` is how many bytes there must be of them.
    pub(crate) fn state(self, pieces: &[Piece], contents: u64) -> Result<Vec<u8>> {
        let Opened { file, compressed, cells, .. } = self;
        if !compressed && cells != contents {
            return Err(invalid(format!("the cells have {cells} bytes; {contents} belong to so many tokens")));
        }
        let frame: usize = pieces.iter().map(|p| if let Piece::Frame(f) = p { f.len() } else { 0 }).sum();
        let total = usize::try_from(contents).ok().and_then(|n| n.checked_add(frame));
        let mut state = Vec::new();
        if total.is_none_or(|n| state.try_reserve_exact(n).is_err()) {
            return Err(Error::new(
                Code::OutOfMemory,
                format!("there is no memory for cells of {contents} bytes"),
            ));
        }
        let stored = file.take(cells);
        if !compressed {
            fill(&mut state, pieces, stored)?;
            return Ok(state);
        }
        let failed = |e: io::Error| invalid(format!("the cells cannot be decompressed: {e}"));
        let mut decoder = zstd::stream::read::Decoder::with_buffer(stored).map_err(failed)?;
        decoder.window_log_max(LARGEST_WINDOW).map_err(failed)?;
        fill(&mut state, pieces, &mut decoder)?;
        match decoder.read(&mut [0]).map_err(failed)? {
            0 => Ok(state),
            _ => Err(invalid(format!("the cells have more than the {contents} bytes of so many tokens"))),
        }
    }
}

fn fill(state: &mut Vec<u8>, pieces: &[Piece], mut contents: impl Read) -> Result<()> {
    for piece in pieces {
        match piece {
            Piece::Frame(frame) => state.extend(frame),
            Piece::Cells(n) => {
                let got = contents.by_ref().take(*n).read_to_end(state);
                match got {
                    Ok(got) if got as u64 == *n => {}
                    Ok(_) => return Err(invalid("the cells end too early")),
                    Err(e) => return Err(invalid(format!("the cells cannot be read: {e}"))),
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn saved(folder: &Path, compress: bool) -> PathBuf {
        let path = folder.join("s");
        let record = Record { tokens: vec![1, 2], order: (vec![0, 1], vec![]), ..Record::default() };
        write(&path, &record, [&[7u8; 100][..], &[8; 50]].into_iter(), compress, None).unwrap();
        path
    }

    fn pieces() -> Vec<Piece> {
        vec![Piece::Frame(vec![1; 3]), Piece::Cells(100), Piece::Frame(vec![2]), Piece::Cells(50)]
    }

    #[test]
    fn what_is_written_is_read_between_the_frame() {
        let folder = tempfile::tempdir().unwrap();
        for compress in [false, true] {
            let path = saved(folder.path(), compress);
            let opened = open(&path, None).unwrap();
            assert_eq!((opened.record.tokens.as_slice(), &opened.record.order.0), (&[1, 2][..], &vec![0, 1]));
            let state = opened.state(&pieces(), 150).unwrap();
            assert_eq!(state, [vec![1; 3], vec![7; 100], vec![2], vec![8; 50]].concat());
            // More or fewer than there are.
            for n in [40, 60] {
                let mut other = pieces();
                other[3] = Piece::Cells(n);
                let e = open(&path, None).unwrap().state(&other, 100 + n).unwrap_err();
                assert_eq!(e.code(), Code::StateInvalid, "{e}");
            }
        }
    }

    #[test]
    fn every_kind_of_damage_has_its_code() {
        let folder = tempfile::tempdir().unwrap();
        let path = saved(folder.path(), false);
        let good = std::fs::read(&path).unwrap();
        let code = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            open(&path, None).err().map(|e| e.code())
        };
        let bent = |i: usize| [&good[..i], &[good[i] ^ 1], &good[i + 1..]].concat();
        assert_eq!(code(&good), None);
        assert_eq!(code(&bent(0)), Some(Code::StateInvalid));
        assert_eq!(code(&bent(8)), Some(Code::StateMismatch));
        assert_eq!(code(&bent(12)), Some(Code::Checksum));
        assert_eq!(code(&bent(17)), Some(Code::StateInvalid));
        assert_eq!(code(&bent(40)), Some(Code::Checksum));
        assert_eq!(code(&bent(good.len() - 1)), Some(Code::Checksum));
        assert!((0..good.len()).all(|n| code(&good[..n]) == Some(Code::StateInvalid)));
        assert_eq!(open(folder.path(), None).err().map(|e| e.code()), Some(Code::StateInvalid));
        assert_eq!(open(&folder.path().join("none"), None).err().map(|e| e.code()), Some(Code::NotFound));
    }

    #[test]
    fn a_cancel_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = saved(folder.path(), false);
        let before = std::fs::read(&path).unwrap();
        let cancel = Cancel::new();
        cancel.cancel();
        let cells = [&[1u8; 10][..]].into_iter();
        let e = write(&path, &Record::default(), cells, false, Some(&cancel)).unwrap_err();
        assert_eq!((e.code(), std::fs::read(&path).unwrap() == before), (Code::Cancelled, true));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(open(&path, Some(&cancel)).err().map(|e| e.code()), Some(Code::Cancelled));
    }
}
