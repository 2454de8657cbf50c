//! Prefixes that leave the engine's context for a file, and come back from one.

use std::sync::mpsc::{sync_channel, RecvTimeoutError};
use std::sync::Arc;
use std::time::Duration;

use super::isolated;
use super::layout::Layout;
use super::options::Resolved;
use super::sequence::prefix_key;
use super::shared::Shared;
use super::worker::{Held, Running, Worker};
use crate::adapter::Adaptation;
use crate::error::{Code, Error, Result};
use crate::log::{self, Level};
use crate::model::{Model, Token};
use crate::request::Request;
use crate::session::{use_now, Chain, Directory, Group, Opened, Record};
use crate::sync::lock;

/// What computes the cells. Those of another version are refused, since nothing says that they mean the same; a test
/// compares it with the dependency.
pub(super) const COMPUTED_BY: &str = "llama-cpp-sys-2 0.1.161";

/// How often a wait looks whether it was given up.
const LOOK: Duration = Duration::from_millis(10);

/// An engine, as what saves and restores sees it.
#[derive(Clone, Copy)]
pub(crate) struct Access<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) model: &'a Model,
    pub(super) options: &'a Resolved,
    /// Whether the call was given up.
    pub(super) interrupted: &'a dyn Fn() -> bool,
    /// Where the engine runs in another process.
    pub(super) remote: Option<&'a isolated::Remote>,
}

