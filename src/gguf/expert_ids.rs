//! Tables that name the experts of each token (DeepSeek-V4's hash layers). llama.cpp counts by these numbers in arrays as
//! long as there are experts, and does not look at them first: a wrong one would write outside.

use super::source::{ReadAt, Reader};
use super::tensors::Tensor;
use super::{invalid, types};
use crate::error::{Code, Error, Result};

/// Bytes of such tables in one file. DeepSeek-V4 has ten million.
const MOST_BYTES: u64 = 64 << 20;

/// The least and the greatest id in the tables of a file.
pub(super) fn range<S: ReadAt + ?Sized>(
    source: &S,
    tensors: &[Tensor],
    data_offset: u64,
) -> Result<Option<(i32, i32)>> {
    let tables = || tensors.iter().filter(|t| t.name.contains("tid2eid"));
    if tables().map(|t| t.bytes).fold(0, u64::saturating_add) > MOST_BYTES {
        return Err(Error::new(
            Code::TooLarge,
            format!("tables of expert ids take more than {} MiB", MOST_BYTES >> 20),
        ));
    }
    let mut found: Option<(i32, i32)> = None;
    let mut buffer = Vec::new();
    for table in tables() {
        if table.kind.number != types::I32 {
            return Err(invalid(format!("tensor {} has type {}, it must be I32", table.name, table.kind.name)));
        }
        let mut reader = Reader::new(source);
        reader.seek(data_offset + table.offset);
        let mut left = table.bytes;
        while left > 0 {
            let bytes = left.min(1 << 16);
            reader.bytes_into(bytes, &mut buffer, &table.name)?;
            for id in buffer.chunks_exact(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]])) {
                let (least, most) = found.unwrap_or((id, id));
                found = Some((least.min(id), most.max(id)));
            }
            left -= bytes;
        }
    }
    Ok(found)
}

/// Every id must be that of an expert.
pub(super) fn check(range: Option<(i32, i32)>, experts: u32) -> Result<()> {
    match range {
        Some((least, most)) if least < 0 || most as u32 >= experts => Err(invalid(format!(
            "a table of expert ids holds {least} to {most}, the model has {experts} experts: the file is damaged"
        ))),
        _ => Ok(()),
    }
}
