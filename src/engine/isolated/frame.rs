//! Frames on the socket between a host and its worker: four bytes of length, little-endian, and so many bytes. The top
//! bit of the length marks bytes of cells; all others are JSON.

use std::io::{self, Read};

use serde::{de::DeserializeOwned, Serialize};

/// Bytes of the longest frame. More is cut into several (cells), or refused (a request).
pub(super) const LONGEST: usize = 64 << 20;

/// Bytes of cells in one frame.
pub(super) const CELLS: usize = 1 << 20;

const IS_CELLS: u32 = 1 << 31;

/// What a frame holds.
pub(super) enum Frame<T> {
    Said(T),
    Cells(Vec<u8>),
}

/// Why no frame came.
#[derive(Debug)]
pub(super) enum Broken {
    /// The other end is gone.
    End,
    /// It does not keep to the rules.
    Malformed(String),
}

/// A frame of something; `None` when it is too long.
pub(super) fn encode<T: Serialize>(said: &T) -> Option<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, said).ok()?;
    let length = frame.len() - 4;
    if length > LONGEST {
        return None;
    }
    frame[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Some(frame)
}

/// A frame of at most [`CELLS`] bytes of cells.
pub(super) fn encode_cells(cells: &[u8]) -> Vec<u8> {
    let head = (cells.len() as u32 | IS_CELLS).to_le_bytes();
    [&head[..], cells].concat()
}

/// Reads a frame. Memory is taken as bytes come, not as a length promises.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl Read) -> Result<Frame<T>, Broken> {
    let mut head = [0; 4];
    from.read_exact(&mut head).map_err(|_| Broken::End)?;
    let head = u32::from_le_bytes(head);
    let length = (head & !IS_CELLS) as usize;
    let most = if head & IS_CELLS != 0 { CELLS } else { LONGEST };
    if length > most {
        return Err(Broken::Malformed(format!("a frame of {length} bytes, and at most {most} are read")));
    }
    let mut bytes = Vec::with_capacity(length.min(1 << 16));
    match from.take(length as u64).read_to_end(&mut bytes) {
        Ok(n) if n == length => {}
        Ok(_) => return Err(Broken::End),
        Err(e) if e.kind() == io::ErrorKind::OutOfMemory => {
            return Err(Broken::Malformed("a frame that does not fit into memory".into()));
        }
        Err(_) => return Err(Broken::End),
    }
    if head & IS_CELLS != 0 {
        return Ok(Frame::Cells(bytes));
    }
    // Its errors can quote what they read.
    let said = serde_json::from_slice(&bytes)
        .map_err(|e| Broken::Malformed(format!("a frame that cannot be read, at byte {}", e.column())))?;
    Ok(Frame::Said(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<Frame<String>, Broken> {
        read(&mut &bytes[..])
    }

    #[test]
    fn frames_come_back() {
        let frame = encode(&"hé").unwrap();
        assert!(matches!(text(&frame), Ok(Frame::Said(s)) if s == "hé"));
        assert!(matches!(text(&encode_cells(&[1, 2])), Ok(Frame::Cells(c)) if c == [1, 2]));
        for cut in 0..frame.len() {
            assert!(matches!(text(&frame[..cut]), Err(Broken::End)), "{cut}");
        }
    }

    #[test]
    fn what_is_no_frame_is_told() {
        let long = |n: u32| [&n.to_le_bytes()[..], b"\"a\""].concat();
        assert!(matches!(text(&long(LONGEST as u32 + 1)), Err(Broken::Malformed(_))));
        assert!(matches!(text(&long(IS_CELLS | (CELLS as u32 + 1))), Err(Broken::Malformed(_))));
        assert!(matches!(text(&long(u32::MAX)), Err(Broken::Malformed(_))));
        // A length that is never kept costs no memory.
        assert!(matches!(text(&long(LONGEST as u32)), Err(Broken::End)));
        let Err(Broken::Malformed(why)) = text(&[&5u32.to_le_bytes()[..], b"[\"s\"]"].concat()) else { panic!() };
        assert!(!why.contains('s') || !why.contains("\"s\""), "{why}");
        assert!(encode(&"x".repeat(LONGEST)).is_none());
    }
}
