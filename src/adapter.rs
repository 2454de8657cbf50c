//! Adapters: LoRA and control vectors, loaded for a model and chosen by each request.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::engine::bigstack;
use crate::engine::native::{NativeLora, NativeModel};
use crate::error::{Code, Error, Result};
use crate::gguf::adapter::{self, AdapterFile, Base};
use crate::gguf::Opened;
use crate::model::{Model, Token};
use crate::sampling::range;

/// Changes what a model does, without changing the model: a LoRA (low-rank changes of its weights), an activated LoRA
/// (one that acts only behind certain tokens of the prompt), or a control vector (added to the output of each layer).
/// Clones share it; any thread may use it. It keeps its model alive, and stays loaded as long as a request uses it.
#[derive(Clone)]
pub struct Adapter(Arc<Inner>);

struct Inner {
    /// Never reused, so that cached prefixes of an adapter that is gone are not another's.
    id: u64,
    model: Arc<NativeModel>,
    part: Part,
    /// Of an activated LoRA: the tokens that switch it on.
    invocation: Vec<Token>,
    /// Tells it from other adapters, in other processes too.
    fingerprint: blake3::Hash,
    /// Its file, for a process that runs the engine by itself.
    path: PathBuf,
}

/// Tells whether an adapter is gone.
pub(crate) struct Watched(Weak<Inner>);

impl Watched {
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

enum Part {
    Lora(NativeLora),
    ControlVector(Vec<f32>),
}

/// What kind of adapter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdapterKind {
    /// A LoRA that acts on the whole text.
    Lora,
    /// A LoRA that acts from the last place on where the prompt holds its invocation tokens; nowhere without them.
    ActivatedLora,
    /// A control vector.
    ControlVector,
}

impl Adapter {
    /// Loads an adapter (GGUF) for a model.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Io`], and [`Code::Invalid`] for a file that is damaged or belongs to another model.
    pub fn load(model: &Model, path: impl AsRef<Path>) -> Result<Adapter> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let path = path.as_ref();
        let native = Arc::clone(&model.0.native);
        let base = Base {
            architecture: &model.info().architecture,
            vocabulary: model.vocabulary_size(),
            width: native.facts.n_embd.max(0) as u32,
            layers: native.facts.n_layer.max(0) as u32,
            stacks: &model.info().stacks,
        };
        let at = |e: Error| e.at(path.display());
        let opened = Opened::new(path).map_err(at)?;
        let (file, fingerprint) = adapter::read(opened.file(), &base).map_err(at)?;
        let part = match file {
            AdapterFile::ControlVector(rows) => Part::ControlVector(rows),
            AdapterFile::Lora => {
                let load = || NativeLora::load(&native, &opened);
                Part::Lora(bigstack::run(load).map_err(at)?)
            }
        };
        opened.check_unchanged()?;
        let invocation = match &part {
            Part::Lora(lora) => lora.invocation_tokens()?,
            Part::ControlVector(_) => Vec::new(),
        };
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let fingerprint = fingerprint.into();
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(Adapter(Arc::new(Inner { id, model: native, part, invocation, fingerprint, path })))
    }

    /// Its number in this process, its file, and what tells it from others everywhere.
    pub(crate) fn identity(&self) -> (u64, &Path, String) {
        (self.0.id, &self.0.path, self.0.fingerprint.to_hex().to_string())
    }

    /// Tells later whether it is gone.
    pub(crate) fn watch(&self) -> Watched {
        Watched(Arc::downgrade(&self.0))
    }

    /// What kind it is.
    pub fn kind(&self) -> AdapterKind {
        match &self.0.part {
            Part::ControlVector(_) => AdapterKind::ControlVector,
            Part::Lora(_) if self.0.invocation.is_empty() => AdapterKind::Lora,
            Part::Lora(_) => AdapterKind::ActivatedLora,
        }
    }
}

impl PartialEq for Adapter {
    fn eq(&self, other: &Adapter) -> bool {
        self.0.id == other.0.id
    }
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Adapter({:?} {})", self.kind(), self.0.id)
    }
}

/// Adapters with their scales, as one step of the engine uses them.
#[derive(Debug, Default)]
pub(crate) struct AdapterSet {
    parts: Vec<(Adapter, f32)>,
    /// Equal for equal sets, and empty for none.
    key: String,
}

