//! A file that is checked and then loaded: by the same descriptor, so that nobody can put another file in between, and
//! with a second look whether somebody wrote to it meanwhile.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::source;
use crate::error::{Code, Error, Result};

/// A regular file, and how it was when it was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    path: PathBuf,
    file: File,
    seen: Seen,
}

/// What of a file changes with its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    length: u64,
    modified: Option<SystemTime>,
}

impl Seen {
    pub(crate) fn of(file: &File) -> Result<Seen> {
        file.metadata().map(|facts| Seen::from(&facts)).map_err(|e| source::io_error("looking at it", &e))
    }

    /// An error when the file is not as it was.
    pub(crate) fn check(self, file: &File) -> Result<()> {
        let now = Seen::of(file)?;
        if now == self {
            return Ok(());
        }
        Err(Error::new(
            Code::Io,
            format!(
                "the file was written to while it was loaded ({} bytes before, {} now): load it when it is complete",
                self.length, now.length
            ),
        ))
    }
}

impl From<&Metadata> for Seen {
    fn from(facts: &Metadata) -> Seen {
        Seen { length: facts.len(), modified: facts.modified().ok() }
    }
}

impl Opened {
    /// Opens a regular file.
    pub(crate) fn new(path: &Path) -> Result<Opened> {
        let failed = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => Error::new(Code::NotFound, "there is no such file: check the path"),
            _ => source::io_error("opening it", &e),
        };
        // Looked at first, since opening some things does something; and again, since it may be another by then.
        check_kind(&std::fs::metadata(path).map_err(failed)?)?;
        let file = open(path).map_err(failed)?;
        let facts = file.metadata().map_err(failed)?;
        check_kind(&facts)?;
        Ok(Opened { path: path.to_owned(), file, seen: Seen::from(&facts) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// What llama.cpp is to open: a name of this very file, whatever has its path by now. Where the system has none it is
    /// the path.
    pub(crate) fn name(&self) -> PathBuf {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use std::os::fd::AsRawFd;
            let name = PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
            // Not where /proc is missing, nor where the process lost the right to open the file again.
            if File::open(&name).is_ok() {
                return name;
            }
        }
        self.path.clone()
    }

    /// Where the file is now, with every link resolved; `None` where that cannot be told.
    pub(crate) fn place(&self) -> Option<PathBuf> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use std::os::fd::AsRawFd;
            std::fs::read_link(format!("/proc/self/fd/{}", self.file.as_raw_fd())).ok()
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        self.path.canonicalize().ok()
    }

    /// An error when somebody wrote to it since it was opened.
    pub(crate) fn check_unchanged(&self) -> Result<()> {
        self.seen.check(&self.file).map_err(|e| e.at(self.path.display()))
    }
}

fn check_kind(facts: &Metadata) -> Result<()> {
    if facts.is_dir() {
        return Err(Error::new(Code::Invalid, "this is a directory: give the .gguf file inside it"));
    }
    if !facts.is_file() {
        return Err(Error::new(Code::Invalid, "this is not a regular file"));
    }
    Ok(())
}

#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Opening a pipe would wait for whoever writes to it.
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_was_replaced_is_still_the_one_that_was_opened() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["a", "b"].map(|n| folder.path().join(n));
        std::fs::write(&path, "first").unwrap();
        std::fs::write(&other, "second").unwrap();
        let opened = Opened::new(&path).unwrap();
        std::fs::rename(&other, &path).unwrap();
        let mut text = String::new();
        File::open(opened.name()).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "first");
        opened.check_unchanged().unwrap();
    }

    #[test]
    fn a_file_that_was_written_to_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "first").unwrap();
        let opened = Opened::new(&path).unwrap();
        File::options().append(true).open(&path).unwrap().write_all(b"!").unwrap();
        let e = opened.check_unchanged().unwrap_err();
        assert_eq!(e.code(), Code::Io);
        assert!(e.message().contains("5 bytes before, 6 now"), "{e}");
    }
}
