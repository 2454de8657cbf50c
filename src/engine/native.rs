//! llama.cpp's objects as owners that free themselves: the model, and the context over it.

use std::ffi::{c_char, c_void, CString};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Mutex, Weak};

use llama_cpp_sys_2::{llama_adapter_lora, llama_context, llama_model};

use super::bigstack;
use super::guard::{self, call, call_with_log, ContextParams, Fault, LoadParams, ModelFacts, RawMemory};
use super::stranded::{self, Owner};
use crate::error::{Code, Error, Result};
use crate::gguf::Opened;
use crate::sync::lock;

/// Where a model's bytes are.
pub(crate) enum Place<'a> {
    /// The parts, in order, as they were checked.
    Files(&'a [Opened]),
    /// A descriptor that is ours to close, and where the model begins in it.
    #[cfg(unix)]
    Descriptor(std::os::fd::OwnedFd, u64),
}

/// How to load it; as in `ModelOptions`.
#[derive(Clone, Copy)]
pub(crate) struct LoadOptions {
    /// Negative: all.
    pub gpu_layers: i32,
    pub main_gpu: i32,
    pub mmap: bool,
    pub mlock: bool,
    pub check_tensors: bool,
    pub repack: bool,
    pub vocab_only: bool,
    /// Without weights: the model, and contexts over it, only count what they would allocate.
    pub dry: bool,
}

/// A loaded model.
pub(crate) struct NativeModel {
    raw: *mut llama_model,
    pub facts: ModelFacts,
    /// Creating two contexts on one model at once races inside llama.cpp.
    creating: Mutex<()>,
}

// SAFETY: llama.cpp does not change a model after loading; what it changes while creating contexts is behind `creating`.
unsafe impl Send for NativeModel {}
// SAFETY: as above.
unsafe impl Sync for NativeModel {}

/// Asked while loading, with the share that is done; false stops it.
pub(crate) type Progress<'a> = dyn FnMut(f32) -> bool + Send + 'a;

