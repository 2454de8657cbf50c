//! How much memory a model will take, before it is loaded.
//!
//! The weights stay on disk: llama.cpp counts what it would allocate, and what it does not count is added
//! ([`Part::Other`]). It takes as long as reading the vocabulary: tens to hundreds of milliseconds.
//!
//! ```no_run
//! use qask::plan::{Part, Plan};
//! use qask::{EngineOptions, ModelOptions};
//!
//! # fn main() -> qask::Result<()> {
//! let plan = Plan::engine("model.gguf", &ModelOptions::default(), &EngineOptions::default())?;
//! println!("{} MB, of which {} MB KV cache", plan.total() / 1_000_000, plan.bytes(Part::Kv) / 1_000_000);
//! if let Some(n_ctx) = plan.largest_context(2 << 30)? {
//!     println!("with 2 GiB, n_ctx can be {n_ctx}");
//! }
//! # Ok(())
//! # }
//! ```

mod other;
pub(crate) mod spare;

use std::path::Path;

use crate::embedder::EmbedderOptions;
use crate::engine::dry::{DryModel, Needs};
use crate::engine::native::{LoadOptions, MemoryUse};
use crate::engine::EngineOptions;
use crate::error::{Code, Error, Result};
use crate::gguf;
use crate::model::{Model, ModelOptions, Origin};

/// What memory is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[non_exhaustive]
pub enum Part {
    /// Pages of the mapped model file. They count as the process's memory, but the system can take them back without
    /// writing them, and other processes that map the file share them.
    Mapped = 0,
    /// Weights in memory of their own: repacked for the CPU, on a GPU, or read because the file is not mapped.
    Weights = 1,
    /// The KV cache of all sequences.
    Kv = 2,
    /// States of recurrent layers, of all sequences.
    State = 3,
    /// What one step computes with.
    Compute = 4,
    /// Logits and vectors that a step gives.
    Output = 5,
    /// Vocabulary, bookkeeping and the library's own code.
    Other = 6,
}

impl Part {
    /// Every part.
    pub const ALL: &'static [Part] =
        &[Part::Mapped, Part::Weights, Part::Kv, Part::State, Part::Compute, Part::Output, Part::Other];

    /// `mapped`, `weights`, `kv`, `state`, `compute`, `output` or `other`.
    pub fn name(self) -> &'static str {
        match self {
            Part::Mapped => "mapped",
            Part::Weights => "weights",
            Part::Kv => "kv",
            Part::State => "state",
            Part::Compute => "compute",
            Part::Output => "output",
            Part::Other => "other",
        }
    }
}

/// What a plan puts on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePlan {
    name: String,
    is_gpu: bool,
    bytes: [u64; Part::ALL.len()],
}

impl DevicePlan {
    /// Short name, such as `CPU` or `CUDA0`. The CPU's is the first.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a GPU.
    pub fn is_gpu(&self) -> bool {
        self.is_gpu
    }

    /// Bytes of a part.
    pub fn bytes(&self, part: Part) -> u64 {
        self.bytes[part as usize]
    }

    /// Bytes of all parts.
    pub fn total(&self) -> u64 {
        self.bytes.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }
}

/// The memory that a model and an engine, or an embedder, over it will have taken when they were fully used. It keeps
/// the vocabulary in memory as long as it lives.
pub struct Plan {
    devices: Vec<DevicePlan>,
    n_ctx: u32,
    sequence: u64,
    dry: DryModel,
    info: gguf::Info,
    loaded: LoadOptions,
    options: Option<EngineOptions>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("n_ctx", &self.n_ctx).field("devices", &self.devices).finish_non_exhaustive()
    }
}

impl Plan {
    /// Plans an engine over a model that is not loaded. `memory_budget` of the options is not looked at.
    ///
    /// # Errors
    /// As [`Model::load`] and [`crate::Engine::new`].
    pub fn engine(path: impl AsRef<Path>, model: &ModelOptions, engine: &EngineOptions) -> Result<Plan> {
        let (info, files) = gguf::check_path(path.as_ref())?;
        let origin = Origin::Files(files);
        Plan::of_engine(&origin, model.native(&info)?, info, engine)
    }

    /// Plans an embedder over a model that is not loaded. `memory_budget` of the options is not looked at.
    ///
    /// # Errors
    /// As [`Model::load`] and [`crate::Embedder::new`].
    pub fn embedder(path: impl AsRef<Path>, model: &ModelOptions, embedder: &EmbedderOptions) -> Result<Plan> {
        let (info, files) = gguf::check_path(path.as_ref())?;
        let origin = Origin::Files(files);
        Plan::of_embedder(&origin, model.native(&info)?, info, embedder)
    }

