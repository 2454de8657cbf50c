//! GGUF model files: read, checked and described without loading them.
//!
//! llama.cpp aborts the process on many a file that it does not like, so everything that it would stumble over is
//! checked here first, with no more than the file's directory read: bounded in time and memory, whatever the file
//! claims. The format is that of the GGUF specification (ggml, `docs/gguf.md`), versions 2 and 3.

pub(crate) mod adapter;
mod divisors;
mod expert_ids;
mod fingerprint;
mod header;
mod hparams;
mod info;
mod keys;
mod names;
mod needed;
mod opened;
mod repeated;
mod rope;
mod sniff;
mod source;
mod split;
mod tensors;
mod types;
mod value;
mod vocab;

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};
use header::Container;

pub use info::Info;
pub(crate) use opened::{Opened, Seen};
pub use source::{ReadAt, Source};
pub use value::{Value, ValueType};

/// Reads and checks a model file. Any part of a split model stands for all of them: its siblings are found by their
/// names (`…-00001-of-00003.gguf`) and checked too.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Io`], [`Code::Invalid`], [`Code::UnsupportedArch`], [`Code::TooLarge`].
pub fn inspect(path: impl AsRef<Path>) -> Result<Info> {
    read_path(path.as_ref(), Fingerprint::No).map(|(info, _)| info)
}

/// Reads and checks a split model, its parts given in order.
pub fn inspect_splits(paths: &[PathBuf]) -> Result<Info> {
    read_splits(paths, Fingerprint::No).map(|(info, _)| info)
}

/// Whether a model gets what tells it from others, for which a piece of every tensor is read.
#[derive(Clone, Copy, PartialEq)]
enum Fingerprint {
    Yes,
    No,
}

/// As [`inspect`], for a model that will be loaded; gives the files that were checked.
pub(crate) fn check_path(path: &Path) -> Result<(Info, Vec<Opened>)> {
    read_path(path, Fingerprint::Yes)
}

/// As [`inspect_splits`], for a model that will be loaded; gives the files that were checked.
pub(crate) fn check_splits(paths: &[PathBuf]) -> Result<(Info, Vec<Opened>)> {
    read_splits(paths, Fingerprint::Yes)
}

/// As [`inspect_file`], for a model that will be loaded.
pub(crate) fn check_file(file: &File, offset: u64, length: u64) -> Result<Info> {
    read_source(&Source::new(file, offset, length)?, Fingerprint::Yes)
}

fn read_path(path: &Path, fingerprint: Fingerprint) -> Result<(Info, Vec<Opened>)> {
    let (container, opened) = read_part(path, fingerprint)?;
    let parts = split::siblings(path, &container).map_err(|e| e.at(path.display()))?;
    if parts.len() > 1 {
        return read_splits(&parts, fingerprint);
    }
    let info = model(vec![container], vec![path.to_owned()]).map_err(|e| e.at(path.display()))?;
    Ok((info, vec![opened]))
}

fn read_splits(paths: &[PathBuf], fingerprint: Fingerprint) -> Result<(Info, Vec<Opened>)> {
    let Some(first) = paths.first() else {
        return Err(Error::new(Code::Range, "a model needs at least one part"));
    };
    if paths.len() > split::MOST_PARTS {
        return Err(Error::new(
            Code::Range,
            format!("{} parts; at most {} are read", paths.len(), split::MOST_PARTS),
        ));
    }
    let read: Vec<(Container, Opened)> = paths.iter().map(|p| read_part(p, fingerprint)).collect::<Result<_>>()?;
    let (parts, files): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    split::check(paths, &parts)?;
    Ok((model(parts, paths.to_vec()).map_err(|e| e.at(first.display()))?, files))
}

/// Reads and checks a GGUF that lies inside an open file: `length` bytes from `offset` on. The file's own position
/// stays where it is.
pub fn inspect_file(file: &File, offset: u64, length: u64) -> Result<Info> {
    inspect_source(&Source::new(file, offset, length)?)
}

/// Reads and checks a GGUF from memory, or from anything that can be read at a place.
pub fn inspect_source<S: ReadAt + ?Sized>(source: &S) -> Result<Info> {
    read_source(source, Fingerprint::No)
}

fn read_source<S: ReadAt + ?Sized>(source: &S, fingerprint: Fingerprint) -> Result<Info> {
    let container = read_container(source, fingerprint)?;
    if split::count(&container)? > 1 {
        return Err(Error::new(Code::Invalid, "this is one part of a split model: load it by its files"));
    }
    model(vec![container], Vec::new())
}

fn read_container<S: ReadAt + ?Sized>(source: &S, fingerprint: Fingerprint) -> Result<Container> {
    let mut container = header::read(source)?;
    if fingerprint == Fingerprint::Yes {
        container.identify(source)?;
    }
    Ok(container)
}

fn read_part(path: &Path, fingerprint: Fingerprint) -> Result<(Container, Opened)> {
    let read = |opened: Opened| Ok((read_container(&Source::whole(opened.file())?, fingerprint)?, opened));
    Opened::new(path).and_then(read).map_err(|e| e.at(path.display()))
}

/// A value of a file, fit for a message.
fn shown(value: &Value) -> String {
    escape(value.to_string().as_bytes())
}

/// Checks what the parts hold together, and describes it.
fn model(parts: Vec<Container>, paths: Vec<PathBuf>) -> Result<Info> {
    let first = &parts[0];
    let architecture = hparams::architecture(first)?;
    let tensors = || parts.iter().flat_map(|p| &p.tensors);
    let vocab_only = tensors().next().is_none();
    let hparams = hparams::check(first, &architecture, !vocab_only)?;
    let vocabulary = vocab::check(first, &architecture)?;
    let templates = vocab::chat_templates(first)?;
    for part in &parts {
        tensors::check_types(&part.tensors)?;
        expert_ids::check(part.expert_ids, hparams.experts)?;
    }
    if !vocab_only {
        needed::check(first, &architecture, &hparams, tensors().map(|t| t.name.as_str()))?;
        let table = tensors().find(|t| t.name == "token_embd.weight");
        match table {
            Some(t) if names::is_plain_transformer(&architecture) && t.dims[1] != u64::from(vocabulary.size) => {
                return Err(invalid(format!(
                    "token_embd.weight has {} rows and the vocabulary {} tokens: convert the model again",
                    t.dims[1], vocabulary.size
                )));
            }
            Some(t)
                if names::is_plain_transformer(&architecture)
                    && t.dims[0] != u64::from(hparams.embedding_length) =>
            {
                return Err(invalid(format!(
                    "token_embd.weight has rows of {} elements and {architecture}.embedding_length is {}",
                    t.dims[0], hparams.embedding_length
                )));
            }
            _ => {}
        }
    }
    Ok(Info::new(info::Found { parts, paths, architecture, hparams, vocabulary, templates, vocab_only }))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::Invalid, message)
}

/// A name from a file, fit for a message: at most 80 bytes, nothing but printable characters.
fn escape(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
    let mut out: String = text.chars().flat_map(|c| c.escape_debug()).collect();
    if bytes.len() > 80 {
        out.push('…');
    }
    out
}