unsafe extern "C" fn on_progress(share: f32, data: *mut c_void) -> bool {
    // SAFETY: `data` is the `&mut &mut Progress` that `load` passes and keeps alive during the call.
    let progress = unsafe { &mut *data.cast::<&mut Progress<'_>>() };
    // A panic must not unwind into C++: it stops the load instead.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| progress(share))).unwrap_or(false)
}

impl NativeModel {
    /// Loads it; `Ok(None)` when `progress` said stop. Also gives what llama.cpp logged.
    pub(crate) fn load(
        place: Place<'_>,
        options: LoadOptions,
        mut progress: &mut Progress<'_>,
    ) -> Result<(Option<NativeModel>, String)> {
        guard::init()?;
        free_models(None);
        let LoadOptions { gpu_layers, main_gpu, mmap, mlock, check_tensors, repack, vocab_only, dry } = options;
        let params = LoadParams {
            n_gpu_layers: gpu_layers,
            main_gpu,
            mmap,
            mlock,
            check_tensors,
            repack,
            vocab_only,
            dry,
            progress: Some(on_progress),
            progress_data: (&raw mut progress).cast(),
        };
        let mut raw = ptr::null_mut();
        let log = match place {
            Place::Files(files) => {
                let names: Vec<PathBuf> = files.iter().map(Opened::name).collect();
                let paths: Vec<CString> = names.iter().map(|p| c_path(p)).collect::<Result<_>>()?;
                let pointers: Vec<*const c_char> = paths.iter().map(|p| p.as_ptr()).collect();
                // SAFETY: paths, params and the progress closure live through the call.
                let loaded = call_with_log(|f| unsafe {
                    guard::qg_model_load(pointers.as_ptr(), pointers.len(), &params, &mut raw, f)
                });
                // llama.cpp's words, with the paths that the caller knows.
                let told = |text: String| {
                    let known = names.iter().zip(files).filter(|(name, f)| name.as_path() != f.path());
                    known.fold(text, |t, (name, f)| {
                        t.replace(&*name.to_string_lossy(), &f.path().to_string_lossy())
                    })
                };
                loaded.map(told).map_err(|f| Fault { text: told(f.text), ..f })
            }
            #[cfg(unix)]
            Place::Descriptor(fd, offset) => {
                use std::os::fd::IntoRawFd;
                let fd = fd.into_raw_fd();
                // SAFETY: as above; the guard closes the descriptor.
                call_with_log(|f| unsafe { guard::qg_model_load_fd(fd, offset, &params, &mut raw, f) })
            }
        }
        .map_err(load_fault)?;
        if raw.is_null() {
            return match reason(&log) {
                None => Ok((None, log)),
                Some(why) => Err(refused_model(&why, &log)),
            };
        }
        let mut model = NativeModel { raw, facts: ModelFacts::default(), creating: Mutex::new(()) };
        // SAFETY: a live model.
        call(|f| unsafe { guard::qg_model_facts_get(raw, &mut model.facts, f) })?;
        Ok((Some(model), log))
    }

    /// For guarded calls that only read.
    pub(crate) fn raw(&self) -> *const llama_model {
        self.raw
    }
}

/// Models that nobody has any more, and that no thread could be started for to free them.
static LATE: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Frees them, and this one.
fn free_models(model: Option<*mut llama_model>) {
    let mut models = std::mem::take(&mut *lock(&LATE));
    models.extend(model.map(|m| m as usize));
    if models.is_empty() {
        return;
    }
    let mut left = models.clone();
    // Some vocabularies are trees that take themselves down by recursion: too deep for the stacks of some threads.
    let _ = bigstack::run(|| {
        left.clear();
        for raw in models {
            // SAFETY: owned, and no context over it lives (each holds an `Arc` of this). A fault leaks it.
            let _ = call(|f| unsafe { guard::qg_model_free(raw as *mut llama_model, f) });
        }
        Ok(())
    });
    lock(&LATE).append(&mut left);
}

impl Drop for NativeModel {
    fn drop(&mut self) {
        free_models(Some(self.raw));
    }
}

fn c_path(path: &Path) -> Result<CString> {
    // llama.cpp takes UTF-8 on every system.
    path.to_str()
        .and_then(|p| CString::new(p).ok())
        .ok_or_else(|| Error::new(Code::Utf8, format!("the path {} is not UTF-8", path.display())))
}

fn load_fault(fault: Fault) -> Error {
    match fault.kind {
        guard::FaultKind::Memory => fault.into(),
        _ => Error::new(Code::Invalid, format!("the engine failed on the model: {}", fault.text)),
    }
}

/// The line of the log that tells why nothing was loaded; `None` when it was cancelled.
fn reason(log: &str) -> Option<String> {
    if log.lines().any(|l| l.contains("cancelled model load")) {
        return None;
    }
    let line = log
        .lines()
        .find(|l| l.contains("error loading model"))
        .or_else(|| log.lines().rev().find(|l| !l.trim().is_empty()))
        .unwrap_or("it gave no reason");
    Some(line.rsplit("error loading model: ").next().unwrap_or(line).trim().to_owned())
}

/// llama.cpp catches some of its own exceptions, and only the log names them.
fn refused_model(why: &str, log: &str) -> Error {
    let text = format!("the engine refused the model: {why}");
    match refusal(why) {
        Code::Invalid if log.contains("bad_alloc") => {
            Error::new(Code::OutOfMemory, format!("{text}, for want of memory"))
        }
        code => Error::new(code, text),
    }
}

/// The code of a reason: llama.cpp's `unable to allocate CUDA0 buffer` says nothing against the file, nor does a disk that
/// fails.
fn refusal(why: &str) -> Code {
    let says = |words: &[&str]| words.iter().any(|w| why.contains(w));
    if says(&["unable to allocate", "failed to allocate", "Cannot allocate memory", "bad_alloc"]) {
        Code::OutOfMemory
    } else if says(&[
        "read error",
        "seek error",
        "ftell error",
        "failed to open",
        "mmap failed",
        "reached end of file",
    ]) {
        Code::Io
    } else {
        Code::Invalid
    }
}

/// Why `llama_decode` refused a batch. Its -2 is mostly memory, of a device too, and then it says so in the log.
fn refused(rc: i32, log: &str) -> Error {
    let why = log.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    match rc == -2 && (why.contains("alloc") || why.contains("could not reserve space")) {
        true => Error::new(
            Code::OutOfMemory,
            format!("the engine could not allocate memory ({why}): use a smaller context or model"),
        ),
        false => Error::new(Code::EngineFault, format!("the engine failed: llama_decode returned {rc}: {why}")),
    }
}

/// A LoRA adapter of a model.
pub(crate) struct NativeLora {
    raw: *mut llama_adapter_lora,
    /// Keeps the model alive, which holds a list of its adapters.
    model: Arc<NativeModel>,
}

// SAFETY: nothing of an adapter changes after loading; the model's list of them is behind `creating`.
unsafe impl Send for NativeLora {}
// SAFETY: as above.
unsafe impl Sync for NativeLora {}

impl NativeLora {
    pub(crate) fn load(model: &Arc<NativeModel>, file: &Opened) -> Result<NativeLora> {
        let path = c_path(&file.name())?;
        let mut raw = ptr::null_mut();
        let log = {
            let _one = model.creating.lock().unwrap_or_else(|e| e.into_inner());
            // SAFETY: a live model, whose list of adapters nobody else changes meanwhile.
            call_with_log(|f| unsafe { guard::qg_lora_load(model.raw, path.as_ptr(), &mut raw, f) })
        }
        .map_err(load_fault)?;
        if raw.is_null() {
            let why = log.lines().rev().find_map(|l| l.split_once("failed to apply lora adapter: "));
            let why = why.map_or("it gave no reason", |(_, why)| why.trim());
            let why = why.replace(&*path.to_string_lossy(), &file.path().to_string_lossy());
            return Err(Error::new(refusal(&why), format!("the engine refused the adapter: {why}")));
        }
        Ok(NativeLora { raw, model: Arc::clone(model) })
    }

    /// The tokens that switch it on; none for one that is always on.
    pub(crate) fn invocation_tokens(&self) -> Result<Vec<i32>> {
        let (mut tokens, mut n) = (ptr::null(), 0);
        // SAFETY: a live adapter.
        call(|f| unsafe { guard::qg_lora_invocation(self.raw, &mut tokens, &mut n, f) })?;
        if n == 0 || tokens.is_null() {
            return Ok(Vec::new());
        }
        // SAFETY: llama.cpp gives `n` tokens that live as long as the adapter.
        Ok(unsafe { std::slice::from_raw_parts(tokens, n as usize) }.to_vec())
    }
}

impl Drop for NativeLora {
    fn drop(&mut self) {
        let _one = self.model.creating.lock().unwrap_or_else(|e| e.into_inner());
        // SAFETY: owned, and no context uses it: an engine holds the adapters it has set. A fault leaks it.
        let _ = call(|f| unsafe { guard::qg_lora_free(self.raw, f) });
    }
}

/// A context and its KV cache. Used by one thread.
pub(crate) struct Context {
    raw: *mut llama_context,
    /// Keeps the model alive.
    model: Arc<NativeModel>,
    /// Set when a call into llama.cpp failed half-way: the context is then leaked, not freed.
    broken: bool,
    owner: Option<Weak<dyn Owner>>,
}

// SAFETY: a context may move between threads as long as one at a time uses it (`&mut self` below).
unsafe impl Send for Context {}

/// What a context and its model take in one kind of memory, in bytes.
#[derive(Debug)]
pub(crate) struct MemoryUse {
    pub device: String,
    pub is_gpu: bool,
    /// Weights here stay in the mapped file, where one is.
    pub mappable: bool,
    pub weights: u64,
    /// The KV cache and recurrent states.
    pub context: u64,
    pub compute: u64,
}

/// What `llama_decode` answered, other than success.
#[derive(Debug)]
pub(crate) enum DecodeError {
    /// No room in the KV cache; nothing changed.
    Full,
    /// The abort callback said so; micro-batches before it stay in the cache.
    Aborted,
    /// The batch was refused, for the engine's reason; nothing changed.
    Refused(Error),
    /// It failed inside.
    Fault(Fault),
}

impl Context {
    /// A new context. `abort_data` must live as long as the context.
    pub(crate) fn new(model: &Arc<NativeModel>, params: &ContextParams) -> Result<Context> {
        let mut raw = ptr::null_mut();
        let log = {
            let _one = model.creating.lock().unwrap_or_else(|e| e.into_inner());
            // SAFETY: a live model; creation is serialised by the lock.
            call_with_log(|f| unsafe { guard::qg_context_new(model.raw, params, &mut raw, f) })
        }
        .map_err(Error::from)?;
        if raw.is_null() {
            let why =
                log.lines().rev().find(|l| l.contains("fail") || l.contains("error")).unwrap_or("no reason given");
            // The second is ggml's assert on what it was given.
            let memory = ["alloc", "mem_buffer != NULL"].iter().any(|w| why.contains(w));
            let code = if memory { Code::OutOfMemory } else { Code::Unsupported };
            let why = why.rsplit_once(": ").map_or(why, |(_, w)| w).trim();
            return Err(Error::new(
                code,
                format!("the engine could not make a context of {} tokens: {why}", params.n_ctx),
            ));
        }
        Ok(Context { raw, model: Arc::clone(model), broken: false, owner: None })
    }

    /// Whom to tell when a computation never ends, since a thread of ggml's own failed in it.
    pub(super) fn belongs_to(&mut self, owner: Weak<dyn Owner>) {
        self.owner = Some(owner);
    }

    fn guarded<T>(&mut self, result: std::result::Result<T, Fault>) -> std::result::Result<T, Fault> {
        self.broken |= result.is_err();
        result
    }

    /// Gives its memory back. From then on it may only be dropped, or another put in its place.
    pub(crate) fn release(&mut self) -> std::result::Result<(), Fault> {
        let raw = std::mem::replace(&mut self.raw, ptr::null_mut());
        // SAFETY: owned, or null, which llama.cpp takes.
        let r = call(|f| unsafe { guard::qg_context_free(raw, f) });
        self.guarded(r)
    }

    pub(crate) fn is_released(&self) -> bool {
        self.raw.is_null()
    }

    /// Tokens that the KV cache holds, in total and for one sequence.
    pub(crate) fn sizes(&mut self) -> std::result::Result<(u32, u32), Fault> {
        let (mut all, mut one) = (0, 0);
        // SAFETY: a live context.
        let r = call(|f| unsafe { guard::qg_context_sizes(self.raw, &mut all, &mut one, f) });
        self.guarded(r).map(|()| (all, one))
    }

    /// What it and its model take, by kind of memory.
    pub(crate) fn memory(&mut self) -> std::result::Result<Vec<MemoryUse>, Fault> {
        let (mut out, mut count) = (Vec::new(), 1);
        while out.len() < count {
            let mut raw = RawMemory::default();
            // SAFETY: a live context; both places live through the call.
            let r = call(|f| unsafe { guard::qg_context_memory(self.raw, out.len(), &mut raw, &mut count, f) });
            self.guarded(r)?;
            if out.len() < count {
                out.push(MemoryUse::from(raw));
            }
        }
        Ok(out)
    }

    /// Evaluates one row a token: its position, its sequence and whether its logits are wanted.
    pub(crate) fn decode(&mut self, batch: &Batch) -> std::result::Result<(), DecodeError> {
        self.evaluate(batch, false)
    }

    /// As [`Context::decode`], by the model's encoder.
    pub(crate) fn encode(&mut self, batch: &Batch) -> std::result::Result<(), DecodeError> {
        self.evaluate(batch, true)
    }

    fn evaluate(&mut self, batch: &Batch, encode: bool) -> std::result::Result<(), DecodeError> {
        let mut rc = 0;
        let running = stranded::enter(self.owner.clone());
        // SAFETY: all four arrays have the same length; tokens were checked against the vocabulary and sequences
        // against `n_seq_max` by the scheduler.
        let r = call_with_log(|f| unsafe {
            guard::qg_decode(
                self.raw,
                encode,
                batch.len() as i32,
                batch.token.as_ptr(),
                batch.pos.as_ptr(),
                batch.seq.as_ptr(),
                batch.logits.as_ptr(),
                &mut rc,
                f,
            )
        });
        running.leave(r.is_err());
        let log = self.guarded(r).map_err(DecodeError::Fault)?;
        match rc {
            0 => Ok(()),
            1 => Err(DecodeError::Full),
            2 => Err(DecodeError::Aborted),
            rc => Err(DecodeError::Refused(refused(rc, &log))),
        }
    }

    /// Never comes back.
    #[cfg(feature = "test-hooks")]
    pub(super) fn strand(&mut self) -> std::result::Result<(), Fault> {
        let running = stranded::enter(self.owner.clone());
        // SAFETY: it works on a graph of its own.
        let r = call(|f| unsafe { guard::qg_test_strand(f) });
        running.leave(r.is_err());
        self.guarded(r)
    }

    /// The logits of a row of the last batch.
    pub(crate) fn logits(&mut self, row: usize) -> std::result::Result<&mut [f32], Fault> {
        let mut p = ptr::null_mut();
        // SAFETY: a live context.
        let r = call(|f| unsafe { guard::qg_logits(self.raw, row as i32, &mut p, f) });
        self.guarded(r)?;
        if p.is_null() {
            let kind = guard::FaultKind::Exception;
            return Err(Fault { kind, text: format!("no logits for row {row}") });
        }
        // SAFETY: llama.cpp gives one f32 a vocabulary entry, valid until the next decode, which needs `&mut self`.
        Ok(unsafe { std::slice::from_raw_parts_mut(p, self.model.facts.n_vocab as usize) })
    }

    /// The vector of a sequence of the last batch (the context pools), or of a row (it does not): `width` numbers.
    pub(crate) fn embedding(&mut self, place: Pooled, width: usize) -> std::result::Result<&[f32], Fault> {
        let (seq, row) = match place {
            Pooled::Sequence(seq) => (seq, 0),
            Pooled::Row(row) => (-1, row as i32),
        };
        let mut p = ptr::null_mut();
        // SAFETY: a live context.
        let r = call(|f| unsafe { guard::qg_embedding(self.raw, seq, row, &mut p, f) });
        self.guarded(r)?;
        if p.is_null() {
            let kind = guard::FaultKind::Exception;
            return Err(Fault { kind, text: "the engine gave no embedding".into() });
        }
        // SAFETY: llama.cpp gives `n_embd_out` numbers, or `n_cls_out` for a rank, which is what `width` is at most;
        // valid until the next evaluation, which needs `&mut self`.
        Ok(unsafe { std::slice::from_raw_parts(p, width) })
    }

    /// Drops a sequence's cells from a position on; false when this kind of memory cannot be cut there.
    pub(crate) fn remove(&mut self, seq: i32, from: u32) -> std::result::Result<bool, Fault> {
        let mut ok = false;
        let from = if from == 0 { -1 } else { from as i32 };
        // SAFETY: a live context and a sequence below `n_seq_max`.
        let r = call(|f| unsafe { guard::qg_seq_rm(self.raw, seq, from, &mut ok, f) });
        self.guarded(r).map(|()| ok)
    }

    /// Forgets every sequence, and sets what the cells hold to zero.
    pub(crate) fn clear(&mut self) -> std::result::Result<(), Fault> {
        // SAFETY: a live context.
        let r = call(|f| unsafe { guard::qg_memory_clear(self.raw, f) });
        self.guarded(r)
    }

    /// Lets sequence `to` share the first `until` cells of `from` (all of them when `None`).
    pub(crate) fn share(&mut self, from: i32, to: i32, until: Option<u32>) -> std::result::Result<(), Fault> {
        let until = until.map_or(-1, |u| u as i32);
        // SAFETY: as above.
        let r = call(|f| unsafe { guard::qg_seq_cp(self.raw, from, to, until, f) });
        self.guarded(r)
    }

    /// Takes a sequence's cells from a position up to another out, and moves those behind them up; false, with nothing
    /// changed, when this kind of memory cannot. No other sequence may share the cells that move.
    pub(crate) fn shift(&mut self, seq: i32, from: u32, to: u32) -> std::result::Result<bool, Fault> {
        let mut ok = false;
        // SAFETY: as above.
        let r = call(|f| unsafe { guard::qg_seq_shift(self.raw, seq, from as i32, to as i32, &mut ok, f) });
        self.guarded(r).map(|()| ok)
    }

    /// What a sequence's cells hold, in llama.cpp's own format; `None` when there is no memory for it, or when it has
    /// none for this kind of model.
    pub(crate) fn state(&mut self, seq: i32) -> std::result::Result<Option<Vec<u8>>, Fault> {
        let (mut size, mut written) = (0, 0);
        // SAFETY: a live context and a sequence below `n_seq_max`.
        let r = call(|f| unsafe { guard::qg_state_size(self.raw, seq, &mut size, f) });
        self.guarded(r)?;
        let mut state = Vec::new();
        if size == 0 || state.try_reserve_exact(size).is_err() {
            return Ok(None);
        }
        state.resize(size, 0);
        // SAFETY: as above; `state` has room for what it was asked to hold.
        let r = call(|f| unsafe { guard::qg_state_get(self.raw, seq, state.as_mut_ptr(), size, &mut written, f) });
        self.guarded(r).map(|()| (written == size).then_some(state))
    }

    /// Fills a sequence with a state, whose frame must be that of this context (see `layout`). False, with the sequence
    /// empty, when there is no room.
    pub(crate) fn set_state(&mut self, seq: i32, state: &[u8]) -> std::result::Result<bool, Fault> {
        let mut read = 0;
        // SAFETY: as above; `state` lives through the call.
        let r = call(|f| unsafe { guard::qg_state_set(self.raw, seq, state.as_ptr(), state.len(), &mut read, f) });
        self.guarded(r).map(|()| read == state.len())
    }

    /// Sets the adapters of the next steps, in place of those before. They must stay alive until others are set.
    pub(crate) fn set_loras<'a>(
        &mut self,
        loras: impl Iterator<Item = (&'a NativeLora, f32)>,
    ) -> std::result::Result<(), Fault> {
        let (mut raw, mut scales): (Vec<_>, Vec<_>) = loras.map(|(lora, scale)| (lora.raw, scale)).unzip();
        // SAFETY: a live context and live adapters of its model; both arrays have the length given.
        let r = call(|f| unsafe {
            guard::qg_set_loras(self.raw, raw.as_mut_ptr(), scales.as_mut_ptr(), raw.len(), f)
        });
        self.guarded(r)
    }

    /// Sets what is added to the output of each layer but the first, one row a layer; `None` for nothing. False when
    /// there was no memory for it.
    pub(crate) fn set_control_vector(&mut self, rows: Option<&[f32]>) -> std::result::Result<bool, Fault> {
        let facts = &self.model.facts;
        let (data, n) = rows.map_or((ptr::null(), 0), |r| (r.as_ptr(), r.len()));
        let mut ok = false;
        // SAFETY: a live context; llama.cpp reads at most `n` numbers and copies them.
        let r = call(|f| unsafe {
            guard::qg_set_control_vector(self.raw, data, n, facts.n_embd, facts.n_layer, &mut ok, f)
        });
        self.guarded(r).map(|()| ok)
    }

    /// Sets the thread counts of the next step.
    pub(crate) fn set_threads(&mut self, n: u32, n_batch: u32) -> std::result::Result<(), Fault> {
        // SAFETY: a live context.
        let r = call(|f| unsafe { guard::qg_set_threads(self.raw, n as i32, n_batch as i32, f) });
        self.guarded(r)
    }
}

/// Which vector of an embedding context is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pooled {
    Sequence(i32),
    Row(usize),
}

