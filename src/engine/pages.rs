//! Pages of mapped model files, which llama.cpp maps and does not show.

/// A file: its device and its number there, which an overlay may show otherwise than its mappings do, and its whole path,
/// where it was opened by one.
pub(crate) struct Identity {
    pub device: u64,
    pub number: u64,
    pub path: Option<std::path::PathBuf>,
}

/// Takes the pages of these files out of the process's memory. They stay in the system's cache as long as it likes, and
/// come back when somebody reads them.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn let_go(files: &[Identity]) {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
    for (start, end) in maps.lines().filter_map(|line| mapped(line, files)) {
        // SAFETY: a mapping of a file that is shared and read only, so that nothing is lost with its pages; whoever reads
        // them next gets the same from the file. Were it unmapped by now, the kernel would refuse; were something else
        // there, it would not be this file's: llama.cpp unmaps with the model, which the caller holds.
        unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
    }
}

/// Elsewhere clean pages of files do not count against an app, and the system takes them by itself.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn let_go(_: &[Identity]) {}

/// The range of a line `7f00-7f10 r--s 00000000 fd:01 1234 /a/file`, when it is a read-only mapping of one of the files.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn mapped(line: &str, files: &[Identity]) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (range, rights) = (fields.next()?, fields.next()?);
    let (device, number) = (fields.nth(1)?, fields.next()?.parse::<u64>().ok()?);
    let path = line.find('/').map(|at| std::path::Path::new(&line[at..]));
    let (major, minor) = device.split_once(':')?;
    let hex = |text| u32::from_str_radix(text, 16).ok();
    let device = libc::makedev(hex(major)?, hex(minor)?);
    let read_only = rights.starts_with("r-") && rights.ends_with('s');
    let (start, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let same =
        |f: &Identity| (f.device, f.number) == (device, number) || (path.is_some() && f.path.as_deref() == path);
    (read_only && files.iter().any(same)).then_some((address(start)?, address(end)?))
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn only_read_only_mappings_of_the_file_are_found() {
        let path = Some("/c/d".into());
        let files = [Identity { device: libc::makedev(0xfd, 1), number: 1234, path }];
        let line = |rights: &str, device: &str, number: u32| {
            format!("7f00-7f10 {rights} 00001000 {device} {number}  /a b")
        };
        assert_eq!(mapped(&line("r--s", "fd:01", 1234), &files), Some((0x7f00, 0x7f10)));
        for other in [line("rw-s", "fd:01", 1234), line("r--p", "fd:01", 1234), line("r--s", "fd:02", 1234)] {
            assert_eq!(mapped(&other, &files), None, "{other}");
        }
        assert_eq!(mapped(&line("r--s", "fd:01", 1235), &files), None);
        assert_eq!(mapped("7f00-7f10 r--s 00000000 00:1f 9   /c/d", &files), Some((0x7f00, 0x7f10)));
        assert_eq!(mapped("7f00-7f10 rw-p 00000000 00:00 0", &files), None);
    }
}
