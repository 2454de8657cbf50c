//! Models in several files.

use std::path::{Path, PathBuf};

use super::header::Container;
use super::{invalid, shown};
use crate::error::{Code, Error, Result};

/// The most parts that are read.
pub(super) const MOST_PARTS: usize = 1000;

/// How many parts the file says there are; 1 when it does not.
pub(super) fn count(c: &Container) -> Result<u64> {
    match c.entry("split.count") {
        None => Ok(1),
        Some(e) => match e.value.as_u64() {
            Some(n) if n <= MOST_PARTS as u64 => Ok(n.max(1)),
            _ => Err(invalid(format!(
                "split.count at offset {} is {}; it must be 0 to {MOST_PARTS}",
                e.offset,
                shown(&e.value)
            ))),
        },
    }
}

/// `name-00002-of-00003.gguf` as (`name`, 2, 3).
fn parse(path: &Path) -> Option<(&str, u64, u64)> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".gguf")?;
    let (rest, of) = stem.rsplit_once("-of-")?;
    let (name, no) = rest.rsplit_once('-')?;
    let number = |s: &str| (s.len() == 5).then(|| s.parse().ok()).flatten();
    Some((name, number(no)?, number(of)?))
}

/// All parts of the model that this file is one of, itself alone when it is whole.
pub(super) fn siblings(path: &Path, c: &Container) -> Result<Vec<PathBuf>> {
    let count = count(c)?;
    if count <= 1 {
        return Ok(vec![path.to_owned()]);
    }
    let Some((name, _, of)) = parse(path) else {
        return Err(invalid(format!(
            "this is one of {count} parts, and its name does not say which (…-00001-of-{count:05}.gguf): rename it, or \
             load the parts by their list"
        )));
    };
    if of != count {
        return Err(invalid(format!("its name says {of} parts and split.count says {count}: was it renamed?")));
    }
    let parts: Vec<PathBuf> =
        (1..=count).map(|i| path.with_file_name(format!("{name}-{i:05}-of-{count:05}.gguf"))).collect();
    match parts.iter().find(|p| !p.exists()) {
        None => Ok(parts),
        Some(missing) => Err(Error::new(
            Code::NotFound,
            format!("part {} is missing: put all {count} parts into one folder", missing.display()),
        )),
    }
}

/// The parts must be those of one model, complete and in order.
pub(super) fn check(paths: &[PathBuf], parts: &[Container]) -> Result<()> {
    let total = count(&parts[0]).map_err(|e| e.at(paths[0].display()))?;
    if total != parts.len() as u64 {
        return Err(
            invalid(format!("{} parts were given and the model has {total}", parts.len())).at(paths[0].display())
        );
    }
    if parts.len() == 1 {
        return Ok(());
    }
    let tensors = |c: &Container| c.entry("split.tensors.count").and_then(|e| e.value.as_u64());
    for (i, (path, part)) in paths.iter().zip(parts).enumerate() {
        let wrong = |why: String| Err(invalid(why).at(path.display()));
        match part.entry("split.no").and_then(|e| e.value.as_u64()) {
            Some(no) if no == i as u64 => {}
            Some(no) => {
                return wrong(format!("this is part {}, expected part {}: give the parts in order", no + 1, i + 1))
            }
            None => return wrong("key split.no is missing: this is not a part of a split model".into()),
        }
        if count(part)? != total || tensors(part) != tensors(&parts[0]) {
            return wrong("this is a part of another model".into());
        }
    }
    let have: u64 = parts.iter().map(|p| p.tensors.len() as u64).sum();
    match tensors(&parts[0]) {
        Some(want) if want != have => Err(invalid(format!(
            "the parts hold {have} tensors and the model has {want}: a part is of another model"
        ))
        .at(paths[0].display())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts() {
        assert_eq!(parse(Path::new("/x/a-b-00002-of-00003.gguf")), Some(("a-b", 2, 3)));
        for other in ["a.gguf", "a-2-of-3.gguf", "a-00002-of-00003.bin"] {
            assert_eq!(parse(Path::new(other)), None);
        }
    }
}
