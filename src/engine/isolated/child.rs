//! The worker as a process: how it is found, started, told, ended and reaped. Nothing here touches the host's signal
//! handlers, nor waits for any process but this one.

use std::ffi::{c_void, CStr, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result};

/// What the first argument of a worker begins with; the number of its host follows.
pub(super) const ARGUMENT: &str = "--qask-worker=";

const NAME: &str = "qask-worker";

/// How long one send waits before it is looked whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// Where the worker is: named by the caller or the environment, or beside this library.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf> {
    let variable = std::env::var_os("QASK_WORKER").filter(|v| !v.is_empty() && !has_more_rights());
    let given = named.map(|p| (p.to_owned(), "worker")).or(variable.map(|v| (PathBuf::from(v), "QASK_WORKER")));
    if let Some((path, by)) = given {
        return match path.is_file() {
            true => Ok(std::path::absolute(&path).unwrap_or(path)),
            false => Err(Error::new(
                Code::NotFound,
                format!("{by} names {}, and there is no such file", path.display()),
            )),
        };
    }
    let mut places = Vec::new();
    if let Some(folder) = own_library().as_deref().and_then(Path::parent) {
        places.extend([folder.join(NAME), folder.join("../libexec").join(NAME), folder.join("../bin").join(NAME)]);
    }
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        places.push(folder.join(NAME));
    }
    places.dedup();
    if let Some(found) = places.iter().find(|p| p.is_file()) {
        return Ok(std::path::absolute(found).unwrap_or_else(|_| found.clone()));
    }
    let places: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
    Err(Error::new(
        Code::NotFound,
        format!(
            "an isolated engine needs the program {NAME}, which is none of {}: ship it beside the library, or name it \
             with the option `worker` or the variable QASK_WORKER",
            places.join(", ")
        ),
    ))
}

/// Whether the program runs with more rights than who started it has: then its environment is not to be believed.
fn has_more_rights() -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: reads a number that the kernel gave the process.
    return unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    #[cfg(not(target_os = "linux"))]
    // SAFETY: four calls that only read and cannot fail.
    unsafe {
        libc::getuid() != libc::geteuid() || libc::getgid() != libc::getegid()
    }
}

/// The file that this code was loaded from.
fn own_library() -> Option<PathBuf> {
    // SAFETY: all-zero is a `Dl_info` without names.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: the address of a function of this library, and a place for the answer.
    let found = unsafe { libc::dladdr(own_library as *const c_void, &mut info) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader's own text, which lives as long as the library.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    let path = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
    Some(path.canonicalize().unwrap_or(path))
}

/// A running worker, seen from its host.
pub(super) struct Process {
    child: Child,
    ended: Option<String>,
}

/// The host's end of the socket. Any number of threads may read, one writes.
pub(super) struct Socket(UnixStream);

impl Socket {
    /// Sends a whole frame, unless `given_up` says that nobody wants it any more. Never a SIGPIPE.
    pub(super) fn send(&self, frame: &[u8], given_up: &dyn Fn() -> bool) -> io::Result<()> {
        let mut rest = frame;
        while !rest.is_empty() {
            match send(&self.0, rest) {
                Ok(n) => rest = &rest[n..],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && !given_up() => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Nobody reads or writes any more.
    pub(super) fn shut(&self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }

    /// Another handle of the same socket, for its reader.
    pub(super) fn reader(&self) -> io::Result<impl Read + Send> {
        self.0.try_clone()
    }

    /// The worker's end: its standard input.
    pub(super) fn of_worker() -> io::Result<Socket> {
        use std::os::fd::{FromRawFd, OwnedFd};
        let mut kind: libc::c_int = 0;
        let mut size = std::mem::size_of_val(&kind) as libc::socklen_t;
        // SAFETY: asks about descriptor 0, whatever it is, and has room for the answer.
        let known = unsafe {
            libc::getsockopt(0, libc::SOL_SOCKET, libc::SO_TYPE, (&raw mut kind).cast::<c_void>(), &mut size)
        };
        if known != 0 || kind != libc::SOCK_STREAM {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "standard input is no socket"));
        }
        // SAFETY: a copy of a descriptor that is open, as was just seen; the copy belongs to nobody else.
        let own = unsafe {
            let copy = libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3);
            if copy < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(copy)
        };
        Ok(Socket(UnixStream::from(own)))
    }
}

fn send(socket: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(any(target_os = "macos", target_os = "ios"))]
    let flags = 0; // SO_NOSIGPIPE was set.
    #[cfg(not(any(target_os = "macos", target_os = "ios")))]
    let flags = libc::MSG_NOSIGNAL;
    // SAFETY: an open descriptor, and a slice that lives through the call.
    let n = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

#[cfg(any(target_os = "macos", target_os = "ios"))]
fn no_sigpipe(socket: &UnixStream) {
    let on: libc::c_int = 1;
    // SAFETY: an open descriptor and a number that lives through the call.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NOSIGPIPE,
            (&raw const on).cast(),
            std::mem::size_of_val(&on) as libc::socklen_t,
        );
    }
}