    /// Plans an engine over a loaded model, whose file is read again; its own memory is part of the plan.
    ///
    /// # Errors
    /// As [`crate::Engine::new`], and [`Code::Invalid`] when the file was damaged since.
    pub fn for_engine(model: &Model, options: &EngineOptions) -> Result<Plan> {
        Plan::of_engine(&model.0.origin, model.0.loaded, model.info().clone(), options)
    }

    /// Plans an embedder over a loaded model, whose file is read again; its own memory is part of the plan.
    ///
    /// # Errors
    /// As [`crate::Embedder::new`], and [`Code::Invalid`] when the file was damaged since.
    pub fn for_embedder(model: &Model, options: &EmbedderOptions) -> Result<Plan> {
        Plan::of_embedder(&model.0.origin, model.0.loaded, model.info().clone(), options)
    }

    fn of_engine(origin: &Origin, loaded: LoadOptions, info: gguf::Info, options: &EngineOptions) -> Result<Plan> {
        let dry = DryModel::load(origin, loaded)?;
        let (devices, n_ctx, sequence) = engine_devices(&dry, &info, loaded, options)?;
        Ok(Plan { devices, n_ctx, sequence, dry, info, loaded, options: Some(options.clone()) })
    }

    fn of_embedder(
        origin: &Origin,
        loaded: LoadOptions,
        info: gguf::Info,
        options: &EmbedderOptions,
    ) -> Result<Plan> {
        let dry = DryModel::load(origin, loaded)?;
        let resolved = options.resolve(&info, dry.facts())?;
        let needs = dry.embedder(&resolved.setup)?;
        let rows = resolved.setup.n_batch;
        let devices = devices(&needs, &info, loaded, rows);
        Ok(Plan { devices, n_ctx: resolved.max_tokens, sequence: 0, dry, info, loaded, options: None })
    }

    /// Bytes on all devices together: what the process's resident memory will have grown to.
    pub fn total(&self) -> u64 {
        self.devices.iter().fold(0, |sum, d| sum.saturating_add(d.total()))
    }

    /// Bytes of a part on all devices together.
    pub fn bytes(&self, part: Part) -> u64 {
        self.devices.iter().fold(0, |sum, d| sum.saturating_add(d.bytes(part)))
    }

    /// The same by device. The CPU comes first.
    pub fn devices(&self) -> &[DevicePlan] {
        &self.devices
    }

    /// Tokens that one sequence may hold; an embedder's input, with an embedder.
    pub fn n_ctx(&self) -> u32 {
        self.n_ctx
    }

    /// Bytes of KV cache and state that one sequence of `n_ctx` tokens fills. Sequences share the pool, and prefixes in
    /// it: that of all is [`Part::Kv`] and [`Part::State`].
    pub fn sequence_bytes(&self) -> u64 {
        self.sequence
    }

