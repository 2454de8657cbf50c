//! What a host and its worker say to each other, as JSON.
//!
//! The library's own types are mirrored here rather than made serializable, so that nothing of it becomes part of the
//! API; the compiler sees to it that no field is forgotten. JSON of the caller's goes as text inside of the JSON, so that
//! it may nest as deeply here as anywhere. Numbers that JSON cannot write (a bias of minus infinity) go as their bits.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::adapter::Adapter;
use crate::constraint::Constraint;
use crate::engine::native::LoadOptions;
use crate::engine::{CacheType, EngineOptions, FlashAttention, Stats, Trim};
use crate::error::{Code, Error, Result};
use crate::event::{Done, Event, FinishReason, Text, TokenLogprob, ToolCall, ToolCallDelta, Usage};
use crate::message::Message;
use crate::model::Token;
use crate::request::{ContextPolicy, Prompt, Request, ToolChoice};
use crate::sampling::Sampling;
use crate::template::Rendered;
use crate::transcript::Transcript;

/// What the host tells its worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// The first: load the model and make the engine.
    Start(Box<Start>),
    Submit(Box<Submit>),
    Cancel(u64),
    Adapter(LoadAdapter),
    /// No request will name this adapter again.
    Forget(u64),
    Threads(u32, u32),
    /// The level that the host listens to; 0 for none.
    Log(i32),
    Unpin,
    Pause(u64),
    Resume,
    Trim(u64, #[serde(with = "TrimDef")] Trim),
    Stats(u64),
    /// Copy a prefix out of the context.
    TakeOut(u64, Box<Prefix>),
    /// Put a prefix of a session file into it.
    PutBack(u64, Box<Prefix>, SessionFile),
    Close,
    /// Raise this signal, or assert in llama.cpp (0).
    #[cfg(feature = "test-hooks")]
    Provoke(i32),
}

/// What the worker tells its host.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// The first: who speaks.
    Hello(Build),
    /// The engine takes requests; so many tokens does its KV cache hold.
    Ready {
        kv_tokens: u32,
    },
    /// There is no engine.
    Failed(WireError),
    /// An answer left the queue.
    Began(u64),
    Prompt(u64, Prompted),
    Tokens(u64, Vec<Token>),
    Event(u64, WireEvent),
    /// The outcome of a call.
    Answer(u64, std::result::Result<Outcome, WireError>),
    Log {
        level: i32,
        engine: bool,
        message: String,
    },
    /// The engine is poisoned, and the worker about to end.
    Fault(WireError),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Outcome {
    Done,
    Stats(#[serde(with = "StatsDef")] Stats),
    /// A prefix; its cells came before.
    Prefix(Option<TakenOut>),
    /// Tokens that were put back.
    Put(u64),
}

/// Host and worker must be of one build: what they say to each other is for no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Build {
    pub version: String,
    pub build: String,
}

