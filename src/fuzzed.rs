//! The root of the crate that `fuzz/` builds: modules that need no engine, and what the targets call of what is private.
#![allow(dead_code, unexpected_cfgs, unused_imports, private_interfaces)]

pub mod cancel;
pub mod constraint;
mod context_policy;
pub mod error;
pub mod event;
pub mod gguf;
pub mod message;
pub mod openai;
pub mod output;
pub mod request;
mod room;
pub mod sampling;
mod sync;
pub mod template;
pub mod text;
mod transcript;

/// What the modules above take from the engine's, without llama.cpp.
mod engine {
    pub(crate) mod bigstack;
    pub(crate) mod layout;
    pub(crate) use layout::Piece;

    use crate::event::Event;
    use crate::model::Token;
    use crate::template::Rendered;

    /// As in `engine/stream.rs`, which needs the engine.
    pub(crate) trait Recorder: Send + Sync {
        fn prompt(&self, rendered: &Rendered, tokens: &[Token]);
        fn event(&self, event: &Event);
        fn tokens(&self, tokens: &[Token]);
        fn closed(&self);
    }
}

/// Tokens are numbers here too; models need the engine.
mod model {
    pub(crate) type Token = i32;
}

/// Requests hold adapters, which need the engine; none is ever made here.
mod adapter {
    #[derive(Clone, Debug, PartialEq)]
    pub struct Adapter;
}

mod chat {
    mod envelope;
    mod history;

    /// A history that is read, written and read again must be the same; gives the number of its messages.
    pub(crate) fn read_twice(json: &str) -> crate::error::Result<usize> {
        let (messages, dropped) = envelope::read(json)?;
        let mut state = history::State::default();
        (state.messages, state.dropped) = (messages.clone(), dropped);
        let again = envelope::read(&envelope::write(&state));
        assert!(again.is_ok_and(|(m, d)| m == messages && d == dropped));
        Ok(messages.len())
    }
}

mod session {
    mod atomic;
    pub(crate) mod envelope;
}

/// Runs what needs a stack of some MiB.
pub fn on_a_big_stack<T: Send>(work: impl FnOnce() -> error::Result<T> + Send) -> error::Result<T> {
    engine::bigstack::run(work)
}

/// What the targets call of what is private.
pub mod probe {
    use std::path::Path;

    use crate::engine::layout::Layout;
    use crate::engine::Piece;
    use crate::error::Result;
    use crate::gguf::adapter::{self, Base};
    use crate::session::envelope as session;
    use crate::template::{Rendered, Segment};
    use crate::transcript::Transcript;

    /// Reads, writes and reads a chat's history; gives the number of its messages.
    pub fn history(json: &str) -> Result<usize> {
        crate::chat::read_twice(json)
    }

    /// Checks an adapter file for a model of the tests' size.
    pub fn adapter(bytes: &[u8]) -> Result<()> {
        let stacks = Default::default();
        let base = Base { architecture: "llama", vocabulary: 259, width: 32, layers: 4, stacks: &stacks };
        adapter::read_source(bytes, &base).map(drop)
    }

    /// Opens a session file and takes its cells as so many bytes between two frames.
    pub fn session(path: &Path, cells: u64) -> Result<usize> {
        let opened = session::open(path, None)?;
        let pieces = [Piece::Frame(vec![1; 3]), Piece::Cells(cells), Piece::Frame(vec![2])];
        opened.state(&pieces, cells).map(|state| state.len())
    }

    /// Learns the layout of a state from any bytes. What it makes for one token must be understood again.
    pub fn layout(state: &[u8], order: &[u32]) -> bool {
        let Some(layout) = Layout::learn(state, 0) else { return false };
        let one = layout.split(state, 0, 1).expect("what was learned is understood");
        let mut made = Vec::new();
        for piece in layout.pieces(&one.order, 1, 0) {
            match piece {
                Piece::Frame(frame) => made.extend(frame),
                Piece::Cells(n) => made.resize(made.len() + n as usize, 0),
            }
        }
        assert!(layout.split(&made, 0, 1).is_some());
        let orders = vec![order.to_vec(); one.order.len()];
        let tokens = order.len() as u32;
        if layout.check(&orders, tokens) && layout.contents(&orders).is_some() {
            layout.pieces(&orders, tokens, 0);
        }
        true
    }

    /// Where a new prompt goes on behind an old one and its answer; each token is a byte. Gives the bytes it stands for.
    pub fn transcript(old: Rendered, answer: &[u8], new: &Rendered, segments: &[Segment<'_>]) -> Option<usize> {
        let tokens = old.text.bytes().map(i32::from).collect();
        let generated = answer.iter().map(|b| i32::from(*b)).collect();
        let old = Transcript { rendered: old, tokens, generated };
        let piece = |token: i32, out: &mut Vec<u8>| {
            out.push(token as u8);
            Ok(())
        };
        let (tokens, bytes) = old.begin(new, segments, piece).expect("no piece fails")?;
        // The tokens say what the text says, as far as the answer was whole characters.
        let said: Vec<u8> = tokens.iter().map(|t| *t as u8).collect();
        assert_eq!(String::from_utf8_lossy(&said), new.text[..bytes]);
        Some(bytes)
    }
}