    /// The largest `n_ctx`, in steps of 256, with which the same engine fits into so many bytes; `None` when even the
    /// smallest does not. Where `kv_tokens` is set it stays, so that it is the most.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for the plan of an embedder.
    pub fn largest_context(&self, budget: u64) -> Result<Option<u32>> {
        let Some(options) = &self.options else {
            return Err(Error::new(Code::Unsupported, "the plan of an embedder has no context to size"));
        };
        let most = options.kv_tokens.unwrap_or(u32::MAX).min(self.dry.facts().context_length());
        let fits = |n_ctx: u32| -> Result<bool> {
            let options = EngineOptions { n_ctx: Some(n_ctx), ..options.clone() };
            let (devices, ..) = engine_devices(&self.dry, &self.info, self.loaded, &options)?;
            Ok(devices.iter().fold(0, |sum: u64, d| sum.saturating_add(d.total())) <= budget)
        };
        const STEP: u32 = 256;
        if fits(most)? {
            return Ok(Some(most));
        }
        // `low` steps fit, `high` do not.
        let (mut low, mut high) = (0, most.div_ceil(STEP));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if fits(middle * STEP)? {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok((low > 0).then_some(low * STEP))
    }

    /// An error when the plan needs more than `budget` bytes.
    pub(crate) fn check(&self, budget: u64) -> Result<()> {
        if self.total() <= budget {
            return Ok(());
        }
        let advice = match self.options {
            Some(_) => match self.largest_context(budget)? {
                Some(n) => format!("n_ctx {n} would fit (it is {})", self.n_ctx),
                None => "no n_ctx fits: use a smaller model, or fewer sequences".to_owned(),
            },
            None => "use a smaller model, or a smaller max_tokens and batch_tokens".to_owned(),
        };
        Err(too_large(&self.devices, budget, &advice))
    }
}

/// An error when the weights alone need more than `budget` bytes.
pub(crate) fn check_load(info: &gguf::Info, origin: &Origin, loaded: LoadOptions, budget: u64) -> Result<()> {
    let devices = weights(info, origin, loaded)?;
    if devices.iter().fold(0, |sum: u64, d| sum.saturating_add(d.total())) <= budget {
        return Ok(());
    }
    Err(too_large(&devices, budget, "use a smaller model, or one of a stronger quantization"))
}

/// Where the weights lie, and what is taken beside them.
fn weights(info: &gguf::Info, origin: &Origin, loaded: LoadOptions) -> Result<Vec<DevicePlan>> {
    let memory = match info.vocab_only {
        true => Vec::new(),
        false => DryModel::load(origin, loaded)?.weights()?,
    };
    let states = vec![0; memory.len()];
    Ok(devices(&Needs { memory, states, cells: 0, output: 0 }, info, loaded, 0))
}

fn too_large(devices: &[DevicePlan], budget: u64, advice: &str) -> Error {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let bytes = |part: &Part| devices.iter().map(|d| d.bytes(*part)).fold(0, u64::saturating_add);
    let parts: Vec<String> =
        Part::ALL.iter().filter(|p| bytes(p) > 0).map(|p| format!("{} {}", p.name(), mib(bytes(p)))).collect();
    let total = devices.iter().map(DevicePlan::total).fold(0, u64::saturating_add);
    Error::new(
        Code::TooLarge,
        format!(
            "{} MiB would be needed ({}) and memory_budget is {} MiB: {advice}",
            mib(total),
            parts.join(", "),
            budget >> 20
        ),
    )
}

/// By device, with `n_ctx` and the bytes of a full sequence.
fn engine_devices(
    dry: &DryModel,
    info: &gguf::Info,
    loaded: LoadOptions,
    options: &EngineOptions,
) -> Result<(Vec<DevicePlan>, u32, u64)> {
    let options = options.resolve(info, dry.facts())?;
    let needs = dry.engine(&options)?;
    let states: u64 = needs.states.iter().sum();
    let kv = needs.memory.iter().map(|m| m.context).sum::<u64>().saturating_sub(states);
    let token = kv.checked_div(needs.cells.into()).unwrap_or(0);
    let sequence = token * u64::from(options.n_ctx) + states / u64::from(options.slots.max(1));
    Ok((devices(&needs, info, loaded, options.options.n_ubatch), options.n_ctx, sequence))
}

/// Sorts what is needed by device and part. `rows` are computed at once.
fn devices(needs: &Needs, info: &gguf::Info, loaded: LoadOptions, rows: u32) -> Vec<DevicePlan> {
    let device = |name: &str, is_gpu| DevicePlan { name: name.to_owned(), is_gpu, bytes: [0; Part::ALL.len()] };
    let mut all = vec![device("CPU", false)];
    let stays_mapped = |m: &MemoryUse| loaded.mmap && m.mappable;
    for (m, state) in needs.memory.iter().zip(&needs.states) {
        let at = all.iter().position(|d| d.name == m.device).unwrap_or_else(|| {
            all.push(device(&m.device, m.is_gpu));
            all.len() - 1
        });
        let bytes = &mut all[at].bytes;
        if !stays_mapped(m) {
            bytes[Part::Weights as usize] += m.weights;
        }
        bytes[Part::Kv as usize] += m.context - state;
        bytes[Part::State as usize] += state;
        bytes[Part::Compute as usize] += m.compute;
    }
    // The mapping is read as a whole and stays, also where weights in the middle were copied out of it.
    if needs.memory.iter().any(|m| stays_mapped(m) && m.weights > 0) {
        all[0].bytes[Part::Mapped as usize] = info.tensor_bytes;
    }
    all[0].bytes[Part::Compute as usize] += other::work(info, rows);
    all[0].bytes[Part::Output as usize] = needs.output;
    all[0].bytes[Part::Other as usize] = other::bytes(info, needs.cells);
    all
}