impl Build {
    /// This one's: the library's version, and a hash of everything that shapes what is said.
    pub(super) fn own() -> Build {
        let mut hasher = blake3::Hasher::new();
        for source in [
            include_str!("wire.rs"),
            include_str!("frame.rs"),
            include_str!("../options.rs"),
            include_str!("../stats.rs"),
            include_str!("../../request.rs"),
            include_str!("../../event.rs"),
            include_str!("../../error.rs"),
            include_str!("../../sampling.rs"),
            include_str!("../../constraint.rs"),
            crate::engine::prefixes::COMPUTED_BY,
        ] {
            hasher.update(source.as_bytes());
        }
        hasher.update(&[u8::from(cfg!(feature = "test-hooks"))]);
        let build = hasher.finalize().to_hex()[..16].to_owned();
        Build { version: env!("CARGO_PKG_VERSION").to_owned(), build }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    pub place: ModelPlace,
    pub load: Load,
    /// Fingerprint of the model that the host has.
    pub fingerprint: String,
    #[serde(with = "EngineOptionsDef")]
    pub options: EngineOptions,
    /// The level that the host listens to; 0 for none.
    pub log: i32,
}

/// Where the model is: the files, or the descriptor that the worker was given.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ModelPlace {
    Paths(Vec<PathBytes>),
    Given { offset: u64, length: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Load {
    gpu_layers: i32,
    main_gpu: i32,
    mmap: bool,
    mlock: bool,
    check_tensors: bool,
    repack: bool,
}

impl From<LoadOptions> for Load {
    fn from(o: LoadOptions) -> Load {
        let LoadOptions { gpu_layers, main_gpu, mmap, mlock, check_tensors, repack, vocab_only: _, dry: _ } = o;
        Load { gpu_layers, main_gpu, mmap, mlock, check_tensors, repack }
    }
}

impl Load {
    pub(super) fn options(&self) -> crate::model::ModelOptions {
        crate::model::ModelOptions {
            gpu_layers: u32::try_from(self.gpu_layers).ok(),
            main_gpu: self.main_gpu.max(0) as u32,
            mmap: self.mmap,
            mlock: self.mlock,
            check_tensors: self.check_tensors,
            repack: self.repack,
            ..Default::default()
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Submit {
    pub id: u64,
    #[serde(with = "RequestDef")]
    pub request: Request,
    /// Adapters by the host's numbers, with the bits of their scales.
    pub adapters: Vec<(u64, u32)>,
    pub pin: bool,
    /// Whether the prompt and the tokens are wanted.
    pub followed: bool,
    pub before: Option<WireTranscript>,
    /// How long ago it was submitted, in microseconds.
    pub waited: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LoadAdapter {
    pub id: u64,
    pub path: PathBytes,
    pub fingerprint: String,
}

/// A text whose cells are wanted, and what tells them from others'.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Prefix {
    pub text: Vec<Token>,
    pub prompt: Vec<Token>,
    pub adapters: Vec<(u64, u32)>,
    pub cache_key: String,
    pub origin: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SessionFile {
    pub path: PathBytes,
    /// The checksum that the host saw.
    pub checksum: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TakenOut {
    pub engine: String,
    pub adapters: String,
    pub tokens: Vec<Token>,
    pub order: (Vec<u32>, Vec<u32>),
    /// Bytes of the cells.
    pub bytes: u64,
}

/// A path, whatever its bytes are.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PathBytes(Vec<u8>);

impl PathBytes {
    /// Absolute, since the worker works in another folder.
    pub(super) fn new(path: &std::path::Path) -> PathBytes {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        PathBytes(absolute.as_os_str().as_bytes().to_vec())
    }

    pub(super) fn path(self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.0))
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireError {
    code: i32,
    message: String,
}

impl From<&Error> for WireError {
    fn from(e: &Error) -> WireError {
        WireError { code: e.code().value(), message: e.message().to_owned() }
    }
}

impl WireError {
    pub(super) fn error(self) -> std::result::Result<Error, String> {
        let code = Code::ALL.iter().find(|c| c.value() == self.code).ok_or("an error code that does not exist")?;
        Ok(Error::new(*code, self.message))
    }
}

/// A prompt as text and as tokens.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Prompted {
    text: String,
    protected: Vec<(usize, usize)>,
    tokens: Vec<Token>,
}

impl Prompted {
    pub(super) fn new(rendered: &Rendered, tokens: &[Token]) -> Prompted {
        let protected = rendered.protected.iter().map(|p| (p.start, p.end)).collect();
        Prompted { text: rendered.text.clone(), protected, tokens: tokens.to_vec() }
    }

    pub(super) fn parts(self) -> std::result::Result<(Rendered, Vec<Token>), String> {
        let mut protected = Vec::with_capacity(self.protected.len());
        let mut end = 0;
        for (from, to) in self.protected {
            if from < end || self.text.get(from..to).is_none() {
                return Err("a range outside of its text".into());
            }
            protected.push(from..to);
            end = to;
        }
        Ok((Rendered { text: self.text, protected }, self.tokens))
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireTranscript {
    prompt: Prompted,
    generated: Vec<Token>,
}

impl From<&Transcript> for WireTranscript {
    fn from(t: &Transcript) -> WireTranscript {
        WireTranscript { prompt: Prompted::new(&t.rendered, &t.tokens), generated: t.generated.clone() }
    }
}

impl WireTranscript {
    pub(super) fn transcript(self) -> std::result::Result<Transcript, String> {
        let (rendered, tokens) = self.prompt.parts()?;
        Ok(Transcript { rendered, tokens, generated: self.generated })
    }
}

/// An error before a request goes on its way, where it could not be written as JSON.
pub(super) fn check(request: &Request) -> Result<()> {
    match &request.constraint {
        Some(Constraint::JsonSchema(schema)) => crate::constraint::check_depth(schema),
        _ => Ok(()),
    }
}

// ---- mirrors ----

#[derive(Serialize, Deserialize)]
#[serde(remote = "Trim")]
enum TrimDef {
    Cache,
    Context,
    Weights,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CacheType")]
enum CacheTypeDef {
    F16,
    Q8_0,
    Q4_0,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FlashAttention")]
enum FlashAttentionDef {
    Auto,
    Off,
    On,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "EngineOptions")]
struct EngineOptionsDef {
    n_ctx: Option<u32>,
    kv_tokens: Option<u32>,
    max_sequences: u32,
    max_queue: u32,
    n_batch: u32,
    n_ubatch: u32,
    threads: Option<u32>,
    threads_batch: Option<u32>,
    adapt_threads: bool,
    #[serde(with = "CacheTypeDef")]
    cache_type_k: CacheType,
    #[serde(with = "CacheTypeDef")]
    cache_type_v: CacheType,
    #[serde(with = "FlashAttentionDef")]
    flash_attention: FlashAttention,
    unified_kv: bool,
    max_step_ms: u32,
    prefix_cache: bool,
    deterministic: bool,
    offload_kv: bool,
    memory_budget: Option<u64>,
    #[serde(with = "optional_path")]
    prefix_cache_dir: Option<PathBuf>,
    prefix_cache_dir_bytes: u64,
    isolated: bool,
    #[serde(with = "optional_path")]
    worker: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Stats")]
struct StatsDef {
    queued: u32,
    active: u32,
    kv_tokens_total: u64,
    kv_tokens_used: u64,
    cached_tokens: u64,
    evictions: u64,
    preemptions: u64,
    submitted: u64,
    finished: u64,
    failed: u64,
    prompt_tokens: u64,
    reused_tokens: u64,
    disk_tokens: u64,
    output_tokens: u64,
    steps: u64,
    prompt_tokens_per_second: f64,
    output_tokens_per_second: f64,
    longest_step_us: u64,
    threads: u32,
    threads_batch: u32,
    threads_used: u32,
    threads_batch_used: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ContextPolicy")]
enum ContextPolicyDef {
    Error,
    Shift,
    DropOldest,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ToolChoice")]
enum ToolChoiceDef {
    Auto,
    None,
    Required,
    Named(String),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Prompt")]
enum PromptDef {
    Messages(#[serde(with = "messages")] Vec<Message>),
    Text { text: String, parse_special: bool },
    Tokens(Vec<Token>),
    Infill { prefix: String, suffix: String },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Constraint")]
enum ConstraintDef {
    JsonSchema(#[serde(with = "value")] Value),
    Json,
    JsonObject,
    Regex(String),
    Lark(String),
    Gbnf(String),
    Choice(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Sampling")]
struct SamplingDef {
    temperature: Option<f32>,
    dynatemp_range: Option<f32>,
    dynatemp_exponent: Option<f32>,
    top_k: Option<u32>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    typical_p: Option<f32>,
    top_n_sigma: Option<f32>,
    xtc_probability: Option<f32>,
    xtc_threshold: Option<f32>,
    dry_multiplier: Option<f32>,
    dry_base: Option<f32>,
    dry_allowed_length: Option<u32>,
    dry_penalty_last_n: Option<i32>,
    dry_sequence_breakers: Option<Vec<String>>,
    repeat_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    penalty_last_n: Option<i32>,
    mirostat: Option<u32>,
    mirostat_tau: Option<f32>,
    mirostat_eta: Option<f32>,
    min_keep: Option<u32>,
    seed: Option<u32>,
    #[serde(with = "numbers")]
    logit_bias: Vec<(Token, f32)>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Request")]
struct RequestDef {
    #[serde(with = "PromptDef")]
    prompt: Prompt,
    #[serde(with = "SamplingDef")]
    sampling: Sampling,
    max_tokens: Option<u32>,
    min_tokens: u32,
    stop: Vec<String>,
    ignore_eos: bool,
    logprobs: Option<u32>,
    n: u32,
    return_tokens: bool,
    priority: i32,
    deadline: Option<Duration>,
    cache_key: String,
    origin: String,
    #[serde(with = "ContextPolicyDef")]
    context_policy: ContextPolicy,
    shift_keep: u32,
    /// Beside the request, by their numbers.
    #[serde(skip)]
    adapters: Vec<(Adapter, f32)>,
    continue_final_message: bool,
    template: Option<String>,
    #[serde(with = "map")]
    template_variables: Map<String, Value>,
    #[serde(with = "values")]
    tools: Vec<Value>,
    #[serde(with = "constraint")]
    constraint: Option<Constraint>,
    constraint_triggers: Vec<String>,
    json_whitespace: bool,
    heal: bool,
    #[serde(with = "ToolChoiceDef")]
    tool_choice: ToolChoice,
    parallel_tool_calls: bool,
    tool_format: Option<String>,
    thinking: Option<bool>,
    reasoning_budget: Option<u32>,
    split_reasoning: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireEvent(#[serde(with = "EventDef")] pub Event);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Event")]
enum EventDef {
    Text(#[serde(with = "TextDef")] Text),
    Reasoning(#[serde(with = "TextDef")] Text),
    ToolCallDelta(#[serde(with = "ToolCallDeltaDef")] ToolCallDelta),
    ToolCall(#[serde(with = "ToolCallDef")] ToolCall),
    Done(#[serde(with = "DoneDef")] Done),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Text")]
struct TextDef {
    choice: u32,
    text: String,
    tokens: Vec<Token>,
    #[serde(with = "logprobs")]
    logprobs: Vec<TokenLogprob>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ToolCallDelta")]
struct ToolCallDeltaDef {
    choice: u32,
    index: u32,
    id: String,
    name: String,
    arguments: String,
    first: bool,
    tokens: Vec<Token>,
    #[serde(with = "logprobs")]
    logprobs: Vec<TokenLogprob>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ToolCall")]
struct ToolCallDef {
    choice: u32,
    index: u32,
    id: String,
    name: String,
    arguments: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Done")]
struct DoneDef {
    choice: u32,
    #[serde(with = "FinishReasonDef")]
    reason: FinishReason,
    #[serde(with = "UsageDef")]
    usage: Usage,
    seed: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FinishReason")]
enum FinishReasonDef {
    Stop,
    Length,
    ToolCalls,
    Cancelled,
    Deadline,
    Error(#[serde(with = "error")] Error),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Usage")]
struct UsageDef {
    prompt_tokens: u32,
    cached_tokens: u32,
    output_tokens: u32,
    forced_tokens: u32,
    reasoning_tokens: u32,
    queue: Duration,
    prefill: Duration,
    first_token: Duration,
    decode: Duration,
    preemptions: u32,
    dropped_messages: u32,
}

/// A type that is written as another one.
macro_rules! written_as {
    ($name:ident, $type:ty, $other:ty, $to:expr, $from:expr) => {
        mod $name {
            use super::*;
            use serde::{de, Deserializer, Serializer};

            pub(super) fn serialize<S: Serializer>(v: &$type, s: S) -> std::result::Result<S::Ok, S::Error> {
                let to: fn(&$type) -> $other = $to;
                to(v).serialize(s)
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<$type, D::Error> {
                let from: fn($other) -> std::result::Result<$type, String> = $from;
                from(<$other>::deserialize(d)?).map_err(de::Error::custom)
            }
        }
    };
}

/// serde_json's errors can hold pieces of what they read, and these may be logged.
fn read<T: serde::de::DeserializeOwned>(text: &str) -> std::result::Result<T, String> {
    serde_json::from_str(text).map_err(|_| "JSON inside of JSON that cannot be read".to_owned())
}

written_as!(value, Value, String, |v| v.to_string(), |s| read(&s));
written_as!(values, Vec<Value>, Vec<String>, |v| v.iter().map(Value::to_string).collect(), |all| {
    all.iter().map(|s| read(s)).collect()
});
written_as!(
    map,
    Map<String, Value>,
    Vec<(String, String)>,
    |m| m.iter().map(|(k, v)| (k.clone(), v.to_string())).collect(),
    |all| all.into_iter().map(|(k, v)| Ok((k, read(&v)?))).collect()
);
written_as!(
    messages,
    Vec<Message>,
    Vec<Vec<(String, String)>>,
    |all| {
        let one = |m: &Message| m.as_json().iter().map(|(k, v)| (k.clone(), v.to_string())).collect();
        all.iter().map(one).collect()
    },
    |all| {
        let one = |m: Vec<(String, String)>| {
            let map: std::result::Result<Map<String, Value>, String> =
                m.into_iter().map(|(k, v)| Ok((k, read(&v)?))).collect();
            Message::from_json(Value::Object(map?)).map_err(|e| e.to_string())
        };
        all.into_iter().map(one).collect()
    }
);
written_as!(constraint, Option<Constraint>, Option<WireConstraint>, |c| c.clone().map(WireConstraint), |c| Ok(
    c.map(|WireConstraint(c)| c)
));
written_as!(
    numbers,
    Vec<(Token, f32)>,
    Vec<(Token, u32)>,
    |all| all.iter().map(|(t, x)| (*t, x.to_bits())).collect(),
    |all| Ok(all.into_iter().map(|(t, x)| (t, f32::from_bits(x))).collect())
);
written_as!(
    logprobs,
    Vec<TokenLogprob>,
    Vec<WireLogprob>,
    |all| {
        let one = |l: &TokenLogprob| {
            (l.token, l.logprob.to_bits(), l.top.iter().map(|(t, x)| (*t, x.to_bits())).collect())
        };
        all.iter().map(one).collect()
    },
    |all| {
        let number = |(token, bits): (Token, u32)| (token, f32::from_bits(bits));
        let one = |(token, bits, top): WireLogprob| {
            let top = top.into_iter().map(number).collect();
            TokenLogprob { token, logprob: f32::from_bits(bits), top }
        };
        Ok(all.into_iter().map(one).collect())
    }
);
written_as!(error, Error, WireError, |e| e.into(), |e| e.error());
written_as!(optional_path, Option<PathBuf>, Option<PathBytes>, |p| p.as_deref().map(PathBytes::new), |p| Ok(
    p.map(PathBytes::path)
));

#[derive(Serialize, Deserialize)]
struct WireConstraint(#[serde(with = "ConstraintDef")] Constraint);

type WireLogprob = (Token, u32, Vec<(Token, u32)>);

#[cfg(test)]
mod tests {
    use super::*;

    fn back(order: &Order) -> Order {
        serde_json::from_slice(&serde_json::to_vec(order).unwrap()).unwrap()
    }

    /// A request in which no field has its default.
    fn full() -> Request {
        let mut r = Request::chat([Message::system("s"), Message::user("u \u{1F600}\0")]);
        r.sampling = Sampling {
            temperature: Some(0.1 + 0.2),
            dynatemp_range: Some(0.3),
            dynatemp_exponent: Some(1.7),
            top_k: Some(3),
            top_p: Some(0.9),
            min_p: Some(f32::MIN_POSITIVE),
            typical_p: Some(0.99),
            top_n_sigma: Some(-1.0),
            xtc_probability: Some(0.5),
            xtc_threshold: Some(0.2),
            dry_multiplier: Some(1.1),
            dry_base: Some(1.76),
            dry_allowed_length: Some(4),
            dry_penalty_last_n: Some(-1),
            dry_sequence_breakers: Some(vec!["\n".into()]),
            repeat_penalty: Some(1.2),
            frequency_penalty: Some(-0.1),
            presence_penalty: Some(0.7),
            penalty_last_n: Some(9),
            mirostat: Some(2),
            mirostat_tau: Some(4.9),
            mirostat_eta: Some(0.11),
            min_keep: Some(1),
            seed: Some(u32::MAX),
            logit_bias: vec![(3, f32::NEG_INFINITY), (4, -0.0)],
        };
        (r.max_tokens, r.min_tokens, r.stop, r.ignore_eos) = (Some(9), 2, vec!["</s>".into()], true);
        (r.logprobs, r.n, r.return_tokens, r.priority) = (Some(5), 3, true, -7);
        (r.deadline, r.cache_key, r.origin) = (Some(Duration::from_nanos(1)), "k".into(), "o".into());
        (r.context_policy, r.shift_keep) = (ContextPolicy::DropOldest, 4);
        (r.continue_final_message, r.template) = (true, Some("t".into()));
        r.template_variables.insert("a".into(), serde_json::json!({"b": [1, 2.5, null]}));
        r.tools = vec![serde_json::json!({"name": "f", "z": 1, "a": 2})];
        r.constraint = Some(Constraint::JsonSchema(serde_json::json!({"type": "object", "b": 1, "a": 2})));
        (r.constraint_triggers, r.json_whitespace, r.heal) = (vec!["x".into()], true, true);
        (r.tool_choice, r.parallel_tool_calls) = (ToolChoice::Named("f".into()), false);
        (r.tool_format, r.thinking) = (Some("json".into()), Some(false));
        (r.reasoning_budget, r.split_reasoning) = (Some(11), false);
        r
    }

    #[test]
    fn a_request_comes_back_as_it_was() {
        let request = full();
        let submit = Submit {
            id: 7,
            request: request.clone(),
            adapters: vec![(1, 0.5f32.to_bits())],
            pin: true,
            followed: true,
            before: None,
            waited: 3,
        };
        let Order::Submit(again) = back(&Order::Submit(Box::new(submit))) else { panic!("another order") };
        assert_eq!(again.request, request);
        assert_eq!((again.id, again.pin, again.followed, again.waited), (7, true, true, 3));
        assert_eq!(again.request.sampling.logit_bias[1].1.to_bits(), (-0.0f32).to_bits());
        // The order of members is part of a schema, and of a tool's text.
        assert_eq!(again.request.tools[0].to_string(), request.tools[0].to_string());
        let all = [
            Constraint::Json,
            Constraint::JsonObject,
            Constraint::Regex("a".into()),
            Constraint::Lark("b".into()),
            Constraint::Gbnf("c".into()),
            Constraint::Choice(vec!["d".into()]),
        ];
        for constraint in all {
            let text = serde_json::to_string(&WireConstraint(constraint.clone())).unwrap();
            assert_eq!(serde_json::from_str::<WireConstraint>(&text).unwrap().0, constraint);
        }
    }

    #[test]
    fn json_may_nest_as_deeply_as_in_process() {
        let mut value = serde_json::json!(1);
        for _ in 0..crate::message::MOST_DEPTH - 2 {
            value = serde_json::json!([value]);
        }
        let mut request = Request::text("x");
        request.template_variables.insert("v".into(), value);
        request.check().unwrap();
        let submit = Submit {
            id: 1,
            request: request.clone(),
            adapters: Vec::new(),
            pin: false,
            followed: false,
            before: None,
            waited: 0,
        };
        let Order::Submit(again) = back(&Order::Submit(Box::new(submit))) else { panic!("another order") };
        assert_eq!(again.request, request);
    }

    #[test]
    fn events_come_back_as_they_were() {
        let logprobs = vec![TokenLogprob { token: 1, logprob: f32::NEG_INFINITY, top: vec![(2, -0.1)] }];
        let text = Text { choice: 2, text: "é\n".into(), tokens: vec![1, 2], logprobs: logprobs.clone() };
        let usage = Usage { prompt_tokens: 3, queue: Duration::from_micros(7), ..Usage::default() };
        let error = Error::new(Code::Grammar, "no");
        let call = |index| ToolCall { choice: 0, index, id: "i".into(), name: "n".into(), arguments: "{}".into() };
        let delta = ToolCallDelta {
            choice: 0,
            index: 1,
            id: "i".into(),
            name: "n".into(),
            arguments: "{".into(),
            first: true,
            tokens: vec![4],
            logprobs,
        };
        let done = |reason| Event::Done(Done { choice: 1, reason, usage, seed: 9 });
        let reasons = [
            FinishReason::Stop,
            FinishReason::Length,
            FinishReason::ToolCalls,
            FinishReason::Cancelled,
            FinishReason::Deadline,
            FinishReason::Error(error),
        ];
        let mut events = vec![
            Event::Text(text.clone()),
            Event::Reasoning(text),
            Event::ToolCall(call(3)),
            Event::ToolCallDelta(delta),
        ];
        events.extend(reasons.map(done));
        for event in events {
            let bytes = serde_json::to_vec(&Report::Event(5, WireEvent(event.clone()))).unwrap();
            let Report::Event(5, WireEvent(again)) = serde_json::from_slice(&bytes).unwrap() else { panic!() };
            assert_eq!(again, event);
        }
    }

    #[test]
    fn what_a_broken_worker_says_is_refused() {
        let wrong = |p: Vec<(usize, usize)>| Prompted { text: "aé".into(), protected: p, tokens: vec![] }.parts();
        assert!(wrong(vec![(0, 2)]).is_err());
        assert!(wrong(vec![(0, 9)]).is_err());
        assert!(wrong(vec![(1, 3), (0, 1)]).is_err());
        assert!(wrong(vec![(0, 1), (1, 3)]).is_ok());
        assert!(WireError { code: 1, message: String::new() }.error().is_err());
        for text in ["{\"Event\":[1,{\"Done\":{}}]}", "{\"Began\":-1}", "{\"Nothing\":1}", "[]", "\u{0}"] {
            assert!(serde_json::from_str::<Report>(text).is_err(), "{text}");
        }
    }
}
