//! What a rendering may take: work and memory, counted where they arise.
//!
//! Values are reference counted and never leave the thread that renders, so the counts are the thread's. Everything
//! that grows holds a [`Held`] of its bytes; everything that takes time reports it by [`work`]. Both fail beyond the
//! limits, before the memory is asked for.

use std::cell::Cell;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
    static WORK: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// Why a rendering ends: words that hold nothing of the conversation.
#[derive(Debug)]
pub(super) struct Fail(pub(super) String);

/// What every step of a rendering gives.
pub(super) type Outcome<T> = Result<T, Box<Fail>>;

pub(super) fn fail<T>(words: impl Into<String>) -> Outcome<T> {
    Err(Box::new(Fail(words.into())))
}

/// Starts a rendering on this thread: this many bytes beside those that are live already, this many steps.
pub(super) fn limit(memory: usize, steps: u64) {
    MOST.set(LIVE.get().saturating_add(memory));
    WORK.set(steps);
}

/// Counts what looking at each character of this many bytes takes.
pub(super) fn scan(bytes: usize) -> Outcome<()> {
    work(1 + bytes / 16)
}

/// Counts some steps; one is about what evaluating a small expression takes, or copying 64 bytes.
pub(super) fn work(steps: usize) -> Outcome<()> {
    match WORK.get().checked_sub(steps as u64) {
        Some(left) => {
            WORK.set(left);
            Ok(())
        }
        None => {
            // What is evaluated behind this, such as a message, must not go on either.
            WORK.set(0);
            fail("it takes too many steps")
        }
    }
}

/// Bytes in use, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Held(usize);

impl Held {
    pub(super) fn new(bytes: usize) -> Outcome<Held> {
        let mut held = Held(0);
        held.grow(bytes)?;
        Ok(held)
    }

    pub(super) fn grow(&mut self, bytes: usize) -> Outcome<()> {
        let live = LIVE.get().saturating_add(bytes);
        if live > MOST.get() {
            return fail("it takes too much memory");
        }
        work(1 + bytes / 64)?;
        LIVE.set(live);
        self.0 += bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - self.0);
    }
}
