//! What a file is when it is not a GGUF model that can be read: people rename, truncate and mis-download.

use crate::error::{Code, Error};

/// The message for a file that begins with `head` (up to 512 bytes) and is no GGUF.
pub(super) fn not_gguf(head: &[u8], len: u64) -> Error {
    let text = String::from_utf8_lossy(head);
    let trimmed = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let lower = trimmed.get(..trimmed.len().min(64)).unwrap_or(trimmed).to_ascii_lowercase();
    let is = |magic: &[u8]| head.starts_with(magic);
    let what = if lower.starts_with("version https://git-lfs") {
        "a Git LFS pointer, not the model itself: fetch it with `git lfs pull`, or download it from the model page"
    } else if lower.starts_with("<!doctype") || lower.starts_with("<html") || lower.starts_with("<?xml") {
        "a web page saved as a model: the download link led to a page (a login or an error?); use the direct link"
    } else if is(b"ggml") || is(b"lmgg") || is(b"ggmf") || is(b"fmgg") || is(b"ggjt") || is(b"tjgg") || is(b"ggla")
    {
        "a model in the old GGML format from before GGUF (2023): get a GGUF version of the model"
    } else if is(b"FUGG") {
        "a GGUF file with its magic reversed: big-endian or damaged; get the little-endian version"
    } else if is(b"PK\x03\x04") || is(b"PK\x05\x06") {
        "a zip archive (PyTorch .bin/.pt files are zip archives too): unpack it, or get the GGUF version of the model"
    } else if is(b"\x1f\x8b") || is(b"7z\xbc\xaf") || is(b"\xfd7zXZ") || is(b"\x28\xb5\x2f\xfd") || is(b"BZh") {
        "a compressed archive: unpack it first"
    } else if safetensors(head, len) {
        "a safetensors file: get the GGUF version of the model, or convert it with convert_hf_to_gguf.py"
    } else if head.first() == Some(&0x80) && head.get(1).is_some_and(|v| (2..=5).contains(v)) {
        "a Python pickle (PyTorch weights): get the GGUF version of the model, or convert it"
    } else if is(b"\x89HDF") {
        "an HDF5 file (Keras weights): get the GGUF version of the model"
    } else if trimmed.starts_with('{') || trimmed.starts_with('[') {
        "a JSON file: it holds a configuration, an index or an error message, not the model"
    } else if head.iter().all(|b| *b == 0) {
        "filled with zeros: the download or the copy did not finish; download it again"
    } else if head.iter().all(|b| matches!(b, 9 | 10 | 13 | 32..=126) || *b >= 128)
        && std::str::from_utf8(head).is_ok()
    {
        "a text file, not a model: look inside, it may be an error message of the server"
    } else {
        "not a GGUF file: it does not begin with the bytes \"GGUF\"; get the GGUF version of the model"
    };
    let magic: String = head.iter().take(4).flat_map(|b| b.escape_ascii()).map(char::from).collect();
    Error::new(Code::Invalid, format!("this is {what} (it begins with \"{magic}\", {len} bytes)"))
}

/// Eight bytes of length, then JSON.
fn safetensors(head: &[u8], len: u64) -> bool {
    let Some((size, rest)) = head.split_first_chunk::<8>() else { return false };
    let size = u64::from_le_bytes(*size);
    rest.first() == Some(&b'{') && size > 1 && size < len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_it_is() {
        let cases: &[(&[u8], &str)] = &[
            (b"<!DOCTYPE html><html>", "web page"),
            (b"\n <html>", "web page"),
            (b"{\"error\":\"x\"}", "JSON"),
            (b"Repository not found", "text file"),
            (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
            (b"PK\x03\x04........", "zip archive"),
            (b"\x1f\x8b\x08", "compressed"),
            (b"\x40\0\0\0\0\0\0\0{\"__metadata__\"", "safetensors"),
            (b"\x80\x02}q\x00", "pickle"),
            (b"tjgg\x03\0\0\0", "old GGML"),
            (b"lmgg\x03\0\0\0", "old GGML"),
            (b"FUGG\0\0\0\x03", "reversed"),
            (b"\0\0\0\0\0\0\0\0", "zeros"),
            (b"\x01\x02\x03\x04\xff", "not a GGUF file"),
        ];
        for (head, word) in cases {
            let e = not_gguf(head, 1000);
            assert!(e.message().contains(word), "{word}: {e}");
            assert_eq!(e.code(), Code::Invalid);
        }
    }
}
