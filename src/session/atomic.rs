//! Files that are there whole or not at all: written beside their place, forced to the disk, and put there by a rename.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{Code, Error, Result};

/// How a file is called while it is written.
const ENDING: &str = ".qask-tmp";

/// A file of ours that nobody has written to for so long was left by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(600);

pub(super) fn io_error(what: &str, e: &io::Error) -> Error {
    let code = if e.kind() == io::ErrorKind::NotFound { Code::NotFound } else { Code::Io };
    Error::new(code, format!("{what} failed: {e}"))
}

/// Makes the file at `path`, or replaces it, with what `write` writes. When anything fails it is as it was before.
pub(super) fn replace<T>(path: &Path, write: impl FnOnce(&mut File) -> Result<T>) -> Result<T> {
    let name = path.file_name().ok_or_else(|| Error::new(Code::Range, "the path names no file"))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let beginning = format!(".{}.", name.to_string_lossy());
    sweep(folder, &beginning);
    let (temporary, mut file) = create(folder, &beginning)?;
    let written = write(&mut file).and_then(|done| {
        file.sync_all().map_err(|e| io_error("writing to the disk", &e))?;
        // Closed before the rename, which some systems want.
        drop(file);
        fs::rename(&temporary, path).map_err(|e| io_error("putting the file into its place", &e))?;
        Ok(done)
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_folder(folder)?;
    written
}

fn create(folder: &Path, beginning: &str) -> Result<(PathBuf, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // What is in it is nobody else's business.
        options.mode(0o600);
    }
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{beginning}{}-{count}{ENDING}", std::process::id()));
        match options.open(&path) {
            Ok(file) => return Ok((path, file)),
            // Left by a process with our number.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(io_error("making a file beside it", &e)),
        }
    }
}

/// A rename lasts when its folder has been written.
fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        let folder = File::open(folder).map_err(|e| io_error("opening the folder", &e))?;
        folder.sync_all().map_err(|e| io_error("writing the folder to the disk", &e))?;
    }
    Ok(())
}

/// Removes what killed processes left of files whose names begin like this.
pub(super) fn sweep(folder: &Path, beginning: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let modified = || entry.metadata().and_then(|m| m.modified()).ok();
        if name.starts_with(beginning)
            && name.ends_with(ENDING)
            && modified().and_then(|t| t.elapsed().ok()).is_some_and(|age| age > ABANDONED)
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::time::SystemTime;

    fn names(folder: &Path) -> Vec<String> {
        let name = |e: io::Result<fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace(&path, |f| f.write_all(b"old").map_err(|e| io_error("writing", &e))).unwrap();
        let e = replace(&path, |f| {
            f.write_all(b"new").unwrap();
            Err::<(), _>(Error::new(Code::Io, "full"))
        });
        assert_eq!(e.unwrap_err().code(), Code::Io);
        assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"old".to_vec(), vec!["a".into()]));
        let nowhere = folder.path().join("no/such/b");
        assert_eq!(replace(&nowhere, |_| Ok(())).unwrap_err().code(), Code::NotFound);
        assert_eq!(replace(Path::new("/"), |_| Ok(())).unwrap_err().code(), Code::Range);
    }

    #[test]
    fn what_killed_saves_left_goes_when_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let left = [".a.1-0.qask-tmp", ".a.2-0.qask-tmp", ".b.1-0.qask-tmp"].map(|n| folder.path().join(n));
        left.iter().for_each(|p| fs::write(p, "half").unwrap());
        for old in [&left[0], &left[2]] {
            let file = File::options().write(true).open(old).unwrap();
            file.set_modified(SystemTime::now() - ABANDONED * 2).unwrap();
        }
        replace(&folder.path().join("a"), |_| Ok(())).unwrap();
        assert_eq!(names(folder.path()), [".a.2-0.qask-tmp", ".b.1-0.qask-tmp", "a"]);
    }
}
