//! What the integration tests share: where the models are, and tiny models made on the spot.
#![allow(dead_code)]

pub(crate) mod cases;
pub(crate) mod isolated;

use std::path::PathBuf;

use qask::{Engine, Event, FinishReason, Message, Next, Request, Sampling};

/// Where `tools/models.py` keeps what it fetched.
pub(crate) fn cache() -> PathBuf {
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    var("QASK_CACHE")
        .or_else(|| var("XDG_CACHE_HOME").map(|p| p.join("qask")))
        .or_else(|| var("HOME").map(|p| p.join(".cache/qask")))
        .expect("a home folder")
}

/// A model of the cache (`tools/models.py fetch NAME`). Its absence fails the test: `make test` fetches it.
pub(crate) fn model(file: &str) -> PathBuf {
    let path = cache().join(file);
    assert!(path.is_file(), "{} is missing: tools/models.py fetch", path.display());
    path
}

pub(crate) fn smollm2() -> PathBuf {
    model("smollm2-135m-instruct-q4_1.gguf")
}

pub(crate) fn qwen() -> PathBuf {
    model("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf")
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    U16(u16),
    I32(i32),
    U32(u32),
    F32(f32),
    Bool(bool),
    Str(String),
    Strings(Vec<String>),
    Ints(Vec<i32>),
    Unsigned(Vec<u32>),
    Floats(Vec<f32>),
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) dims: Vec<u64>,
    /// ggml's number of the type; the data is written as it is.
    pub(crate) kind: u32,
    pub(crate) data: Vec<u8>,
}

/// A GGUF that a test can bend before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Gguf {
    pub(crate) version: u32,
    pub(crate) keys: Vec<(String, Value)>,
    pub(crate) tensors: Vec<Tensor>,
}

pub(crate) const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// GPT-2's names of the 256 bytes (OpenAI's `bytes_to_unicode`).
fn byte_tokens() -> Vec<String> {
    let plain = |b: u32| (33..=126).contains(&b) || (161..=172).contains(&b) || (174..=255).contains(&b);
    let mut next = 256;
    (0..256u32)
        .map(|b| {
            let c = if plain(b) {
                b
            } else {
                next += 1;
                next - 1
            };
            char::from_u32(c).unwrap().to_string()
        })
        .collect()
}

