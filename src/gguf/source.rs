//! Where the bytes come from: a file, a window of one, or memory; and a buffered reader over it.

use std::fs::File;
use std::io;

use crate::error::{Code, Error, Result};

/// Bytes that can be read at any place, without a cursor.
pub trait ReadAt {
    /// Reads into `buf` from `offset`; fewer bytes than asked for only at the end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|o| self.get(o..)).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }
}

/// A window of an open file. Reading does not move the file's own cursor.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    file: &'a File,
    offset: u64,
    length: u64,
}

impl<'a> Source<'a> {
    /// `length` bytes of `file` from `offset`. An error when the file does not hold them.
    pub fn new(file: &'a File, offset: u64, length: u64) -> Result<Self> {
        let size = file.metadata().map_err(|e| io_error("reading the size", &e))?.len();
        match offset.checked_add(length) {
            Some(end) if end <= size => Ok(Source { file, offset, length }),
            _ => Err(Error::new(
                Code::Range,
                format!("offset {offset} + length {length} is beyond the end of the file ({size} bytes)"),
            )),
        }
    }

    /// The whole file.
    pub fn whole(file: &'a File) -> Result<Self> {
        let length = file.metadata().map_err(|e| io_error("reading the size", &e))?.len();
        Ok(Source { file, offset: 0, length })
    }
}

impl ReadAt for Source<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.length.saturating_sub(offset);
        let n = usize::try_from(rest).unwrap_or(usize::MAX).min(buf.len());
        file_read_at(self.file, &mut buf[..n], self.offset.saturating_add(offset))
    }

    fn len(&self) -> u64 {
        self.length
    }
}

#[cfg(unix)]
fn file_read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

/// Elsewhere the cursor has to move: it is put back afterwards.
#[cfg(not(unix))]
fn file_read_at(mut file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read, Seek, SeekFrom};
    let before = file.stream_position()?;
    file.seek(SeekFrom::Start(offset))?;
    let result = file.read(buf);
    file.seek(SeekFrom::Start(before))?;
    result
}

pub(super) fn io_error(what: &str, e: &io::Error) -> Error {
    Error::new(Code::Io, format!("{what} failed: {e}"))
}

const BUFFER: usize = 64 * 1024;

/// What is being read: spelled out only when it is not there.
pub(super) type What<'a> = &'a dyn std::fmt::Display;

/// A little-endian reader with a position. What it is reading is named by the caller, for the message when the
/// file ends too early.
pub(super) struct Reader<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    buffer: Vec<u8>,
    filled: usize,
    next: usize,
    /// Where `buffer` begins.
    start: u64,
    len: u64,
}

impl<'a, S: ReadAt + ?Sized> Reader<'a, S> {
    pub(super) fn new(source: &'a S) -> Self {
        let len = source.len();
        // A small file needs no large buffer; of an empty one nothing is read.
        let buffer = vec![0; BUFFER.min(usize::try_from(len).unwrap_or(BUFFER))];
        Reader { source, buffer, filled: 0, next: 0, start: 0, len }
    }

    pub(super) fn position(&self) -> u64 {
        self.start + self.next as u64
    }

    pub(super) fn remaining(&self) -> u64 {
        self.len.saturating_sub(self.position())
    }

    /// Goes to a place, inside the file or at its end.
    pub(super) fn seek(&mut self, position: u64) {
        let position = position.min(self.len);
        match position.checked_sub(self.start) {
            Some(n) if n <= self.filled as u64 => self.next = n as usize,
            _ => (self.start, self.filled, self.next) = (position, 0, 0),
        }
    }

    /// An error unless `bytes` more are there.
    pub(super) fn need(&self, bytes: u64, what: What<'_>) -> Result<()> {
        let left = self.remaining();
        if bytes <= left {
            return Ok(());
        }
        Err(Error::new(
            Code::Invalid,
            format!(
                "the file ends inside {what}: {bytes} bytes needed at offset {}, {left} left of {}; \
                 it is damaged or not fully downloaded, download it again",
                self.position(),
                self.len
            ),
        ))
    }

    pub(super) fn skip(&mut self, bytes: u64, what: What<'_>) -> Result<()> {
        self.need(bytes, what)?;
        self.seek(self.position() + bytes);
        Ok(())
    }

