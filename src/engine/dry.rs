//! What llama.cpp would allocate, counted by itself: contexts made over a model that was loaded without its weights.

use std::sync::Arc;

use super::bigstack;
use super::embed::Setup;
use super::guard::{ContextParams, ModelFacts};
use super::native::{Context, LoadOptions, MemoryUse, NativeModel};
use super::options::Resolved;
use crate::error::{Code, Error, Result};
use crate::model::Origin;

/// A model without weights.
pub(crate) struct DryModel {
    native: Arc<NativeModel>,
}

/// What a context and its model would take.
pub(crate) struct Needs {
    pub memory: Vec<MemoryUse>,
    /// Bytes of recurrent states, on each of `memory`: they are part of its `context`.
    pub states: Vec<u64>,
    /// Tokens that the KV cache holds; 0 without one.
    pub cells: u32,
    /// Bytes for rows of logits, and for vectors where the context embeds.
    pub output: u64,
}

/// Tokens by which two contexts differ, to tell what of their memory grows with them: llama.cpp rounds up to so many.
const STEP: u32 = 256;

impl DryModel {
    pub(crate) fn load(origin: &Origin, options: LoadOptions) -> Result<DryModel> {
        let options = LoadOptions { dry: true, ..options };
        let place = origin.place()?;
        let (native, _) = bigstack::run(|| NativeModel::load(place, options, &mut |_| true))?;
        let native = native.ok_or_else(|| Error::new(Code::EngineFault, "the engine gave no model"))?;
        Ok(DryModel { native: Arc::new(native) })
    }

    pub(crate) fn facts(&self) -> &ModelFacts {
        &self.native.facts
    }

    /// What an engine takes.
    pub(crate) fn engine(&self, options: &Resolved) -> Result<Needs> {
        let rows = u64::from(options.slots);
        self.needs(&options.context(), 4 * rows * self.facts().n_vocab.max(0) as u64)
    }

    /// What an embedder takes.
    pub(crate) fn embedder(&self, setup: &Setup) -> Result<Needs> {
        let facts = self.facts();
        let width = facts.n_vocab.max(0) as u64 + facts.n_embd_out.max(0) as u64;
        self.needs(&setup.context(), 4 * width * u64::from(setup.n_batch.max(setup.max_sequences)))
    }

    /// What the weights take; llama.cpp tells it of a context only, so that there is the smallest one beside them.
    pub(crate) fn weights(&self) -> Result<Vec<MemoryUse>> {
        let (memory, _) = self.count(&Setup::smallest().context())?;
        Ok(memory.into_iter().map(|m| MemoryUse { context: 0, compute: 0, ..m }).collect())
    }

    fn needs(&self, params: &ContextParams, output: u64) -> Result<Needs> {
        let facts = self.facts();
        if !facts.recurrent && !facts.hybrid {
            let (memory, cells) = self.count(params)?;
            let states = vec![0; memory.len()];
            return Ok(Needs { memory, states, cells, output });
        }
        let step = STEP * if params.kv_unified { 1 } else { params.n_seq_max };
        let (memory, cells) = self.count_states(params)?;
        let longer = ContextParams { n_ctx: params.n_ctx.saturating_add(step), ..*params };
        let (longer, more_cells) = self.count_states(&longer)?;
        let more = u64::from(more_cells.saturating_sub(cells).max(1));
        // What does not grow with the tokens is state.
        let state = |(m, longer): (&MemoryUse, &MemoryUse)| {
            let kv = longer.context.saturating_sub(m.context) * u64::from(cells) / more;
            m.context.saturating_sub(kv)
        };
        let states = memory.iter().zip(&longer).map(state).collect();
        Ok(Needs { memory, states, cells: if facts.recurrent { 0 } else { cells }, output })
    }

    /// Recurrent states are really allocated, in a dry run too. So they are counted for one and for two sequences, and
    /// for more along the line.
    fn count_states(&self, params: &ContextParams) -> Result<(Vec<MemoryUse>, u32)> {
        let n = u64::from(params.n_seq_max);
        if n <= 2 {
            return self.count(params);
        }
        let with = |n: u32| self.count(&ContextParams { n_seq_max: n, n_outputs_max: n, ..*params });
        let ((one, _), (two, cells)) = (with(1)?, with(2)?);
        let line = |a: u64, b: u64| a + b.saturating_sub(a) * (n - 1);
        let more = |(a, b): (MemoryUse, MemoryUse)| MemoryUse {
            context: line(a.context, b.context),
            compute: line(a.compute, b.compute),
            ..a
        };
        Ok((one.into_iter().zip(two).map(more).collect(), cells))
    }

    fn count(&self, params: &ContextParams) -> Result<(Vec<MemoryUse>, u32)> {
        let params = ContextParams { dry: true, ..*params };
        let mut context = Context::new(&self.native, &params)?;
        let (cells, _) = context.sizes()?;
        Ok((context.memory()?, cells))
    }
}
