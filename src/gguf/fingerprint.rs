//! What tells a model from others without reading all of it: its header, and a piece of every tensor.

use super::header::Container;
use super::source::{io_error, ReadAt};
use super::tensors::Tensor;
use crate::error::Result;

/// Bytes of a tensor's middle: models that differ at all differ in every matrix that was trained.
const PIECE: u64 = 1024;

impl Container {
    /// Reads what tells it from others; gives that too.
    pub(super) fn identify<S: ReadAt + ?Sized>(&mut self, source: &S) -> Result<[u8; 32]> {
        Ok(*self.fingerprint.insert(of(source, &self.tensors, self.data_offset)?))
    }
}

fn of<S: ReadAt + ?Sized>(source: &S, tensors: &[Tensor], data_offset: u64) -> Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let buffer = &mut vec![0; data_offset.clamp(PIECE, 1 << 18) as usize][..];
    add(&mut hasher, source, 0, data_offset, buffer)?;
    for tensor in tensors {
        let size = tensor.bytes.min(PIECE);
        add(&mut hasher, source, data_offset + tensor.offset + (tensor.bytes - size) / 2, size, buffer)?;
    }
    // Behind the header, which so begins where a block of the hash does: blocks are summed up side by side.
    hasher.update(&source.len().to_le_bytes());
    Ok(*hasher.finalize().as_bytes())
}

fn add<S: ReadAt + ?Sized>(
    hasher: &mut blake3::Hasher,
    source: &S,
    from: u64,
    bytes: u64,
    buffer: &mut [u8],
) -> Result<()> {
    let (mut at, end) = (from, from.saturating_add(bytes));
    while at < end {
        let want = (end - at).min(buffer.len() as u64) as usize;
        match source.read_at(&mut buffer[..want], at) {
            // The file was checked to be this long, so somebody is changing it.
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
                at += n as u64;
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(io_error(&format!("reading at offset {at}"), &e)),
        }
    }
    Ok(())
}
