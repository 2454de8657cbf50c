//! Cells of the context on their way to a file and back.

use std::ops::Range;
use std::sync::Arc;

use super::{Running, Worker};
use crate::engine::layout::Layout;
use crate::engine::native::{Batch, DecodeError};
use crate::engine::slots::Match;
use crate::error::{Code, Error, Result};
use crate::model::Token;

/// A prefix that was copied out of the context.
pub(crate) struct Held {
    pub tokens: Vec<Token>,
    /// See [`Layout`].
    pub order: Vec<Vec<u32>>,
    state: Vec<u8>,
    contents: Vec<Range<usize>>,
}

impl Held {
    /// One that was copied out in another process.
    pub(in crate::engine) fn received(tokens: Vec<Token>, order: Vec<Vec<u32>>, state: Vec<u8>) -> Held {
        let all = 0..state.len();
        Held { tokens, order, state, contents: vec![all] }
    }

    /// What its cells hold.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.contents.iter().map(|r| &self.state[r.clone()])
    }
}

fn busy() -> Error {
    Error::new(Code::Busy, "every sequence of the engine is running: try again when one has ended")
}

impl Worker {
    /// The frame of a sequence's state, learned from a sequence of one token.
    pub(in crate::engine) fn layout(&mut self) -> Running<Result<Arc<Layout>>> {
        if self.layout.is_none() {
            let Some(slot) = self.empty_slot(None)? else { return Ok(Err(busy())) };
            while self.slots.free_cells() == 0 {
                if !self.evict(None)? {
                    return Ok(Err(busy()));
                }
            }
            let mut one = Batch::default();
            one.push(0, 0, slot as i32, true);
            self.writers += 1;
            self.crew.begin(&mut self.context, 1, self.shared.threads())?;
            let evaluated = match self.context.decode(&one) {
                Ok(()) => true,
                Err(DecodeError::Fault(fault)) => return Err(fault.into()),
                Err(_) => false,
            };
            let state = if evaluated { self.context.state(slot as i32)? } else { None };
            self.context.remove(slot as i32, 0)?;
            if !evaluated {
                return Ok(Err(busy()));
            }
            self.layout = Some(state.and_then(|s| Layout::learn(&s, slot as i32)).map(Arc::new));
        }
        let known = self.layout.iter().flatten().next().cloned();
        Ok(known.ok_or_else(|| {
            let text = format!("the cells of architecture \"{}\" cannot be saved", self.model.info().architecture);
            Error::new(Code::Unsupported, text)
        }))
    }

    /// How much of a text from its beginning on is there under a key.
    pub(in crate::engine) fn held(&self, text: &[Token], key: &str) -> usize {
        self.slots.best_holder(text, key, self.can_save_parts()).map_or(0, |m| m.tokens)
    }

    /// A part of a sequence is only saved where its cells are all there: a window may have let go of those that the end
    /// of the part looks back to.
    fn can_save_parts(&self) -> bool {
        let whole = self.model.0.native.facts.n_swa == 0 && self.options.can_cut;
        whole && self.options.options.unified_kv
    }

    /// Copies as much of a text out as there is; `None` when there is nothing.
    pub(in crate::engine) fn take_out(&mut self, text: &[Token], key: &str) -> Running<Result<Option<Held>>> {
        let layout = match self.layout()? {
            Ok(layout) => layout,
            Err(error) => return Ok(Err(error)),
        };
        let Some(Match { slot, tokens }) = self.slots.best_holder(text, key, self.can_save_parts()) else {
            return Ok(Ok(None));
        };
        let text = &text[..tokens];
        if tokens == self.slots.len(slot) {
            return self.copy(slot, text, &layout);
        }
        let Some(part) = self.empty_slot(Some(slot))? else { return Ok(Err(busy())) };
        self.context.share(slot as i32, part as i32, Some(tokens as u32))?;
        let copy = self.copy(part, text, &layout);
        self.context.remove(part as i32, 0)?;
        copy
    }

    fn copy(&mut self, slot: usize, text: &[Token], layout: &Layout) -> Running<Result<Option<Held>>> {
        let Some(state) = self.context.state(slot as i32)? else {
            return Ok(Err(Error::new(Code::OutOfMemory, "there is no memory for a copy of the cells")));
        };
        let Some(split) = layout.split(&state, slot as i32, text.len() as u32) else {
            return Ok(Err(Error::new(Code::Unsupported, "the engine's cells are in no order that can be saved")));
        };
        let (order, contents) = (split.order, split.contents);
        Ok(Ok(Some(Held { tokens: text.to_vec(), order, state, contents })))
    }

    /// Makes a cached prefix of a state whose frame is this context's. False when there is no room.
    pub(in crate::engine) fn put_back(
        &mut self,
        text: &[Token],
        key: &Arc<str>,
        floor: usize,
        state: &[u8],
    ) -> Running<bool> {
        if self.held(text, key) == text.len() {
            return Ok(true);
        }
        while self.slots.free_cells() < self.promised() + text.len() {
            if !self.evict(None)? {
                return Ok(false);
            }
        }
        let Some(slot) = self.empty_slot(None)? else { return Ok(false) };
        self.writers += 1;
        if !self.context.set_state(slot as i32, state)? {
            self.context.remove(slot as i32, 0)?;
            return Ok(false);
        }
        self.slots.put(slot, text, key, floor);
        Ok(true)
    }

    /// Hands prefixes to the directory that have been computed as far as it wants them.
    pub(super) fn keep_prefixes(&mut self) -> Running<()> {
        for i in 0..self.active.len() {
            let sequence = &mut self.active[i];
            let (Some(slot), Some(keep)) = (sequence.slot, &sequence.keep) else { continue };
            let tokens = keep.tokens;
            if self.slots.len(slot) < tokens {
                continue;
            }
            let (key, text) = (Arc::clone(&sequence.key), sequence.tokens[..tokens].to_vec());
            let Some(keep) = sequence.keep.take() else { continue };
            // What cannot be kept now is kept another time.
            if let Ok(Some(held)) = self.take_out(&text, &key)? {
                keep.write(held);
            }
        }
        Ok(())
    }
}
