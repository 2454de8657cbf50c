//! The Rust side of `guard.cpp`: declarations, and faults turned into errors.
//!
//! Nothing else in qask calls llama.cpp. A function here that returns [`Fault`] was caught in a C++ exception or an
//! assert; what it worked on must not be used again where the call changes state (see `Context`).

use std::ffi::{c_char, c_int, c_void, CStr};
use std::sync::Mutex;

use llama_cpp_sys_2::{llama_adapter_lora, llama_context, llama_model, llama_sampler, llama_token_data};

use super::native::MemoryUse;
use crate::error::{Code, Error, Result};
use crate::log::{self, Level};
use crate::sync::lock;

#[repr(C)]
pub(crate) struct RawFault {
    text: [c_char; 1024],
    log: [c_char; 4096],
}

#[repr(C)]
pub(crate) struct LoadParams {
    pub n_gpu_layers: i32,
    pub main_gpu: i32,
    pub mmap: bool,
    pub mlock: bool,
    pub check_tensors: bool,
    pub repack: bool,
    pub vocab_only: bool,
    pub dry: bool,
    pub progress: Option<unsafe extern "C" fn(f32, *mut c_void) -> bool>,
    pub progress_data: *mut c_void,
}

#[repr(C)]
pub(crate) struct ContextParams {
    pub n_ctx: u32,
    pub n_batch: u32,
    pub n_ubatch: u32,
    pub n_seq_max: u32,
    pub n_outputs_max: u32,
    pub n_threads: i32,
    pub n_threads_batch: i32,
    pub flash_attn: i32,
    pub type_k: i32,
    pub type_v: i32,
    pub kv_unified: bool,
    pub offload_kqv: bool,
    pub swa_full: bool,
    pub embeddings: bool,
    pub dry: bool,
    pub pooling: i32,
    pub abort: Option<unsafe extern "C" fn(*mut c_void) -> bool>,
    pub abort_data: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ModelFacts {
    pub n_vocab: i32,
    pub n_ctx_train: i32,
    pub n_embd: i32,
    pub n_layer: i32,
    pub n_swa: i32,
    pub vocab_type: i32,
    pub bos: i32,
    pub eos: i32,
    pub eot: i32,
    pub sep: i32,
    pub fim_pre: i32,
    pub fim_suf: i32,
    pub fim_mid: i32,
    pub n_embd_out: i32,
    pub n_cls_out: i32,
    pub has_encoder: bool,
    pub has_decoder: bool,
    pub recurrent: bool,
    pub hybrid: bool,
    pub diffusion: bool,
    pub add_bos: bool,
    pub add_eos: bool,
    pub add_sep: bool,
    pub size: u64,
    pub n_params: u64,
}

impl ModelFacts {
    /// Tokens that the model was trained for.
    pub(crate) fn context_length(&self) -> u32 {
        self.n_ctx_train.max(1) as u32
    }
}

#[repr(C)]
pub(crate) struct SamplerParams {
    pub temperature: f32,
    pub dynatemp_range: f32,
    pub dynatemp_exponent: f32,
    pub top_p: f32,
    pub min_p: f32,
    pub typical_p: f32,
    pub top_n_sigma: f32,
    pub xtc_probability: f32,
    pub xtc_threshold: f32,
    pub dry_multiplier: f32,
    pub dry_base: f32,
    pub repeat_penalty: f32,
    pub frequency_penalty: f32,
    pub presence_penalty: f32,
    pub mirostat_tau: f32,
    pub mirostat_eta: f32,
    pub top_k: i32,
    pub dry_allowed_length: i32,
    pub dry_penalty_last_n: i32,
    pub penalty_last_n: i32,
    pub mirostat: i32,
    pub min_keep: u64,
    pub seed: u32,
    pub dry_breakers: *const *const c_char,
    pub n_dry_breakers: usize,
}

#[repr(C)]
pub(crate) struct RawMemory {
    device: [c_char; 64],
    is_gpu: bool,
    mappable: bool,
    weights: u64,
    context: u64,
    compute: u64,
}

impl Default for RawMemory {
    fn default() -> Self {
        RawMemory { device: [0; 64], is_gpu: false, mappable: false, weights: 0, context: 0, compute: 0 }
    }
}

impl From<RawMemory> for MemoryUse {
    fn from(raw: RawMemory) -> Self {
        // SAFETY: the guard ends it with NUL, and it was NUL before.
        let device = unsafe { CStr::from_ptr(raw.device.as_ptr()) }.to_string_lossy().into_owned();
        let RawMemory { is_gpu, mappable, weights, context, compute, .. } = raw;
        MemoryUse { device, is_gpu, mappable, weights, context, compute }
    }
}

#[repr(C)]
pub(crate) struct RawDevice {
    name: [c_char; 64],
    description: [c_char; 128],
    memory_total: u64,
    memory_free: u64,
    kind: i32,
}

type LogSink = unsafe extern "C" fn(c_int, *const c_char);
type StrandedSink = unsafe extern "C" fn(*const c_char);

extern "C" {
    fn qg_init(sink: Option<LogSink>, stranded: Option<StrandedSink>, fault: *mut RawFault) -> c_int;
    #[cfg(feature = "test-hooks")]
    pub(crate) fn qg_test_strand(fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_first_at_exit(f: extern "C" fn()) -> bool;
    #[cfg(all(test, feature = "test-hooks"))]
    pub(crate) fn qg_test_late_static(gone: *mut bool);
    #[cfg(all(test, feature = "test-hooks"))]
    fn qg_test_cuda_error(why: *const c_char, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_cpu_bits(out: *mut u64, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_kernels(i: usize, needs: *mut *const c_char) -> *const c_char;
    pub(crate) fn qg_kernels_use(i: usize);
    pub(crate) fn qg_model_load(
        paths: *const *const c_char,
        n: usize,
        params: *const LoadParams,
        out: *mut *mut llama_model,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_model_load_fd(
        fd: c_int,
        offset: u64,
        params: *const LoadParams,
        out: *mut *mut llama_model,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_model_free(model: *mut llama_model, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_model_facts_get(m: *const llama_model, out: *mut ModelFacts, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_vocab_flags(m: *const llama_model, out: *mut u8, n: i32, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_vocab_text(
        m: *const llama_model,
        token: i32,
        out: *mut *const c_char,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_tokenize(
        m: *const llama_model,
        text: *const c_char,
        len: i32,
        out: *mut i32,
        capacity: i32,
        special: bool,
        parse: bool,
        n: *mut i32,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_piece(
        m: *const llama_model,
        token: i32,
        out: *mut c_char,
        capacity: i32,
        special: bool,
        n: *mut i32,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_detokenize(
        m: *const llama_model,
        tokens: *const i32,
        n_tokens: i32,
        out: *mut c_char,
        capacity: i32,
        special: bool,
        n: *mut i32,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_context_new(
        m: *mut llama_model,
        params: *const ContextParams,
        out: *mut *mut llama_context,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_context_sizes(
        c: *const llama_context,
        n_ctx: *mut u32,
        n_ctx_seq: *mut u32,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_context_free(c: *mut llama_context, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_context_memory(
        c: *const llama_context,
        index: usize,
        out: *mut RawMemory,
        count: *mut usize,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_set_threads(c: *mut llama_context, n: i32, n_batch: i32, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_decode(
        c: *mut llama_context,
        encode: bool,
        n: i32,
        token: *const i32,
        pos: *const i32,
        seq: *const i32,
        logits: *const i8,
        rc: *mut i32,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_logits(c: *mut llama_context, row: i32, out: *mut *mut f32, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_embedding(
        c: *mut llama_context,
        seq: i32,
        row: i32,
        out: *mut *mut f32,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_memory_clear(c: *mut llama_context, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_seq_rm(
        c: *mut llama_context,
        seq: i32,
        from: i32,
        ok: *mut bool,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_seq_cp(c: *mut llama_context, from: i32, to: i32, until: i32, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_seq_shift(
        c: *mut llama_context,
        seq: i32,
        from: i32,
        to: i32,
        ok: *mut bool,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_state_size(c: *mut llama_context, seq: i32, out: *mut usize, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_state_get(
        c: *mut llama_context,
        seq: i32,
        out: *mut u8,
        capacity: usize,
        n: *mut usize,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_state_set(
        c: *mut llama_context,
        seq: i32,
        data: *const u8,
        size: usize,
        n: *mut usize,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_lora_load(
        m: *mut llama_model,
        path: *const c_char,
        out: *mut *mut llama_adapter_lora,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_lora_free(lora: *mut llama_adapter_lora, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_lora_invocation(
        lora: *const llama_adapter_lora,
        out: *mut *const i32,
        n: *mut u64,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_set_loras(
        c: *mut llama_context,
        loras: *mut *mut llama_adapter_lora,
        scales: *mut f32,
        n: usize,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_set_control_vector(
        c: *mut llama_context,
        data: *const f32,
        n: usize,
        width: i32,
        layers: i32,
        ok: *mut bool,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_sampler_new(
        m: *const llama_model,
        params: *const SamplerParams,
        out: *mut *mut llama_sampler,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_sampler_apply(
        s: *mut llama_sampler,
        data: *mut llama_token_data,
        n: usize,
        sorted: bool,
        out: *mut i32,
        fault: *mut RawFault,
    ) -> c_int;
    pub(crate) fn qg_sampler_accept(s: *mut llama_sampler, token: i32, fault: *mut RawFault) -> c_int;
    pub(crate) fn qg_sampler_free(s: *mut llama_sampler, fault: *mut RawFault) -> c_int;
    fn qg_device_get(index: usize, out: *mut RawDevice, count: *mut usize, fault: *mut RawFault) -> c_int;
    #[cfg(test)]
    fn qg_struct_sizes(out: *mut usize);
}

/// How a call into llama.cpp failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// An assert: its state may be half-changed.
    Assert,
    /// A C++ exception.
    Exception,
    /// `std::bad_alloc`, or a device without memory.
    Memory,
}

/// A caught failure, with the engine's own words (no build paths).
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub kind: FaultKind,
    pub text: String,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault.kind {
            FaultKind::Memory => Error::new(
                Code::OutOfMemory,
                format!("the engine could not allocate memory ({}): use a smaller context or model", fault.text),
            ),
            _ => Error::new(Code::EngineFault, format!("the engine failed: {}", fault.text)),
        }
    }
}

/// Runs one guarded call. `call` gets the place for the fault and returns the guard's status.
pub(crate) fn call(call: impl FnOnce(*mut RawFault) -> c_int) -> std::result::Result<(), Fault> {
    call_with_log(call).map(drop)
}

/// As [`call`], and gives the log lines of the call back.
pub(crate) fn call_with_log(call: impl FnOnce(*mut RawFault) -> c_int) -> std::result::Result<String, Fault> {
    // Not zeroed as a whole: this runs several times a token, and the guard ends both texts with NUL when it writes.
    let mut raw = std::mem::MaybeUninit::<RawFault>::uninit();
    let p = raw.as_mut_ptr();
    // SAFETY: the first bytes of both arrays lie inside `raw`.
    unsafe {
        (*p).text[0] = 0;
        (*p).log[0] = 0;
    }
    let rc = call(p);
    // SAFETY: both arrays hold a NUL, set above or by the guard behind what it wrote.
    let text = |from: *const c_char| unsafe { CStr::from_ptr(from) }.to_string_lossy().into_owned();
    // SAFETY: `p` points to `raw`, which lives until the end of this function.
    let (words, log) =
        unsafe { ((&raw const (*p).text).cast::<c_char>(), (&raw const (*p).log).cast::<c_char>()) };
    let kind = match rc {
        // SAFETY: as above.
        0 if unsafe { *log } == 0 => return Ok(String::new()),
        0 => return Ok(text(log)),
        1 => FaultKind::Assert,
        3 => FaultKind::Memory,
        _ => FaultKind::Exception,
    };
    #[cfg(feature = "test-hooks")]
    CAUGHT[kind as usize].fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    Err(Fault { kind, text: without_build_path(&text(words)) })
}

#[cfg(feature = "test-hooks")]
static CAUGHT: [std::sync::atomic::AtomicU64; 3] = [const { std::sync::atomic::AtomicU64::new(0) }; 3];

/// How many faults were caught in this process: asserts, exceptions, allocations that failed.
#[cfg(feature = "test-hooks")]
#[doc(hidden)]
pub fn caught_faults() -> [u64; 3] {
    CAUGHT.each_ref().map(|n| n.load(std::sync::atomic::Ordering::Relaxed))
}

/// The words of an assert on a thread of ggml's own, without build paths; it is counted with those that were caught.
pub(super) fn caught_elsewhere(text: &str) -> String {
    #[cfg(feature = "test-hooks")]
    CAUGHT[FaultKind::Assert as usize].fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    without_build_path(text)
}

/// `/build/place/ggml.c:12: GGML_ASSERT(x) failed` without the folders.
fn without_build_path(text: &str) -> String {
    for end in [".cpp:", ".c:", ".h:", ".cu:", ".m:", ".hpp:"] {
        if let Some(at) = text.find(end) {
            if let Some(slash) = text[..at].rfind(['/', '\\']) {
                return text[slash + 1..].to_owned();
            }
        }
    }
    text.to_owned()
}

/// Starts llama.cpp's back-ends once for the process, after asking whether this CPU can run them. A failure, such as for
/// lack of memory, is tried again.
pub(crate) fn init() -> Result<()> {
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = lock(&DONE);
    if !*done {
        super::cpu::check()?;
        // SAFETY: both are functions that never unwind; the guard sets its own log and abort callbacks.
        call(|f| unsafe { qg_init(Some(on_log), Some(super::stranded::on_stranded), f) })?;
        *done = true;
    }
    Ok(())
}

/// Passes a piece of llama.cpp's log on, on whichever thread wrote it.
unsafe extern "C" fn on_log(level: c_int, text: *const c_char) {
    // ggml's numbers; 5 goes on from the piece before.
    let level = match level {
        1 => Some(Level::Debug),
        3 => Some(Level::Warn),
        4 => Some(Level::Error),
        5 => None,
        _ => Some(Level::Info),
    };
    if text.is_null() {
        return;
    }
    // SAFETY: NUL-terminated, and it lives through the call.
    let text = unsafe { CStr::from_ptr(text) };
    // A panic must not unwind into C++.
    let _ = std::panic::catch_unwind(|| log::engine(level, &text.to_string_lossy()));
}

/// A device that llama.cpp can compute on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// Short name, such as `CPU` or `CUDA0`.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its memory in bytes.
    pub memory_total: u64,
    /// Its free memory in bytes.
    pub memory_free: u64,
    /// Whether it is a GPU or another accelerator.
    pub is_gpu: bool,
}

/// Every device of this build on this machine.
pub fn devices() -> Result<Vec<Device>> {
    init()?;
    let mut out = Vec::new();
    let mut count = 1;
    while out.len() < count {
        let mut raw = RawDevice { name: [0; 64], description: [0; 128], memory_total: 0, memory_free: 0, kind: 0 };
        // SAFETY: both places live through the call.
        call(|f| unsafe { qg_device_get(out.len(), &mut raw, &mut count, f) })?;
        if out.len() < count {
            // SAFETY: the guard ends both with NUL.
            let text = |from: &[c_char]| unsafe { CStr::from_ptr(from.as_ptr()) }.to_string_lossy().into_owned();
            out.push(Device {
                name: text(&raw.name),
                description: text(&raw.description),
                memory_total: raw.memory_total,
                memory_free: raw.memory_free,
                // GGML_BACKEND_DEVICE_TYPE_CPU is 0, GPU 1, integrated GPU 2, accelerator 3.
                is_gpu: matches!(raw.kind, 1 | 2),
            });
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_have_the_size_that_the_guard_sees() {
        let mut sizes = [0usize; 7];
        // SAFETY: seven places, as the guard writes.
        unsafe { qg_struct_sizes(sizes.as_mut_ptr()) };
        assert_eq!(
            sizes,
            [
                size_of::<RawFault>(),
                size_of::<LoadParams>(),
                size_of::<ContextParams>(),
                size_of::<ModelFacts>(),
                size_of::<SamplerParams>(),
                size_of::<RawDevice>(),
                size_of::<RawMemory>(),
            ]
        );
    }

    #[test]
    fn build_paths_are_cut() {
        assert_eq!(
            without_build_path("/home/x/llama.cpp/src/llama-context.cpp:17: GGML_ASSERT(a/b) failed"),
            "llama-context.cpp:17: GGML_ASSERT(a/b) failed"
        );
        assert_eq!(without_build_path("plain words"), "plain words");
    }

    #[cfg(feature = "test-hooks")]
    #[test]
    fn a_gpu_without_memory_is_told_from_other_errors_of_it() {
        init().unwrap();
        // SAFETY: NUL-terminated, and the guard only reads it.
        let failed =
            |why: &CStr| Error::from(call(|f| unsafe { qg_test_cuda_error(why.as_ptr(), f) }).unwrap_err());
        let memory = failed(c"out of memory");
        assert_eq!(memory.code(), Code::OutOfMemory);
        assert!(memory.to_string().contains("a GPU is out of memory"), "{memory}");
        let other = failed(c"an illegal memory access was encountered");
        assert_eq!(other.code(), Code::EngineFault);
        assert!(other.to_string().contains("CUDA error"), "{other}");
    }

    #[test]
    fn there_is_a_cpu() {
        assert!(devices().unwrap().iter().any(|d| !d.is_gpu));
    }
}
