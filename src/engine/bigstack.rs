//! Work that needs a big stack, whatever thread the caller is on.
//!
//! llama.cpp's tokenizers recurse once a character on long runs of one character class (std::regex), so that a 512 KiB
//! stack ends at about 1,600 characters. Stacks here are address space: only touched pages cost memory.

use std::thread;

use crate::error::{Code, Error, Result};

/// Stack of ordinary work.
pub(crate) const STACK: usize = 64 << 20;

/// The most that one piece of work may ask for.
pub(crate) const MOST: usize = if cfg!(target_pointer_width = "64") { 2 << 30 } else { 128 << 20 };

/// Runs `work` on a thread with a stack of this many bytes and waits for it.
pub(crate) fn run_sized<T: Send>(stack: usize, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread =
            thread::Builder::new().name("qask-work".into()).stack_size(stack).spawn_scoped(scope, work).map_err(
                |e| Error::new(Code::OutOfMemory, format!("no thread with a stack of {stack} bytes: {e}")),
            )?;
        thread.join().unwrap_or_else(|panic| Err(panicked(&*panic)))
    })
}

/// Runs `work` on a thread with the ordinary big stack.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    run_sized(STACK, work)
}

/// A caught panic as an error.
pub(crate) fn panicked(payload: &(dyn std::any::Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::new(Code::Panic, format!("a bug in qask: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        // The hook would print the panic that this test wants.
        let e = run(|| -> Result<()> { std::panic::resume_unwind(Box::new("on purpose")) }).unwrap_err();
        assert_eq!(e.code(), Code::Panic);
        assert!(e.message().contains("on purpose"));
    }

    #[test]
    fn the_stack_is_big() {
        fn deep(n: usize) -> usize {
            let page = std::hint::black_box([0u8; 4096]);
            if n == 0 {
                page[0] as usize
            } else {
                1 + deep(n - 1)
            }
        }
        assert_eq!(run(|| Ok(deep(4_000))).unwrap(), 4_000);
    }
}