impl Process {
    /// Starts a worker. `model` becomes its standard output, where it finds a model that has no name.
    ///
    /// On Linux the worker is ended when the thread that calls this ends, as it also is with its host.
    pub(super) fn start(worker: &Path, model: Option<&File>) -> Result<(Process, Socket)> {
        let failed = |what: &str, e: &io::Error| {
            let code = if e.kind() == io::ErrorKind::NotFound { Code::NotFound } else { Code::Io };
            Error::new(code, format!("{}: {what}: {e}", worker.display()))
        };
        let (ours, theirs) = UnixStream::pair().map_err(|e| failed("its socket could not be made", &e))?;
        ours.set_write_timeout(Some(LOOK)).map_err(|e| failed("its socket could not be set up", &e))?;
        #[cfg(any(target_os = "macos", target_os = "ios"))]
        no_sigpipe(&ours);
        let out = match model {
            Some(file) => file.try_clone().map_err(|e| failed("the model's descriptor", &e))?.into(),
            None => Stdio::null(),
        };
        let child = Command::new(worker)
            .arg(format!("{ARGUMENT}{}", std::process::id()))
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(out)
            .current_dir("/")
            // A Ctrl-C in the host's terminal is for the host to make something of.
            .process_group(0)
            .spawn()
            .map_err(|e| failed("it could not be started", &e))?;
        Ok((Process { child, ended: None }, Socket(ours)))
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    fn look(&mut self) -> Option<&str> {
        if self.ended.is_none() {
            self.ended = match self.child.try_wait() {
                Ok(None) => None,
                Ok(Some(status)) => Some(match (status.signal(), status.code()) {
                    (Some(signal), _) => format!("was ended by {}", signal_name(signal)),
                    (None, Some(code)) => format!("ended with {code}"),
                    (None, None) => "ended".into(),
                }),
                // Somebody in the host waits for every process, and had it.
                Err(_) => Some("ended".into()),
            };
        }
        self.ended.as_deref()
    }

    /// Waits for its end, and ends it when that takes longer. Gives how it ended.
    pub(super) fn end(&mut self, patience: Duration) -> String {
        let until = Instant::now() + patience;
        let mut nap = Duration::from_micros(200);
        while self.look().is_none() {
            if Instant::now() >= until {
                // Only one that was just seen running: its number cannot be another's.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return self.ended.get_or_insert("did not end by itself".into()).clone();
            }
            std::thread::sleep(nap);
            nap = (nap * 2).min(Duration::from_millis(5));
        }
        self.ended.clone().unwrap_or_default()
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGILL => "SIGILL",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGTERM => "SIGTERM",
        libc::SIGSYS => "SIGSYS",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGXCPU => "SIGXCPU",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}

/// Makes a worker of this process: it ends with its host, and what is not its business is closed.
pub(super) fn settle(host: u32) -> Option<File> {
    use std::os::fd::FromRawFd;
    #[cfg(target_os = "linux")]
    // SAFETY: two numbers; the parent is asked behind the call, since it may have gone before.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() as u32 != host {
            libc::_exit(0);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = host;
    #[cfg(target_os = "linux")]
    // SAFETY: whatever the host left open is nothing that this process, which has just begun, knows of.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0);
    }
    for signal in [libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGTERM, libc::SIGPIPE] {
        // SAFETY: to ignore a signal runs no code. It ends when its host says so, or is gone.
        unsafe {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
    // A core would hold prompts. Linux gives it to a program that collects them whatever the limit is, but for a limit of
    // 1; a file of one byte it does not write either.
    let most = libc::rlim_t::from(cfg!(target_os = "linux"));
    // SAFETY: plain limits of this process.
    unsafe {
        let none = libc::rlimit { rlim_cur: most, rlim_max: most };
        libc::setrlimit(libc::RLIMIT_CORE, &none);
    }
    // SAFETY: `facts` has room for what is asked of descriptor 1, and is only read when the call succeeded; the copy
    // belongs to nobody else, and `null` is closed here.
    unsafe {
        let mut facts: libc::stat = std::mem::zeroed();
        if libc::fstat(1, &mut facts) != 0 || facts.st_mode & libc::S_IFMT != libc::S_IFREG {
            return None;
        }
        let model = libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 3);
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if null >= 0 {
            libc::dup2(null, 1);
            libc::close(null);
        }
        (model >= 0).then(|| File::from_raw_fd(model))
    }
}

/// Lets this process open so many descriptors at most.
pub(super) fn limit_files(most: u64) {
    // SAFETY: `limit` has room for what is asked, and is only lowered.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            let most = limit.rlim_max.min(most as libc::rlim_t);
            let lower = libc::rlimit { rlim_cur: most, rlim_max: most };
            libc::setrlimit(libc::RLIMIT_NOFILE, &lower);
        }
    }
}

/// Ends this process at once, without what is registered for its exit: the host is served, or gone.
pub(super) fn leave() -> ! {
    // SAFETY: never returns; nothing of this process is to be written any more.
    unsafe { libc::_exit(0) }
}

/// Does to this process what a fault would.
#[cfg(feature = "test-hooks")]
pub(super) fn raise(signal: i32) {
    // SAFETY: for tests, of which each means the end of this process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