impl Drop for Context {
    fn drop(&mut self) {
        if self.broken {
            // Its state is unknown: freeing it could crash, so it is leaked, with a hold on the model.
            std::mem::forget(Arc::clone(&self.model));
            return;
        }
        // SAFETY: owned, or null, which llama.cpp takes.
        if call(|f| unsafe { guard::qg_context_free(self.raw, f) }).is_err() {
            std::mem::forget(Arc::clone(&self.model));
        }
    }
}

/// The rows of one step; reused, so that a step allocates nothing.
#[derive(Default)]
pub(crate) struct Batch {
    token: Vec<i32>,
    pos: Vec<i32>,
    seq: Vec<i32>,
    logits: Vec<i8>,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.token.clear();
        self.pos.clear();
        self.seq.clear();
        self.logits.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.token.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.token.is_empty()
    }

    /// Adds a row and gives its index.
    pub(crate) fn push(&mut self, token: i32, pos: u32, seq: i32, logits: bool) -> usize {
        self.token.push(token);
        self.pos.push(pos as i32);
        self.seq.push(seq);
        self.logits.push(i8::from(logits));
        self.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_without_memory_is_no_fault_of_the_engine() {
        let log = "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 96.00 MiB on device 0: cudaMalloc failed: out of \
                   memory\nprocess_ubatch: failed to allocate graph\n";
        assert_eq!(refused(-2, log).code(), Code::OutOfMemory);
        assert!(refused(-2, log).to_string().contains("96.00 MiB on device 0"));
        assert_eq!(refused(-2, "decode: unexpected memory context status: 1\n").code(), Code::EngineFault);
        assert_eq!(refused(-3, log).code(), Code::EngineFault);
    }

    #[test]
    fn the_reason_is_found_in_the_log() {
        let log = "llama_model_load: error loading model: unknown model architecture: 'x'\nllama_model_load_from_file_impl: failed to load model\n";
        assert_eq!(reason(log).unwrap(), "unknown model architecture: 'x'");
        assert_eq!(reason("llama_model_load_from_file_impl: cancelled model load\n"), None);
        assert_eq!(reason("").unwrap(), "it gave no reason");
    }

    #[test]
    fn too_little_memory_and_a_bad_disk_are_no_faults_of_the_file() {
        assert_eq!(refusal("unable to allocate CUDA0 buffer"), Code::OutOfMemory);
        assert_eq!(refusal("mmap failed: Cannot allocate memory"), Code::OutOfMemory);
        let (why, log) = ("failed to load model from x", "gguf: encountered bad_alloc error while reading key 3");
        assert_eq!(refused_model(why, "").code(), Code::Invalid);
        let memory = refused_model(why, log);
        assert!(
            memory.code() == Code::OutOfMemory && memory.message().ends_with("for want of memory"),
            "{memory}"
        );
        assert_eq!(refusal("read error: Input/output error"), Code::Io);
        assert_eq!(refusal("unknown model architecture: 'x'"), Code::Invalid);
    }
}