impl Access<'_> {
    /// Whether there are prefixes at all.
    pub(crate) fn keeps_prefixes(&self) -> bool {
        let o = &self.options.options;
        o.prefix_cache && !o.deterministic
    }

    /// Lets the engine's thread do something between two steps, and waits for it.
    fn ask<T: Send + 'static>(&self, work: impl FnOnce(&mut Worker) -> Running<T> + Send + 'static) -> Result<T> {
        let (tell, told) = sync_channel(1);
        self.shared.order(Box::new(move |worker: &mut Worker| {
            // Whoever asked may be gone.
            let _ = tell.send(match worker.regain()? {
                Ok(()) => Ok(work(worker)?),
                Err(error) => Err(error),
            });
            Ok(())
        }))?;
        loop {
            match told.recv_timeout(LOOK) {
                Ok(done) => return done,
                Err(RecvTimeoutError::Timeout) if (self.interrupted)() => {
                    return Err(Error::new(Code::Cancelled, "the call was cancelled"));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.shared.check()?;
                    return Err(Error::new(Code::EngineFault, "the engine has ended"));
                }
            }
        }
    }

    fn layout(&self) -> Result<Arc<Layout>> {
        if let Some(known) = self.shared.layout.get() {
            return Ok(Arc::clone(known));
        }
        let layout = self.ask(|worker| worker.layout())??;
        Ok(Arc::clone(self.shared.layout.get_or_init(|| layout)))
    }

    /// Differs where the cells of one engine mean nothing to another over the same model.
    fn engine(&self, layout: &Layout) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(COMPUTED_BY.as_bytes()).update(&layout.describe());
        if self.model.info().has_long_rope() {
            // Its rotation depends on the size of the context.
            hasher.update(&self.options.kv_tokens.to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Takes as much of a text as the engine has into a record, and what its cells hold. `prompt` is what of it was a
    /// prompt, in which an activated LoRA looks for its tokens.
    pub(crate) fn take_out(
        &self,
        text: &[Token],
        prompt: &[Token],
        request: &Request,
        record: &mut Record,
    ) -> Result<Option<Held>> {
        if let Some(remote) = self.remote {
            return remote.take_out(text, prompt, request, record, self.interrupted);
        }
        let adaptation = Adaptation::new(&request.adapters, prompt);
        let layout = self.layout()?;
        let (key, text) = (prefix_key(&adaptation, request), text.to_vec());
        let held = self.ask(move |worker| worker.take_out(&text, &key))??;
        if let Some(held) = &held {
            self.describe(&layout, &adaptation, held, record);
        }
        Ok(held)
    }

    fn describe(&self, layout: &Layout, adaptation: &Adaptation, held: &Held, record: &mut Record) {
        let mut order = held.order.iter().cloned();
        record.engine = self.engine(layout);
        record.adapters = adaptation.fingerprint();
        record.tokens.clone_from(&held.tokens);
        record.order = (order.next().unwrap_or_default(), order.next().unwrap_or_default());
    }

    /// Makes a cached prefix of an undamaged session's cells, after a check of everything that llama.cpp would believe.
    /// Gives how many tokens it has; none when there was no room, or nothing in the file. `prompt` as in
    /// [`Access::take_out`].
    pub(crate) fn put_back(&self, opened: Opened, request: &Request, prompt: &[Token]) -> Result<usize> {
        if let Some(remote) = self.remote {
            return remote.put_back(&opened, request, prompt, self.interrupted);
        }
        let record = &opened.record;
        let mismatch = |what: &str| Err(Error::new(Code::StateMismatch, what));
        if record.tokens.is_empty() {
            return Ok(0);
        }
        let adaptation = Adaptation::new(&request.adapters, prompt);
        if record.adapters != adaptation.fingerprint() {
            return mismatch(
                "the session was saved with other adapters: choose the same ones, at the same scales",
            );
        }
        let layout = self.layout()?;
        if record.engine != self.engine(&layout) {
            return mismatch(
                "the session was saved by an engine with other cells: cache_type_k, cache_type_v, flash_attention and \
                 the version of the library must be the same",
            );
        }
        let damaged = |what: String| Error::new(Code::StateInvalid, what);
        let tokens = record.tokens.clone();
        self.model.0.vocabulary.check(&tokens).map_err(|e| damaged(format!("the session's {}", e.message())))?;
        let count = tokens.len() as u32;
        if count > self.options.n_ctx {
            return Err(Error::new(
                Code::ContextFull,
                format!("the session holds {count} tokens and n_ctx is {}: raise n_ctx", self.options.n_ctx),
            ));
        }
        let mut order = vec![record.order.0.clone(), record.order.1.clone()];
        order.retain(|o| !o.is_empty());
        let contents = layout.contents(&order).filter(|_| layout.check(&order, count));
        let contents = contents.ok_or_else(|| damaged("the session's cells are in no possible order".into()))?;
        let state = opened.state(&layout.pieces(&order, count, 0), contents)?;
        let floor = if layout.can_cut(&order, count) { 0 } else { tokens.len() };
        let key = prefix_key(&adaptation, request);
        let put = self.ask(move |worker| worker.put_back(&tokens, &key, floor, &state))?;
        Ok(if put { count as usize } else { 0 })
    }

    /// Asks the prefix cache directory about a prompt: what it has and the engine has not is put into the engine. Gives
    /// what of the prompt the directory wants in turn.
    pub(super) fn consult(&self, text: &[Token], request: &Request) -> Option<Keep> {
        // What was made from a session file is not for everybody.
        let shared = self.keeps_prefixes() && request.origin.is_empty();
        let directory = self.options.directory.as_ref().filter(|_| shared)?;
        let chain = Chain::new(text)?;
        // It only saves time: a prompt goes on without it, whatever is wrong.
        let keep = self.exchange(directory, chain, text, request);
        keep.unwrap_or_else(|e| {
            if !matches!(e.code(), Code::Cancelled | Code::Closed) {
                log::write(Level::Warn, || format!("prefix cache directory: {e}"));
            }
            None
        })
    }

    fn exchange(
        &self,
        directory: &Arc<Directory>,
        chain: Chain,
        text: &[Token],
        request: &Request,
    ) -> Result<Option<Keep>> {
        let adaptation = Adaptation::new(&request.adapters, text);
        let layout = self.layout()?;
        let model = self.model.info().fingerprint();
        let group = Group::new([model, &self.engine(&layout), &adaptation.fingerprint(), &request.cache_key]);
        let one = lock(&directory.loading);
        if let Some((path, tokens)) = directory.longest(&group, &chain) {
            let (part, key) = (text[..tokens].to_vec(), prefix_key(&adaptation, request));
            use_now(&path);
            if self.ask(move |worker| Ok(worker.held(&part, &key)))? < tokens {
                let loaded = crate::session::open(&path, None).and_then(|opened| {
                    let same = opened.record.model == model && opened.record.tokens == text[..tokens];
                    let other = || Error::new(Code::StateMismatch, "an entry is not what its name says");
                    same.then_some(opened).ok_or_else(other)
                });
                match loaded.and_then(|opened| self.put_back(opened, request, text)) {
                    Ok(n) => self.shared.with_stats(|s| s.disk_tokens += n as u64),
                    Err(e) if matches!(e.code(), Code::Cancelled | Code::Closed) => return Err(e),
                    Err(e) => {
                        // It will not be better next time.
                        let _ = std::fs::remove_file(&path);
                        log::write(Level::Warn, || format!("prefix cache directory: removed: {e}"));
                    }
                }
            }
        }
        drop(one);
        let wanted = directory.wanted(&group, &chain);
        directory.remember(&group, &chain)?;
        Ok(wanted.map(|tokens| {
            let mut record = Record::new(self.model);
            record.engine = self.engine(&layout);
            record.adapters = adaptation.fingerprint();
            Keep { tokens, directory: Arc::clone(directory), group, chain, record }
        }))
    }
}

/// What of a prompt the prefix cache directory wants.
pub(super) struct Keep {
    /// So many tokens.
    pub tokens: usize,
    directory: Arc<Directory>,
    group: Group,
    chain: Chain,
    record: Record,
}

impl Keep {
    /// Writes it, on a thread of its own: the engine does not wait for a disk. One that cannot be written is written
    /// when it is wanted again.
    pub(super) fn write(self, held: Held) {
        if held.tokens.len() != self.tokens {
            return;
        }
        let write = move || {
            let Keep { directory, group, chain, mut record, .. } = self;
            let mut order = held.order.iter().cloned();
            record.tokens.clone_from(&held.tokens);
            record.order = (order.next().unwrap_or_default(), order.next().unwrap_or_default());
            let cells: Vec<&[u8]> = held.contents().collect();
            if let Err(e) = directory.write(&group, &chain, &record, cells.iter().copied()) {
                log::write(Level::Warn, || format!("prefix cache directory: {e}"));
            }
        };
        let _ = std::thread::Builder::new().name("qask-prefix".into()).spawn(write);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn cells_are_of_the_engine_that_is_linked() {
        let manifest = include_str!("../../Cargo.toml");
        let (name, version) = super::COMPUTED_BY.split_once(' ').unwrap();
        assert!(
            manifest.contains(&format!("{name} = {{ version = \"={version}\"")),
            "COMPUTED_BY is not {manifest}"
        );
    }
}
