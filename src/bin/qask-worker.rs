//! The process of an isolated engine; see `qask::isolation`. It is started by the library.

fn main() {
    qask::isolation::serve_if_worker();
    eprintln!("qask-worker: this program is started by qask, for engines with the option `isolated`");
    std::process::exit(2);
}