fn floats(n: usize, seed: &mut u64) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..n {
        // An LCG (Knuth's MMIX constants): the same model every time.
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let x = ((*seed >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 0.4;
        out.extend(x.to_le_bytes());
    }
    out
}

/// A llama of one layer with random weights and a vocabulary of bytes, which llama.cpp loads and runs.
pub(crate) fn tiny() -> Gguf {
    let mut shapes = vec![("output.weight".to_owned(), vec![WIDTH, VOCABULARY])];
    shapes.extend(block(0, &ATTENTION));
    shapes.extend(block(0, &FEED_FORWARD));
    random("llama", attention_keys("llama"), shapes)
}

/// The same with four experts, of which each token uses two.
pub(crate) fn tiny_experts() -> Gguf {
    const EXPERTS: u64 = 4;
    let mut keys = attention_keys("llama");
    keys.push(("llama.expert_count".into(), Value::U32(EXPERTS as u32)));
    keys.push(("llama.expert_used_count".into(), Value::U32(2)));
    let mut shapes = vec![("output.weight".to_owned(), vec![WIDTH, VOCABULARY])];
    shapes.extend(block(0, &ATTENTION));
    shapes.extend(block(0, &FEED_FORWARD[..1]));
    shapes.push(("blk.0.ffn_gate_inp.weight".into(), vec![WIDTH, EXPERTS]));
    for name in ["gate", "up"] {
        shapes.push((format!("blk.0.ffn_{name}_exps.weight"), vec![WIDTH, HIDDEN, EXPERTS]));
    }
    shapes.push(("blk.0.ffn_down_exps.weight".into(), vec![HIDDEN, WIDTH, EXPERTS]));
    random("llama", keys, shapes)
}

/// A recurrent model of one layer (Mamba): its state is one for the whole text.
pub(crate) fn tiny_recurrent() -> Gguf {
    let (inner, state, rank, kernel) = (2 * WIDTH, 8, 4, 4);
    let keys = [
        ("mamba.ssm.conv_kernel", kernel),
        ("mamba.ssm.inner_size", inner),
        ("mamba.ssm.state_size", state),
        ("mamba.ssm.time_step_rank", rank),
    ];
    let keys = keys.map(|(k, v)| (k.to_owned(), Value::U32(v as u32))).to_vec();
    let shapes = [
        ("blk.0.attn_norm.weight", vec![WIDTH]),
        ("blk.0.ssm_in.weight", vec![WIDTH, 2 * inner]),
        ("blk.0.ssm_conv1d.weight", vec![kernel, inner]),
        ("blk.0.ssm_conv1d.bias", vec![inner]),
        ("blk.0.ssm_x.weight", vec![inner, rank + 2 * state]),
        ("blk.0.ssm_dt.weight", vec![rank, inner]),
        ("blk.0.ssm_dt.bias", vec![inner]),
        ("blk.0.ssm_a", vec![state, inner]),
        ("blk.0.ssm_d", vec![inner]),
        ("blk.0.ssm_out.weight", vec![inner, WIDTH]),
    ];
    random("mamba", keys, shapes.map(|(n, d)| (n.to_owned(), d)).to_vec())
}

/// The same of the second kind (Mamba 2): its state has heads, which share groups.
pub(crate) fn tiny_grouped(heads: u64, groups: u64) -> Gguf {
    let (inner, state, kernel) = (96, 8, 4);
    let keys = [
        ("mamba2.ssm.conv_kernel", kernel),
        ("mamba2.ssm.inner_size", inner),
        ("mamba2.ssm.state_size", state),
        ("mamba2.ssm.time_step_rank", heads),
        ("mamba2.ssm.group_count", groups),
    ];
    let keys = keys.map(|(k, v)| (k.to_owned(), Value::U32(v as u32))).to_vec();
    let mixed = inner + 2 * groups * state;
    let shapes = [
        ("blk.0.attn_norm.weight", vec![WIDTH]),
        ("blk.0.ssm_in.weight", vec![WIDTH, inner + mixed + heads]),
        ("blk.0.ssm_conv1d.weight", vec![kernel, mixed]),
        ("blk.0.ssm_conv1d.bias", vec![mixed]),
        ("blk.0.ssm_dt.bias", vec![heads]),
        ("blk.0.ssm_a", vec![1, heads]),
        ("blk.0.ssm_d", vec![1, heads]),
        ("blk.0.ssm_norm.weight", vec![inner / groups, groups]),
        ("blk.0.ssm_out.weight", vec![inner, WIDTH]),
    ];
    random("mamba2", keys, shapes.map(|(n, d)| (n.to_owned(), d)).to_vec())
}

/// A hybrid of a convolution layer and an attention layer (LFM2).
pub(crate) fn tiny_hybrid() -> Gguf {
    let mut keys = attention_keys("lfm2");
    keys.retain(|(k, _)| k != "lfm2.attention.head_count_kv");
    keys.push(("lfm2.block_count".into(), Value::U32(2)));
    keys.push(("lfm2.attention.head_count_kv".into(), Value::Ints(vec![0, 2])));
    keys.push(("lfm2.shortconv.l_cache".into(), Value::U32(3)));
    let mut shapes = block(0, &[("attn_norm", 1, 0), ("shortconv.in_proj", 1, 3), ("shortconv.out_proj", 1, 1)]);
    shapes.push(("blk.0.shortconv.conv.weight".into(), vec![3, WIDTH]));
    shapes.extend(block(0, &FEED_FORWARD));
    shapes.extend(block(1, &ATTENTION));
    shapes.extend(head_norms(1));
    shapes.extend(block(1, &FEED_FORWARD));
    let mut model = random("lfm2", keys, shapes);
    model.tensor("output_norm.weight").name = "token_embd_norm.weight".into();
    model
}

/// A model whose layers look back over a window of 32 tokens (Gemma 3).
pub(crate) fn tiny_window() -> Gguf {
    let mut keys = attention_keys("gemma3");
    keys.push(("gemma3.block_count".into(), Value::U32(2)));
    keys.push(("gemma3.attention.sliding_window".into(), Value::U32(32)));
    keys.push(("gemma3.attention.key_length".into(), Value::U32(WIDTH as u32 / 2)));
    keys.push(("gemma3.attention.value_length".into(), Value::U32(WIDTH as u32 / 2)));
    let mut shapes = Vec::new();
    for layer in 0..2 {
        shapes.extend(block(layer, &ATTENTION));
        shapes.extend(head_norms(layer));
        shapes.extend(block(layer, &FEED_FORWARD));
        shapes.extend(block(layer, &[("post_attention_norm", 1, 0), ("post_ffw_norm", 1, 0)]));
    }
    random("gemma3", keys, shapes)
}

const WIDTH: u64 = 32;
const HIDDEN: u64 = 64;
const VOCABULARY: u64 = 259;

/// A tensor of a block: its name, and its rows and columns in widths (0 columns: a vector).
type Shape = (&'static str, u64, u64);

const ATTENTION: [Shape; 5] =
    [("attn_norm", 1, 0), ("attn_q", 1, 1), ("attn_k", 1, 1), ("attn_v", 1, 1), ("attn_output", 1, 1)];
const FEED_FORWARD: [Shape; 4] = [("ffn_norm", 1, 0), ("ffn_gate", 1, 2), ("ffn_up", 1, 2), ("ffn_down", 2, 1)];

fn block(layer: u32, shapes: &[Shape]) -> Vec<(String, Vec<u64>)> {
    let dims = |rows: u64, columns: u64| match columns {
        0 => vec![rows * WIDTH],
        n => vec![rows * WIDTH, n * WIDTH],
    };
    shapes.iter().map(|(name, r, c)| (format!("blk.{layer}.{name}.weight"), dims(*r, *c))).collect()
}

fn head_norms(layer: u32) -> [(String, Vec<u64>); 2] {
    ["attn_q_norm", "attn_k_norm"].map(|n| (format!("blk.{layer}.{n}.weight"), vec![WIDTH / 2]))
}

fn attention_keys(arch: &str) -> Vec<(String, Value)> {
    let u = |k: &str, v: u64| (format!("{arch}.{k}"), Value::U32(v as u32));
    vec![
        u("feed_forward_length", HIDDEN),
        u("attention.head_count", 2),
        u("attention.head_count_kv", 2),
        u("rope.dimension_count", WIDTH / 2),
    ]
}

/// A model of one block with a vocabulary of bytes; `keys` may say otherwise.
fn random(arch: &str, keys: Vec<(String, Value)>, shapes: Vec<(String, Vec<u64>)>) -> Gguf {
    let mut tokens = byte_tokens();
    tokens.extend(["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map(String::from));
    let n = tokens.len();
    assert_eq!(n as u64, VOCABULARY);
    let types = (0..n).map(|i| if i < 256 { 1 } else { 3 }).collect();
    let u = |k: &str, v: u32| (k.to_owned(), Value::U32(v));
    let s = |k: &str, v: &str| (k.to_owned(), Value::Str(v.to_owned()));
    let common = vec![
        s("general.architecture", arch),
        s("general.name", "tiny"),
        u("general.file_type", 0),
        u(&format!("{arch}.block_count"), 1),
        u(&format!("{arch}.context_length"), 256),
        u(&format!("{arch}.embedding_length"), WIDTH as u32),
        (format!("{arch}.attention.layer_norm_rms_epsilon"), Value::F32(1e-5)),
        s("tokenizer.ggml.model", "gpt2"),
        s("tokenizer.ggml.pre", "gpt-2"),
        ("tokenizer.ggml.tokens".into(), Value::Strings(tokens)),
        ("tokenizer.ggml.token_type".into(), Value::Ints(types)),
        ("tokenizer.ggml.merges".into(), Value::Strings(vec!["a b".into()])),
        u("tokenizer.ggml.bos_token_id", 256),
        u("tokenizer.ggml.eos_token_id", 258),
        s("tokenizer.chat_template", CHATML),
    ];
    let mut model = Gguf { version: 3, keys: common, tensors: Vec::new() };
    for (key, value) in keys {
        model.set(&key, value);
    }
    let mut seed = 42;
    let ends = [("token_embd.weight", vec![WIDTH, VOCABULARY]), ("output_norm.weight", vec![WIDTH])];
    for (name, dims) in ends.map(|(n, d)| (n.to_owned(), d)).into_iter().chain(shapes) {
        let count = dims.iter().product::<u64>() as usize;
        let data = match name.ends_with("norm.weight") {
            true => 1f32.to_le_bytes().repeat(count),
            false => floats(count, &mut seed),
        };
        model.tensors.push(Tensor { name, dims, kind: 0, data });
    }
    model
}

/// A LoRA of rank 4 for matrices of a model (name, columns, rows). `size` scales its B: 0 changes nothing.
pub(crate) fn lora(arch: &str, matrices: &[(String, u64, u64)], size: f32, seed: u64) -> Gguf {
    const RANK: u64 = 4;
    let s = |k: &str, v: &str| (k.to_owned(), Value::Str(v.to_owned()));
    let keys = vec![
        s("general.architecture", arch),
        s("general.type", "adapter"),
        s("adapter.type", "lora"),
        ("adapter.lora.alpha".to_owned(), Value::F32(8.0)),
    ];
    let mut model = Gguf { version: 3, keys, tensors: Vec::new() };
    let mut seed = seed;
    for (name, columns, rows) in matrices {
        let a = floats((columns * RANK) as usize, &mut seed);
        let b = floats((RANK * rows) as usize, &mut seed);
        let b =
            b.chunks(4).flat_map(|x| (f32::from_le_bytes(x.try_into().unwrap()) * size).to_le_bytes()).collect();
        let mut push = |end: &str, dims: Vec<u64>, data: Vec<u8>| {
            model.tensors.push(Tensor { name: format!("{name}.{end}"), dims, kind: 0, data });
        };
        push("lora_a", vec![*columns, RANK], a);
        push("lora_b", vec![RANK, *rows], b);
    }
    model
}

/// A LoRA for two matrices of the tiny model.
pub(crate) fn tiny_lora(size: f32, seed: u64) -> Gguf {
    let name = |n: &str| format!("blk.0.{n}.weight");
    lora("llama", &[(name("attn_v"), WIDTH, WIDTH), (name("ffn_up"), WIDTH, HIDDEN)], size, seed)
}

/// A control vector: what is added to every layer from the second on.
pub(crate) fn control_vector(width: u64, layers: u64, size: f32, seed: u64) -> Gguf {
    let keys = vec![("general.architecture".to_owned(), Value::Str("controlvector".into()))];
    let mut seed = seed;
    let row = |seed: &mut u64| {
        let data = floats(width as usize, seed);
        data.chunks(4).flat_map(|x| (f32::from_le_bytes(x.try_into().unwrap()) * size).to_le_bytes()).collect()
    };
    let tensors = (1..layers)
        .map(|i| Tensor { name: format!("direction.{i}"), dims: vec![width], kind: 0, data: row(&mut seed) })
        .collect();
    Gguf { version: 3, keys, tensors }
}

impl Gguf {
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        match self.keys.iter_mut().find(|(k, _)| k == key) {
            Some(entry) => entry.1 = value,
            None => self.keys.push((key.to_owned(), value)),
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.keys.retain(|(k, _)| k != key);
    }

    pub(crate) fn tensor(&mut self, name: &str) -> &mut Tensor {
        self.tensors.iter_mut().find(|t| t.name == name).expect("a tensor")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        let string = |out: &mut Vec<u8>, s: &str| {
            out.extend((s.len() as u64).to_le_bytes());
            out.extend(s.as_bytes());
        };
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.keys.len() as u64).to_le_bytes());
        let kind = |out: &mut Vec<u8>, n: u32| out.extend(n.to_le_bytes());
        for (key, value) in &self.keys {
            string(&mut out, key);
            match value {
                Value::U16(n) => {
                    kind(&mut out, 2);
                    out.extend(n.to_le_bytes());
                }
                Value::I32(n) => {
                    kind(&mut out, 5);
                    out.extend(n.to_le_bytes());
                }
                Value::U32(n) => {
                    kind(&mut out, 4);
                    out.extend(n.to_le_bytes());
                }
                Value::F32(x) => {
                    kind(&mut out, 6);
                    out.extend(x.to_le_bytes());
                }
                Value::Bool(b) => {
                    kind(&mut out, 7);
                    out.push(u8::from(*b));
                }
                Value::Str(s) => {
                    kind(&mut out, 8);
                    string(&mut out, s);
                }
                Value::Strings(list) => {
                    kind(&mut out, 9);
                    kind(&mut out, 8);
                    out.extend((list.len() as u64).to_le_bytes());
                    list.iter().for_each(|s| string(&mut out, s));
                }
                Value::Unsigned(list) => {
                    kind(&mut out, 9);
                    kind(&mut out, 4);
                    out.extend((list.len() as u64).to_le_bytes());
                    list.iter().for_each(|n| out.extend(n.to_le_bytes()));
                }
                Value::Floats(list) => {
                    kind(&mut out, 9);
                    kind(&mut out, 6);
                    out.extend((list.len() as u64).to_le_bytes());
                    list.iter().for_each(|x| out.extend(x.to_le_bytes()));
                }
                Value::Bytes(list) => {
                    kind(&mut out, 9);
                    kind(&mut out, 0);
                    out.extend((list.len() as u64).to_le_bytes());
                    out.extend(list);
                }
                Value::Ints(list) => {
                    kind(&mut out, 9);
                    kind(&mut out, 5);
                    out.extend((list.len() as u64).to_le_bytes());
                    list.iter().for_each(|n| out.extend(n.to_le_bytes()));
                }
            }
        }
        let mut offset = 0u64;
        for t in &self.tensors {
            string(&mut out, &t.name);
            out.extend((t.dims.len() as u32).to_le_bytes());
            t.dims.iter().for_each(|d| out.extend(d.to_le_bytes()));
            out.extend(t.kind.to_le_bytes());
            out.extend(offset.to_le_bytes());
            offset += (t.data.len() as u64).next_multiple_of(32);
        }
        for t in &self.tensors {
            out.resize(out.len().next_multiple_of(32), 0);
            out.extend(&t.data);
        }
        out.resize(out.len().next_multiple_of(32), 0);
        out
    }

    /// Writes it to a file of its own.
    /// Without the tensors' data: metadata and the list of tensors.
    pub(crate) fn head(&self) -> Vec<u8> {
        let data: usize = self.tensors.iter().map(|t| t.data.len().next_multiple_of(32)).sum();
        let mut bytes = self.bytes();
        bytes.truncate(bytes.len() - data);
        bytes
    }

    pub(crate) fn file(&self) -> tempfile::TempPath {
        file_of(&self.bytes())
    }
}

/// A head before a mebibyte of small numbers: the same in every place, whatever type reads them.
pub(crate) fn with_weights(head: &[u8]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    bytes.resize(head.len() + (1 << 20), 0x3c);
    bytes
}

pub(crate) fn file_of(bytes: &[u8]) -> tempfile::TempPath {
    use std::io::Write;
    let mut file = tempfile::Builder::new().suffix(".gguf").tempfile().expect("a temporary file");
    file.write_all(bytes).expect("written");
    file.into_temp_path()
}

/// The tiny llama with a longer context, another template, and more tokens: each by its text, and whether it is a control
/// token (otherwise text of its own that the tokenizer finds whole, as `<think>` in Qwen3).
pub(crate) fn tiny_with(more: &[(String, bool)], template: &str) -> Gguf {
    let mut model = tiny();
    model.set("llama.context_length", Value::U32(32_768));
    model.set("tokenizer.chat_template", Value::Str(template.to_owned()));
    for (key, value) in &mut model.keys {
        match (key.as_str(), value) {
            ("tokenizer.ggml.tokens", Value::Strings(list)) => list.extend(more.iter().map(|(t, _)| t.clone())),
            ("tokenizer.ggml.token_type", Value::Ints(list)) => {
                list.extend(more.iter().map(|(_, control)| if *control { 3 } else { 4 }));
            }
            _ => {}
        }
    }
    let mut seed = 43;
    for name in ["token_embd.weight", "output.weight"] {
        let tensor = model.tensor(name);
        tensor.dims[1] += more.len() as u64;
        tensor.data.extend(floats(more.len() * WIDTH as usize, &mut seed));
    }
    model
}

/// Batches of other shapes change the last bits, so that another token may be taken where the best two are this close
/// (in logits). Seen here: below 0.001; the tokens of a wrong state differ by whole logits.
const MARGIN: f32 = 0.01;

/// Twelve greedy tokens.
pub(crate) struct Answer {
    pub(crate) tokens: Vec<i32>,
    /// By how much each token led.
    leads: Vec<f32>,
    pub(crate) prompt: u32,
    pub(crate) cached: u32,
}

impl Answer {
    pub(crate) fn assert_equals(&self, reference: &Answer, what: &str) {
        let Some(at) = (0..12).find(|i| self.tokens[*i] != reference.tokens[*i]) else { return };
        let lead = reference.leads[at];
        assert!(lead < MARGIN, "{what}: parts at token {at}, where the lead was {lead}");
    }
}

pub(crate) fn ask(engine: &Engine, messages: &[Message]) -> Answer {
    let mut request = Request::chat(messages.to_vec()).sampling(Sampling::greedy()).max_tokens(12);
    request.ignore_eos = true;
    request.return_tokens = true;
    request.logprobs = Some(2);
    let mut stream = engine.submit(&request).expect("queued");
    let (mut tokens, mut leads) = (Vec::new(), Vec::new());
    loop {
        match stream.next(None).expect("an event") {
            Next::Event(Event::Text(t)) => {
                tokens.extend(t.tokens);
                leads.extend(t.logprobs.iter().map(|l| l.top[0].1 - l.top[1].1));
            }
            Next::Event(Event::Done(done)) => {
                assert_eq!(done.reason, FinishReason::Length);
                let usage = done.usage;
                return Answer { tokens, leads, prompt: usage.prompt_tokens, cached: usage.cached_tokens };
            }
            _ => {}
        }
    }
}

/// A file of `tests/conformance`, which every binding runs too.
pub(crate) fn conformance(name: &str) -> serde_json::Value {
    let path = format!("{}/tests/conformance/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a conformance file")).expect("JSON")
}

/// A text of a conformance case: itself, or {repeat, times}.
pub(crate) fn conformance_text(value: &serde_json::Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value["repeat"].as_str().expect("repeat").repeat(value["times"].as_u64().expect("times") as usize),
    }
}

/// A model of a conformance case, by its name in `tools/models.py`.
pub(crate) fn named_model(name: &str) -> PathBuf {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/models/models.json");
    let models: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(models).unwrap()).unwrap();
    model(models[name]["file"].as_str().expect("a model of models.json"))
}

/// The events before the first DONE, and how that choice ended.
pub(crate) fn run(engine: &Engine, request: &Request) -> (Vec<Event>, FinishReason) {
    let mut stream = engine.submit(request).unwrap();
    let mut events = Vec::new();
    loop {
        match stream.next(None).unwrap() {
            Next::Event(Event::Done(done)) => return (events, done.reason),
            Next::Event(event) => events.push(event),
            other => panic!("{other:?}"),
        }
    }
}

/// What of them is text.
pub(crate) fn text(events: &[Event]) -> String {
    events.iter().filter_map(|e| if let Event::Text(t) = e { Some(t.text.as_str()) } else { None }).collect()
}

/// Numbers that are the same for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        // An LCG (Knuth's MMIX constants).
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}