    #[inline]
    pub(super) fn read(&mut self, out: &mut [u8], what: What<'_>) -> Result<()> {
        match self.buffered(out.len()) {
            Some(bytes) => out.copy_from_slice(bytes),
            None => return self.read_on(out, what),
        }
        self.next += out.len();
        Ok(())
    }

    /// So many bytes from here on, when all of them are in the buffer, and so in the file.
    #[inline]
    fn buffered(&self, bytes: usize) -> Option<&[u8]> {
        self.buffer[..self.filled].get(self.next..)?.get(..bytes)
    }

    fn read_on(&mut self, out: &mut [u8], what: What<'_>) -> Result<()> {
        self.need(out.len() as u64, what)?;
        let mut done = 0;
        while done < out.len() {
            if self.next == self.filled {
                self.fill(what)?;
            }
            let n = (self.filled - self.next).min(out.len() - done);
            out[done..done + n].copy_from_slice(&self.buffer[self.next..self.next + n]);
            self.next += n;
            done += n;
        }
        Ok(())
    }

    fn fill(&mut self, what: What<'_>) -> Result<()> {
        self.start += self.next as u64;
        (self.filled, self.next) = (0, 0);
        let n = loop {
            match self.source.read_at(&mut self.buffer, self.start) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(io_error(&format!("reading {what} at offset {}", self.start), &e)),
                Ok(n) => break n,
            }
        };
        if n == 0 {
            return Err(Error::new(
                Code::Io,
                format!("the file became shorter while it was read (nothing left at offset {})", self.start),
            ));
        }
        self.filled = n.min(self.buffer.len());
        Ok(())
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self, what: What<'_>) -> Result<[u8; N]> {
        let mut out = [0; N];
        self.read(&mut out, what)?;
        Ok(out)
    }

    pub(super) fn u32(&mut self, what: What<'_>) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn u64(&mut self, what: What<'_>) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// `bytes` bytes in a new vector. The caller has bounded the number; the file holds them all.
    pub(super) fn bytes(&mut self, bytes: u64, what: What<'_>) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.bytes_into(bytes, &mut out, what)?;
        Ok(out)
    }

    /// The same into a vector that is used again and again.
    pub(super) fn bytes_into(&mut self, bytes: u64, out: &mut Vec<u8>, what: What<'_>) -> Result<()> {
        self.need(bytes, what)?;
        let n = usize::try_from(bytes).unwrap_or(usize::MAX);
        out.clear();
        out.try_reserve(n).map_err(|_| out_of_memory(bytes, what))?;
        if let Some(there) = self.buffered(n) {
            out.extend_from_slice(there);
            self.next += n;
            return Ok(());
        }
        out.resize(n, 0);
        self.read_on(out, what)
    }
}

pub(super) fn out_of_memory(bytes: u64, what: What<'_>) -> Error {
    Error::new(Code::OutOfMemory, format!("no memory for {bytes} bytes of {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, SeekFrom, Write};

    #[test]
    fn the_cursor_of_the_file_stays() {
        let mut f = tempfile::tempfile().unwrap();
        f.write_all(b"0123456789").unwrap();
        f.seek(SeekFrom::Start(3)).unwrap();
        let source = Source::new(&f, 2, 4).unwrap();
        let mut buf = [0; 8];
        assert_eq!(source.read_at(&mut buf, 1).unwrap(), 3);
        assert_eq!(&buf[..3], b"345");
        assert_eq!(f.stream_position().unwrap(), 3);
        assert_eq!(Source::new(&f, 8, 3).unwrap_err().code(), Code::Range);
        assert_eq!(Source::new(&f, u64::MAX, 3).unwrap_err().code(), Code::Range);
    }

    #[test]
    fn reads_across_the_buffer_and_seeks_back() {
        let data: Vec<u8> = (0..200_000u32).map(|i| i as u8).collect();
        let mut r = Reader::new(&data[..]);
        r.skip(65_530, &"x").unwrap();
        assert_eq!(r.bytes(20, &"x").unwrap(), &data[65_530..65_550]);
        r.seek(0);
        assert_eq!(r.u32(&"x").unwrap(), 0x0302_0100);
        let e = r.skip(200_000, &"the end").unwrap_err();
        assert!(e.message().contains("ends inside the end"), "{e}");
    }
}