impl AdapterSet {
    fn new(mut parts: Vec<(Adapter, f32)>) -> AdapterSet {
        parts.retain(|(_, scale)| *scale != 0.0);
        parts.sort_by_key(|(a, _)| a.0.id);
        let key = parts.iter().map(|(a, scale)| format!("{}:{:08x},", a.0.id, scale.to_bits())).collect();
        AdapterSet { parts, key }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Equal for equal sets, in other processes too.
    fn fingerprint(&self) -> String {
        let one = |(a, scale): &(Adapter, f32)| format!("{}:{:08x}", a.0.fingerprint.to_hex(), scale.to_bits());
        let mut all: Vec<String> = self.parts.iter().map(one).collect();
        all.sort();
        all.join(",")
    }

    pub(crate) fn loras(&self) -> impl Iterator<Item = (&NativeLora, f32)> {
        self.parts.iter().filter_map(|(a, scale)| match &a.0.part {
            Part::Lora(lora) => Some((lora, *scale)),
            Part::ControlVector(_) => None,
        })
    }

    /// The control vectors added up; `None` without any.
    pub(crate) fn control_vector(&self) -> Option<Vec<f32>> {
        let mut sum: Option<Vec<f32>> = None;
        for (adapter, scale) in &self.parts {
            if let Part::ControlVector(rows) = &adapter.0.part {
                let sum = sum.get_or_insert_with(|| vec![0.0; rows.len()]);
                sum.iter_mut().zip(rows).for_each(|(s, x)| *s += x * scale);
            }
        }
        sum
    }
}

/// The adapters of one request: those that act on the whole text, and all of them from a place on (that of an activated
/// LoRA).
#[derive(Clone, Debug)]
pub(crate) struct Adaptation {
    before: Arc<AdapterSet>,
    from: usize,
    behind: Arc<AdapterSet>,
}

impl Adaptation {
    /// Checks and sorts a request's adapters.
    pub(crate) fn new(adapters: &[(Adapter, f32)], tokens: &[Token]) -> Adaptation {
        let (activated, plain): (Vec<_>, Vec<_>) =
            adapters.iter().cloned().partition(|(a, _)| a.kind() == AdapterKind::ActivatedLora);
        let before = Arc::new(AdapterSet::new(plain));
        let place = activated.first().and_then(|(a, _)| last_place(tokens, &a.0.invocation));
        match place {
            Some(from) => Adaptation { before, from, behind: Arc::new(AdapterSet::new(adapters.to_vec())) },
            None => Adaptation { before: Arc::clone(&before), from: 0, behind: before },
        }
    }

    /// What acts on the token at a place.
    pub(crate) fn at(&self, place: usize) -> &Arc<AdapterSet> {
        if place < self.from {
            &self.before
        } else {
            &self.behind
        }
    }

    /// Tokens from a place on up to where another set begins.
    pub(crate) fn until_change(&self, place: usize) -> usize {
        self.from.checked_sub(place).filter(|n| *n > 0).unwrap_or(usize::MAX)
    }

    /// What prefixes must have in common to be shared, beside their tokens: no NUL in it.
    pub(crate) fn key(&self) -> String {
        match self.from {
            0 => self.behind.key().to_owned(),
            from => format!("{}from {from}", self.behind.key()),
        }
    }

    /// As [`Adaptation::key`], and the same in other processes.
    pub(crate) fn fingerprint(&self) -> String {
        match self.from {
            0 => self.behind.fingerprint(),
            from => format!("{}from {from}", self.behind.fingerprint()),
        }
    }

    /// The text's middle was dropped: what came behind moves up.
    pub(crate) fn shift(&mut self, dropped: &std::ops::Range<usize>) {
        self.from -= dropped.end.min(self.from).saturating_sub(dropped.start);
    }
}

fn last_place(tokens: &[Token], wanted: &[Token]) -> Option<usize> {
    tokens.windows(wanted.len().max(1)).rposition(|w| w == wanted)
}

/// Whether a request's adapters can be used together with a model.
pub(crate) fn check(adapters: &[(Adapter, f32)], model: &Model) -> Result<()> {
    let wrong = |i: usize, why: &str| Err(Error::new(Code::Range, format!("adapter {i}: {why}")));
    for (i, (adapter, scale)) in adapters.iter().enumerate() {
        if !Arc::ptr_eq(&adapter.0.model, &model.0.native) {
            return wrong(i, "it was loaded for another model than the engine runs");
        }
        check_scale(*scale).map_err(|e| e.at(format!("adapter {i}")))?;
        if adapters[..i].iter().any(|(other, _)| other == adapter) {
            return wrong(i, "it is given twice");
        }
    }
    let activated = |(a, _): &&(Adapter, f32)| a.kind() == AdapterKind::ActivatedLora;
    if adapters.iter().filter(activated).count() > 1 {
        return Err(Error::new(Code::Range, "adapters: at most one activated LoRA for a request"));
    }
    Ok(())
}

pub(crate) fn check_scale(scale: f32) -> Result<()> {
    match (-1000.0..=1000.0).contains(&scale) {
        true => Ok(()),
        false => Err(range("scale", scale, -1000.0, 1000.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_counts() {
        assert_eq!(last_place(&[1, 2, 3, 1, 2, 4], &[1, 2]), Some(3));
        assert_eq!(last_place(&[1, 2], &[2, 1]), None);
        assert_eq!(last_place(&[1], &[1, 2]), None);
    }
}
