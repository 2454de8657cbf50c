//! Model and adapter files, each made to do what an advisory or a report describes, or what an honest user met.

use qask::{Adapter, Code, Error, Model, ModelOptions, Request};

use crate::bits::after_name;
use crate::case::{self, Cases, Want};
use crate::support::{self, tiny, Gguf, Value};

/// A file, what it imitates and what must come of it.
struct File {
    label: &'static str,
    imitates: &'static str,
    want: Want,
    kind: Kind,
    /// Made when it is its turn: some are large.
    bytes: Box<dyn Fn() -> Vec<u8> + Send>,
}

/// What it is loaded as.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    /// For the tiny llama.
    Adapter,
    /// For the tiny llama of experts.
    AdapterOfExperts,
}

pub(crate) struct Files(Vec<File>);

impl Files {
    pub(crate) fn new() -> Self {
        let mut files = Files(Vec::new());
        files.sizes();
        files.truncations();
        files.pointers();
        files.dimensions();
        files.types();
        files.divisions();
        files.positions();
        files.products();
        files.numbers();
        files.vocabularies();
        files.bulk();
        files.adapters();
        files
    }

    fn raw(&mut self, label: &'static str, imitates: &'static str, want: Want, bytes: Vec<u8>) {
        self.lazy(label, imitates, want, move || bytes.clone());
    }

    fn lazy(
        &mut self,
        label: &'static str,
        imitates: &'static str,
        want: Want,
        bytes: impl Fn() -> Vec<u8> + Send + 'static,
    ) {
        self.0.push(File { label, imitates, want, kind: Kind::Model, bytes: Box::new(bytes) });
    }

    fn bent(&mut self, label: &'static str, imitates: &'static str, want: Want, bend: impl FnOnce(&mut Gguf)) {
        let mut gguf = tiny();
        bend(&mut gguf);
        self.raw(label, imitates, want, gguf.bytes());
    }

    /// Sizes whose computation wraps.
    fn sizes(&mut self) {
        let family = "CVE-2024-21836 (number of tensors times the size of an entry wraps)";
        for n in [u64::MAX, 1 << 63, u64::MAX / 88 + 1, u64::MAX / 56 + 2, 1 << 32] {
            self.raw("number of tensors", family, Want::INVALID, patched(8, &n.to_le_bytes()));
        }
        let family = "CVE-2024-23605 (number of metadata entries times the size of an entry wraps)";
        for n in [u64::MAX, 1 << 63, u64::MAX / 48 + 1, u64::MAX / 72 + 2, 1 << 32] {
            self.raw("number of metadata entries", family, Want::INVALID, patched(16, &n.to_le_bytes()));
        }
        let family = "CVE-2024-21825 (length of an array times the size of an element wraps)";
        for (kind, n) in
            [(4u32, u64::MAX / 4 + 2), (10, u64::MAX / 8 + 2), (0, u64::MAX), (8, u64::MAX / 16 + 2), (8, 1 << 60)]
        {
            let value = [&9u32.to_le_bytes()[..], &kind.to_le_bytes(), &n.to_le_bytes(), &[1; 64]].concat();
            self.raw("length of an array", family, Want::INVALID, one_entry(b"k", &value));
        }
        let family = "CVE-2024-23496 (length of a string plus one wraps)";
        for n in [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 40] {
            let length = n.to_le_bytes();
            let value = [&8u32.to_le_bytes()[..], &length, &[b'x'; 64]].concat();
            self.raw("length of a string", family, Want::INVALID, one_entry(b"k", &value));
            let value =
                [&9u32.to_le_bytes()[..], &8u32.to_le_bytes(), &1u64.to_le_bytes(), &length, &[b'x'; 64]].concat();
            self.raw(
                "length of a string in an array",
                family,
                Want::INVALID,
                one_entry(b"tokenizer.ggml.tokens", &value),
            );
            self.raw("length of a key", family, Want::INVALID, [&head(0, 1)[..], &length, &[b'k'; 64]].concat());
            self.raw(
                "length of a tensor's name",
                family,
                Want::INVALID,
                [&head(1, 0)[..], &length, &[b'n'; 64]].concat(),
            );
        }
        // Each fits; their sum, or the sum with its padding, does not.
        let wraps = |sizes: &[u64], kind: u32| {
            let mut out = head(sizes.len() as u64, 1);
            out.extend([&20u64.to_le_bytes()[..], b"general.architecture", &8u32.to_le_bytes()].concat());
            out.extend([&5u64.to_le_bytes()[..], b"llama"].concat());
            let mut offset = 0u64;
            for (i, elements) in sizes.iter().enumerate() {
                out.extend([&2u64.to_le_bytes()[..], format!("t{i}").as_bytes(), &1u32.to_le_bytes()].concat());
                out.extend([&elements.to_le_bytes()[..], &kind.to_le_bytes(), &offset.to_le_bytes()].concat());
                offset = offset.wrapping_add(elements.wrapping_mul(4)).wrapping_add(31) & !31;
            }
            out.resize(out.len() + 256, 0);
            out
        };
        let family = "CVE-2025-53630 (the sum of the tensors' sizes wraps)";
        self.raw("four tensors of 2^62 bytes", family, Want::INVALID, wraps(&[1 << 60; 4], 0));
        self.raw(
            "sizes that sum up to 64",
            family,
            Want::INVALID,
            wraps(&[1 << 60, 1 << 60, 1 << 60, (1 << 60) - 16, 32], 0),
        );
        let family = "CVE-2026-27940 (the same sum, wrapped by what is added to it afterwards)";
        self.raw(
            "sizes that sum up to 2^64 - 32",
            family,
            Want::INVALID,
            wraps(&[1 << 60, 1 << 60, 1 << 60, (1 << 60) - 8], 0),
        );
        self.raw("one tensor of 2^64 - 32 bytes", family, Want::INVALID, wraps(&[u64::MAX / 4 - 7], 0));
        self.raw("one tensor of 2^63 - 1 elements", family, Want::INVALID, wraps(&[i64::MAX as u64], 24));
        self.raw("padding wraps", "ggml-org/llama.cpp#26318", Want::INVALID, wraps(&[u64::MAX - 15], 24));
        self.bent("dimensions whose product wraps", "CVE-2024-21802's family", Want::INVALID, |g| {
            g.tensor("output.weight").dims = vec![1 << 32, 1 << 32];
        });
    }

    /// Sizes that are cut off to fewer bits.
    fn truncations(&mut self) {
        let family = "CVE-2025-49847 (the length of a token's text cut off to 32 bits)";
        self.bent("a token of a mebibyte and a byte", family, Want::TOO_LARGE, |g| {
            change_tokens(g, |tokens| tokens[5] = "x".repeat((1 << 20) + 1));
        });
        self.bent("a token of a mebibyte", family, Want::Answer, |g| {
            change_tokens(g, |tokens| tokens[5] = "x".repeat(1 << 20));
        });
        self.bent(
            "a dimension of 2^32 + 259",
            "CVE-2026-53923 (dimensions cut off to 32 bits)",
            Want::INVALID,
            |g| {
                g.tensor("output.weight").dims[1] += 1 << 32;
            },
        );
        self.bent("a number of layers that needs 64 bits", "integer truncation", Want::INVALID, |g| {
            let key = g.keys.iter().position(|(k, _)| k == "llama.block_count").expect("the key");
            g.keys[key].1 = Value::F32(1.0);
        });
    }

    /// What is left null or uninitialised when a part is missing.
    fn pointers(&mut self) {
        let family = "CVE-2024-41130 (the name of a tensor that could not be read is used)";
        self.raw("a tensor without a name", family, Want::INVALID, [&head(1, 0)[..], &[0; 64]].concat());
        let bytes = tiny().bytes();
        let at = after_name(&bytes, "output.weight");
        for cut in [at - 13, at - 14, at - 20, at - 21, at, at + 3] {
            self.raw("cut off inside of a tensor's entry", family, Want::INVALID, bytes[..cut].to_vec());
        }
        let family = "CVE-2024-32878 (entries that were not read are freed)";
        let count = u64::from_le_bytes(bytes[16..24].try_into().expect("eight bytes"));
        self.raw("one metadata entry too many", family, Want::INVALID, patched(16, &(count + 1).to_le_bytes()));
        self.raw("one metadata entry too few", family, Want::INVALID, patched(16, &(count - 1).to_le_bytes()));
        self.raw("an array of arrays", family, Want::INVALID, {
            one_entry(
                b"k",
                &[&9u32.to_le_bytes()[..], &9u32.to_le_bytes(), &2u64.to_le_bytes(), &[0; 64]].concat(),
            )
        });
        self.raw("an array of an unknown type", family, Want::INVALID, {
            one_entry(
                b"k",
                &[&9u32.to_le_bytes()[..], &99u32.to_le_bytes(), &2u64.to_le_bytes(), &[0; 64]].concat(),
            )
        });
        self.raw("four bytes", "CVE-2024-39720 (a file of four bytes)", Want::INVALID, b"GGUF".to_vec());
        self.raw("four other bytes", "CVE-2024-39720", Want::INVALID, b"\x46\x55\x47\x47".to_vec());
        self.raw("a header and nothing else", "CVE-2025-0312 (no metadata)", Want::INVALID, head(0, 0));
        self.raw(
            "an empty key",
            "ggml-org/llama.cpp#24263",
            Want::INVALID,
            one_entry(b"", &[4, 0, 0, 0, 1, 0, 0, 0]),
        );
        for key in
            ["llama.context_length", "llama.embedding_length", "llama.block_count", "llama.attention.head_count"]
        {
            self.bent("a number that every model has is missing", "CVE-2025-0312", Want::INVALID, |g| {
                g.remove(key)
            });
        }
        for key in ["llama.feed_forward_length", "llama.attention.layer_norm_rms_epsilon", "tokenizer.ggml.merges"]
        {
            self.bent("a number that a llama has is missing", "CVE-2025-0312", Want::INVALID, |g| g.remove(key));
        }
    }

    /// Dimensions against data.
    fn dimensions(&mut self) {
        let family = "CVE-2026-7482 (a tensor's dimensions or place go beyond the file)";
        for factor in [2, 4, 1024, 1 << 30] {
            self.bent("the last tensor is larger than the file", family, Want::INVALID, |g| {
                g.tensors.last_mut().expect("tensors").dims[1] *= factor;
            });
        }
        let bytes = tiny().bytes();
        let last = after_name(&bytes, "blk.0.ffn_down.weight") + 24;
        for offset in [bytes.len() as u64, 1 << 40, u64::MAX - 31, 1 << 63] {
            self.raw(
                "the last tensor lies behind the file",
                family,
                Want::INVALID,
                patched(last, &offset.to_le_bytes()),
            );
        }
        self.raw("two tensors in one place", family, Want::INVALID, patched(last, &0u64.to_le_bytes()));
        for n in [0, -1i64 as u64, i64::MIN as u64] {
            self.bent(
                "a dimension of nothing",
                "ggml-org/llama.cpp#24263 (division by a dimension)",
                Want::INVALID,
                |g| {
                    g.tensor("output.weight").dims[1] = n;
                },
            );
        }
        self.bent(
            "five dimensions",
            "CVE-2024-21802 (more dimensions than there is room for)",
            Want::INVALID,
            |g| {
                g.tensor("output.weight").dims = vec![32, 259, 1, 1, 1];
            },
        );
        let at = after_name(&bytes, "output.weight");
        self.raw("2^31 dimensions", "CVE-2024-21802", Want::INVALID, patched(at, &(1u32 << 31).to_le_bytes()));
        self.bent("fewer rows than tokens", "a lookup behind the table", Want::INVALID, |g| {
            let table = g.tensor("token_embd.weight");
            table.dims[1] = 10;
            table.data.truncate(10 * 32 * 4);
        });
        self.bent("a model of nothing", "dimensions against numbers", Want::INVALID, |g| g.tensors.truncate(1));
        self.bent("rows of another width", "dimensions against numbers", Want::INVALID, |g| {
            g.set("llama.embedding_length", Value::U32(16));
        });
        self.bent("heads of another width", "dimensions against numbers", Want::INVALID, |g| {
            g.set("llama.attention.key_length", Value::U32(64));
            g.set("llama.rope.dimension_count", Value::U32(64));
        });
    }

    /// Types: of metadata, of elements, of tensors.
    fn types(&mut self) {
        let family = "ggml-org/llama.cpp#26690 (elements read as wider than they are)";
        for key in ["tokenizer.ggml.token_type", "tokenizer.ggml.scores"] {
            self.bent("elements of one byte", family, Want::INVALID, |g| g.set(key, Value::Bytes(vec![1; 259])));
            self.bent("too few elements", family, Want::INVALID, |g| g.set(key, Value::Ints(vec![1; 10])));
        }
        self.bent("tokens that are numbers", family, Want::INVALID, |g| {
            g.set("tokenizer.ggml.tokens", Value::Ints(vec![1; 259]));
        });
        self.bent("merges that are numbers", family, Want::INVALID, |g| {
            g.set("tokenizer.ggml.merges", Value::Ints(vec![1]))
        });
        self.bent("heads that are bytes", family, Want::INVALID, |g| {
            g.set("llama.attention.head_count", Value::Bytes(vec![2]));
        });
        for (value, what) in [
            (Value::U32(0), "an alignment of 0"),
            (Value::U32(3), "an alignment of 3"),
            (Value::U32(1 << 31), "an alignment of 2 GiB"),
            (Value::I32(32), "an alignment that is signed"),
            (Value::Str("32".into()), "an alignment that is text"),
            (Value::Str("\u{1b}[2J".repeat(100_000)), "an alignment that is a long text of control characters"),
        ] {
            self.bent(what, "CVE-2025-0317 (division by an alignment of 0); #26318", Want::INVALID, |g| {
                g.set("general.alignment", value);
            });
        }
        let family = "DESIGN: tensor types without a dot product crash the first decode";
        for kind in [9u32, 15, 24, 25, 26, 27, 28] {
            self.bent("a matrix of a type that cannot be multiplied", family, Want::INVALID, |g| {
                let tensor = g.tensor("output.weight");
                tensor.kind = kind;
                let size = match kind {
                    9 => 32 * 259 / 32 * 36,
                    15 => return tensor.dims = vec![256, 259],
                    24 => 32 * 259,
                    25 => 2 * 32 * 259,
                    26 => 4 * 32 * 259,
                    _ => 8 * 32 * 259,
                };
                tensor.data.resize(size, 0);
            });
        }
        self.bent("norms of 16 bits", "DESIGN: norms that are not F32", Want::INVALID, |g| {
            let norm = g.tensor("output_norm.weight");
            (norm.kind, norm.data) = (1, vec![0; 64]);
        });
        for kind in [1, 26, 30] {
            let mut gguf = tiny();
            let data = vec![0; if kind == 26 { 4 } else { 2 }];
            let name = "blk.0.attn_q.scale".to_owned();
            gguf.tensors.push(support::Tensor { name, dims: vec![1], kind, data });
            self.raw("a scale of another type", OWN_THREADS, Want::INVALID, gguf.bytes());
        }
        for (name, kind) in [("blk.0.ssm_conv1d.weight", 1u32), ("blk.0.ssm_a", 1), ("blk.0.ssm_d", 30)] {
            let mut gguf = support::tiny_recurrent();
            let tensor = gguf.tensor(name);
            (tensor.kind, tensor.data) = (kind, vec![0; tensor.data.len() / 2]);
            self.raw("part of a state of another type", OWN_THREADS, Want::INVALID, gguf.bytes());
        }
        for (key, value) in [
            ("general.architecture", Value::U32(1)),
            ("general.architecture", Value::Str(String::new())),
            ("llama.block_count", Value::I32(1)),
            ("llama.rope.freq_base", Value::U32(10_000)),
            ("tokenizer.ggml.model", Value::U32(1)),
            ("tokenizer.chat_template", Value::U32(1)),
            ("tokenizer.ggml.add_bos_token", Value::U32(1)),
            ("general.sampling.temp", Value::Ints(vec![1])),
            ("split.count", Value::Str("x".repeat(100_000))),
        ] {
            self.bent("metadata of the wrong type", "DESIGN: wrongly typed keys", Want::Refused(REFUSED), |g| {
                g.set(key, value)
            });
        }
        self.bent("a key with a line break and an escape", "text in messages", Want::INVALID, |g| {
            g.set("tokenizer.chat_template.a\n\u{1b}[31m", Value::U32(1));
        });
    }

    /// Numbers that llama.cpp divides by: the process would end by SIGFPE.
    fn divisions(&mut self) {
        const FAMILY: &str = "ggml-org/llama.cpp#28345 (division by a number of the file)";
        let of = |architecture: &str, more: &[(&str, Value)]| {
            let mut gguf = renamed(architecture, 2);
            more.iter().for_each(|(key, value)| gguf.set(&format!("{architecture}.{key}"), value.clone()));
            gguf.bytes()
        };
        let u = Value::U32;
        let state = |group: u32, rank: u32| {
            [
                ("ssm.conv_kernel", u(4)),
                ("ssm.inner_size", u(64)),
                ("ssm.state_size", u(8)),
                ("ssm.time_step_rank", u(rank)),
                ("ssm.group_count", u(group)),
            ]
        };
        for architecture in ["qwen3next", "qwen35", "qwen35moe", "minimax-01", "qwen4exp"] {
            let mut more = state(2, 4).to_vec();
            more.extend([("full_attention_interval", u(0)), ("expert_count", u(4)), ("expert_used_count", u(2))]);
            self.raw("full attention in every 0th layer", FAMILY, Want::INVALID, of(architecture, &more));
        }
        for architecture in ["olmo2", "phimoe", "gemma2", "gemma3"] {
            let heads = Value::Ints(vec![0, 2]);
            self.raw(
                "no heads in the first layer",
                FAMILY,
                Want::INVALID,
                of(architecture, &[("attention.head_count", heads)]),
            );
        }
        for architecture in ["mamba2", "nemotron_h", "nemotron_h_moe", "granitehybrid", "falcon-h1", "qwen3next"] {
            self.raw("no groups", FAMILY, Want::INVALID, of(architecture, &state(0, 4)));
            self.raw("no heads of the state", FAMILY, Want::INVALID, of(architecture, &state(2, 0)));
        }
        for architecture in ["rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"] {
            self.raw("heads of no width", FAMILY, Want::INVALID, of(architecture, &[("wkv.head_size", u(0))]));
        }
        for n in [0, 1, 2, 3, 256, u32::MAX] {
            let more = [("attention.relative_buckets_count", u(n))];
            self.raw("too few or too many buckets of distances", FAMILY, Want::INVALID, of("t5encoder", &more));
        }
        let experts = [("expert_count", u(4)), ("expert_used_count", u(2))];
        for (architecture, key) in [
            ("grovemoe", "experts_per_group"),
            ("ernie4_5-moe", "interleave_moe_layer_step"),
            ("deepseek4", "attention.output_group_count"),
        ] {
            let mut more = experts.to_vec();
            more.push((key, u(0)));
            self.raw("a step of 0", FAMILY, Want::INVALID, of(architecture, &more));
        }
        for architecture in ["qwen3next", "qwen35moe", "qwen4exp"] {
            let mut more = state(2, 4).to_vec();
            more.push(("rope.dimension_sections", Value::Ints(vec![4, 2, 2, 0])));
            // No experts, and none that the first layer uses.
            self.raw("experts of no width", FAMILY, Want::INVALID, of(architecture, &more));
            more.extend([("expert_count", u(4)), ("expert_used_count", Value::Unsigned(vec![0, 2]))]);
            self.raw("experts of no width", FAMILY, Want::INVALID, of(architecture, &more));
        }
        self.raw("a state of groups", FAMILY, Want::Answer, support::tiny_grouped(4, 2).bytes());
        self.raw(
            "groups that do not divide the heads",
            OWN_THREADS,
            Want::INVALID,
            support::tiny_grouped(4, 3).bytes(),
        );
        let mut more = state(2, 4).to_vec();
        more.extend([("expert_count", u(4)), ("expert_used_count", Value::Unsigned(vec![2, 0]))]);
        self.raw("a layer that uses no expert", FAMILY, Want::INVALID, of("nemotron_h_moe", &more));
    }

    /// Numbers of rotary positions, on which ggml asserts in threads of its own.
    fn positions(&mut self) {
        let family = "asserts on ggml's own threads (rotary positions)";
        let mut hybrid = |label, key: &str, value: Value| {
            let mut gguf = support::tiny_hybrid();
            gguf.set(&format!("lfm2.{key}"), value);
            self.raw(label, family, Want::INVALID, gguf.bytes());
        };
        for n in [15, 18, 1_000, u32::MAX] {
            hybrid("more turned than a head has, or an odd number", "rope.dimension_count", Value::U32(n));
        }
        let mut window = |label, key: &str, value: Value| {
            let mut gguf = support::tiny_window();
            gguf.set(&format!("gemma3.{key}"), value);
            self.raw(label, family, Want::INVALID, gguf.bytes());
        };
        for n in [7, 18, u32::MAX] {
            window("the same within a window", "rope.dimension_count_swa", Value::U32(n));
        }
        window("smaller heads within a window", "attention.key_length_swa", Value::U32(8));
        for sections in [vec![0, 0, 0, 8], vec![0; 4], vec![4, -4, 0, 0], vec![100; 4], vec![i32::MAX; 4]] {
            let mut gguf = renamed("qwen2vl", 1);
            gguf.set("qwen2vl.rope.dimension_sections", Value::Ints(sections));
            self.raw("sections of positions", family, Want::INVALID, gguf.bytes());
        }
    }

    /// Layers that are counted by a product.
    fn products(&mut self) {
        let family = "a product of 32 bits that wraps";
        for (stack, high, low) in
            [(1, 0x8000_0001, 1), (0x8000_0001, 1, 1), (1, 1 << 16, 0xffff), (2, 1, u32::MAX), (1, 2, 0)]
        {
            let mut gguf = renamed("hrm_text", 2);
            gguf.tensors.retain(|t| matches!(t.name.as_str(), "token_embd.weight" | "output.weight"));
            let data = vec![0; 128];
            gguf.tensors.push(support::Tensor { name: "hrm.z_l_init".into(), dims: vec![32], kind: 0, data });
            for (key, n) in [("layers_per_stack", stack), ("h_cycles", high), ("l_cycles", low)] {
                gguf.set(&format!("hrm_text.hrm.{key}"), Value::U32(n));
            }
            self.raw("cycles of layers", family, Want::INVALID, gguf.bytes());
        }
        for n in [0, 513, u32::MAX] {
            let mut gguf = renamed("nanbeige", 1);
            gguf.set("nanbeige.num_loops", Value::U32(n));
            self.raw("loops of layers", family, Want::INVALID, gguf.bytes());
        }
        for n in [0, i32::MAX as u32, u32::MAX] {
            let mut gguf = renamed("deepseek4", 1);
            gguf.set("deepseek4.hyper_connection.sinkhorn_iterations", Value::U32(n));
            self.raw("rounds without end", "a step that nothing ends", Want::INVALID, gguf.bytes());
        }
        for n in [2, (1 << 27) - 1, u32::MAX] {
            let mut gguf = renamed("qwen3vl", 1);
            gguf.set("qwen3vl.n_deepstack_layers", Value::U32(n));
            self.raw("streams of images", family, Want::INVALID, gguf.bytes());
        }
        for name in ["eagle3", "dflash", "gemma4-assistant", "clef", "wavtokenizer-dec"] {
            let want = Want::Refused(&[Code::UnsupportedArch]);
            self.raw("a model that needs another", "an honest mistake", want, renamed(name, 1).bytes());
        }
    }

    /// Hyper-parameters out of range.
    fn numbers(&mut self) {
        let family = "DESIGN: hyper-parameters";
        for (key, value) in [
            ("llama.block_count", 513),
            ("llama.block_count", u32::MAX),
            ("llama.embedding_length", u32::MAX),
            ("llama.attention.head_count_kv", 0x8000_0000),
            ("llama.expert_count", 8),
            ("llama.expert_used_count", 8),
            ("llama.expert_group_count", 3),
            ("llama.nextn_predict_layers", 2),
            ("llama.rope.dimension_count", 15),
            ("llama.rope.dimension_count", 1 << 20),
            ("llama.attention.key_length", 0),
            ("llama.attention.value_length", u32::MAX),
            ("llama.pooling_type", 5),
            ("llama.feed_forward_length", 0),
            ("llama.feed_forward_length", u32::MAX),
        ] {
            let imitates = if key.ends_with("block_count") {
                "ggml-org/llama.cpp#25821 (writes behind 512 layers)"
            } else {
                family
            };
            self.bent("a number out of range", imitates, Want::INVALID, |g| g.set(key, Value::U32(value)));
        }
        for (key, value) in [
            ("llama.rope.freq_base", f32::NAN),
            ("llama.rope.freq_base", f32::INFINITY),
            ("llama.rope.freq_base", -1.0),
            ("llama.rope.scaling.factor", f32::NAN),
            ("llama.rope.scaling.factor", -4.0),
            ("llama.attention.layer_norm_rms_epsilon", f32::NAN),
            ("llama.attention.layer_norm_rms_epsilon", -1e-5),
        ] {
            self.bent("a number that is none", family, Want::INVALID, |g| g.set(key, Value::F32(value)));
        }
        for (key, value) in [
            ("llama.context_length", Value::U32(u32::MAX)),
            ("llama.context_length", Value::U32(1)),
            ("llama.rope.dimension_count", Value::U32(0)),
            ("llama.logit_scale", Value::F32(f32::NAN)),
            ("llama.attention.clamp_kqv", Value::F32(-1.0)),
            ("llama.attention.sliding_window", Value::U32(u32::MAX)),
            ("llama.leading_dense_block_count", Value::U32(u32::MAX)),
            ("llama.decoder_start_token_id", Value::U32(u32::MAX)),
            ("llama.vocab_size", Value::U32(u32::MAX)),
            ("llama.vocab_size", Value::U32(0)),
        ] {
            self.bent("an odd number", family, Want::Either, |g| g.set(key, value));
        }
        for bad in [f32::NAN, f32::INFINITY, f32::MIN_POSITIVE, f32::MAX] {
            self.bent("a weight", "DESIGN: logits that are not finite", Want::Either, |g| {
                g.tensor("output_norm.weight").data[..4].copy_from_slice(&bad.to_le_bytes());
            });
        }
        self.bent("weights that are no numbers", "DESIGN: logits that are not finite", Want::INVALID, |g| {
            g.tensor("blk.0.attn_q.weight").data.fill(0xff);
        });
    }

    /// Vocabularies.
    fn vocabularies(&mut self) {
        let family = "DESIGN: vocabularies";
        self.bent(
            "a token twice",
            "DESIGN: duplicate tokens of some official Gemma 4 files",
            Want::INVALID,
            |g| {
                change_tokens(g, |tokens| tokens[7] = tokens[8].clone());
            },
        );
        self.bent("two tokens that are one behind a NUL", family, Want::INVALID, |g| {
            change_tokens(g, |tokens| {
                tokens[7] = "same\0x".into();
                tokens[8] = "same\0y".into();
            });
        });
        self.bent("all tokens empty", family, Want::Either, |g| {
            change_tokens(g, |tokens| tokens.fill(String::new()))
        });
        self.bent("no token", "ggml-org/llama.cpp#14145 (a vocabulary that is too small)", Want::INVALID, |g| {
            g.set("tokenizer.ggml.tokens", Value::Strings(Vec::new()));
        });
        self.bent("one token", "ggml-org/llama.cpp#14145", Want::INVALID, |g| {
            g.set("tokenizer.ggml.tokens", Value::Strings(vec!["a".into()]));
        });
        for model in ["none", "no_vocab"] {
            self.bent("a vocabulary of four billion", "DESIGN: bombs of vocab_size", Want::TOO_LARGE, |g| {
                g.set("tokenizer.ggml.model", Value::Str(model.into()));
                g.set("llama.vocab_size", Value::U32(u32::MAX));
            });
        }
        self.bent("token types that do not exist", family, Want::INVALID, |g| {
            g.set("tokenizer.ggml.token_type", Value::Ints(vec![i32::MIN; 259]));
        });
        for merge in ["", " ", "a", "   ", "a b c", "\0 \0"] {
            self.bent("an odd merge", family, Want::Either, |g| {
                g.set("tokenizer.ggml.merges", Value::Strings(vec![merge.into(); 3]));
            });
        }
        for key in ["bos", "eos", "unknown", "seperator", "padding", "eot", "fim_pre"] {
            for id in [259, i32::MAX as u32, u32::MAX] {
                self.bent("a special token outside of the vocabulary", family, Want::Either, |g| {
                    g.set(&format!("tokenizer.ggml.{key}_token_id"), Value::U32(id));
                });
            }
        }
        for model in ["t5", "rwkv"] {
            for (bytes, want) in [(1 << 20, Want::TOO_LARGE), (1_025, Want::TOO_LARGE), (1_024, Want::Either)] {
                self.bent("a long token", "a tree that is built by recursion", want, |g| {
                    g.set("tokenizer.ggml.model", Value::Str(model.into()));
                    change_tokens(g, |tokens| tokens[5] = "x".repeat(bytes));
                });
            }
        }
        // At the line break llama.cpp looks while it loads.
        for (token, text) in [(10, "\n\n"), (b'a' as usize, "abc"), (b'<' as usize, "\\x3c\\x3c")] {
            self.bent("a token of RWKV without its first byte", "a search without end", Want::INVALID, |g| {
                g.set("tokenizer.ggml.model", Value::Str("rwkv".into()));
                change_tokens(g, |tokens| {
                    for (i, t) in tokens.iter_mut().enumerate().take(256) {
                        *t = format!("\\x{i:02x}");
                    }
                    tokens[token] = text.into();
                });
            });
        }
        self.bent("a vocabulary of RWKV", "a good one", Want::Answer, |g| {
            g.set("tokenizer.ggml.model", Value::Str("rwkv".into()));
            change_tokens(g, |tokens| {
                for (i, t) in tokens.iter_mut().enumerate().take(256) {
                    *t = format!("\\x{i:02x}");
                }
            });
        });
        for model in ["none", "no_vocab"] {
            self.bent("text for a model without a vocabulary", family, Want::Refused(&[Code::Unsupported]), |g| {
                g.set("tokenizer.ggml.model", Value::Str(model.into()));
                g.set("llama.vocab_size", Value::U32(259));
            });
        }
        self.bent(
            "a long token of PLaMo-2",
            "its tokenizer keeps every suffix of every token",
            Want::TOO_LARGE,
            |g| {
                g.set("tokenizer.ggml.model", Value::Str("plamo2".into()));
                change_tokens(g, |tokens| tokens[5] = "x".repeat(100_000));
            },
        );
    }

    /// Very many or very long parts.
    fn bulk(&mut self) {
        let family = "CVE-2025-0315 (memory without limit)";
        let keys = |n: usize| {
            move || {
                let mut gguf = tiny();
                gguf.keys.extend((0..n).map(|i| (format!("k{i}"), Value::U32(1))));
                gguf.bytes()
            }
        };
        self.lazy("60,000 metadata entries", family, Want::Answer, keys(60_000));
        self.lazy("70,000 metadata entries", family, Want::TOO_LARGE, keys(70_000));
        let tensors = |n: usize| {
            move || {
                let mut gguf = tiny();
                let one = |i| support::Tensor { name: format!("t{i}"), dims: vec![8], kind: 0, data: vec![0; 32] };
                gguf.tensors.extend((0..n).map(one));
                gguf.bytes()
            }
        };
        self.lazy("70,000 tensors", "DESIGN: a million tensors", Want::TOO_LARGE, tensors(70_000));
        self.lazy("5,000 tensors too many", "DESIGN: a million tensors", Want::Either, tensors(5_000));
        let with = |key: String, value: fn() -> Value| {
            move || {
                let mut gguf = tiny();
                gguf.set(&key, value());
                gguf.bytes()
            }
        };
        self.lazy("a key of 65,535 bytes", family, Want::Answer, with("k".repeat(65_535), || Value::U32(1)));
        self.lazy("a key of 65,536 bytes", family, Want::INVALID, with("k".repeat(65_536), || Value::U32(1)));
        let long = || Value::Str("v".repeat(32 << 20));
        self.lazy("a value of 32 MiB", family, Want::Answer, with("k".into(), long));
        self.lazy("3,000,000 strings", family, Want::Answer, with("k".into(), || strings_of_nothing(3_000_000)));
        self.lazy(
            "9,000,000 strings",
            family,
            Want::TOO_LARGE,
            with("k".into(), || strings_of_nothing(9_000_000)),
        );
        let template = "tokenizer.chat_template".to_owned();
        let brackets = || Value::Str("{".repeat(2 << 20));
        self.lazy("a template of 2 MiB", family, Want::TOO_LARGE, with(template.clone(), brackets));
        let brackets = || Value::Str("{".repeat(1 << 20));
        let refused = Want::Refused(&[Code::Template]);
        self.lazy("a template of a mebibyte of brackets", "DESIGN: templates", refused, with(template, brackets));
    }

    /// Adapter files for the tiny llama.
    fn adapters(&mut self) {
        let mut bent = |label, want, bend: &dyn Fn(&mut Gguf)| {
            let mut gguf = support::tiny_lora(1.0, 1);
            bend(&mut gguf);
            let imitates = "DESIGN: LoRA files are checked like models";
            self.0.push(File {
                label,
                imitates,
                want,
                kind: Kind::Adapter,
                bytes: Box::new(move || gguf.bytes()),
            });
        };
        bent("a good one", Want::Answer, &|_| {});
        bent("an alpha that is no number", Want::INVALID, &|g| {
            g.set("adapter.lora.alpha", Value::F32(f32::INFINITY))
        });
        bent("weights that are no numbers", Want::INVALID, &|g| g.tensors[0].data.fill(0xff));
        bent("a rank of 0", Want::INVALID, &|g| {
            g.tensors[0].dims[1] = 0;
            g.tensors[1].dims[0] = 0;
        });
        bent("a rank that differs", Want::INVALID, &|g| {
            g.tensors[0].dims[1] = 2;
            g.tensors[0].data.truncate(2 * 32 * 4);
        });
        bent("a matrix that cannot be multiplied", Want::INVALID, &|g| g.tensors[0].kind = 26);
        bent("a matrix of three dimensions", Want::Either, &|g| g.tensors[0].dims.push(1));
        bent("a stack of matrices where the model has one", Want::INVALID, &|g| {
            for t in &mut g.tensors[..2] {
                t.dims.push(2);
                t.data = t.data.repeat(2);
            }
        });
        bent("more tokens than are kept", Want::INVALID, &|g| {
            g.set("adapter.alora.invocation_tokens", Value::Unsigned(vec![1; 2_000]));
        });
        bent("a model", Want::INVALID, &|g| *g = tiny());
        bent("for a matrix that nothing changes", Want::Either, &|g| {
            g.tensors[0].name = "output_norm.weight.lora_a".into();
            g.tensors[1].name = "output_norm.weight.lora_b".into();
        });
        bent("for the table of tokens", Want::Either, &|g| {
            g.tensors[0].name = "token_embd.weight.lora_a".into();
            g.tensors[1].name = "token_embd.weight.lora_b".into();
        });
        for (experts, want) in [(4, Want::Answer), (1, Want::INVALID), (3, Want::INVALID), (5, Want::INVALID)] {
            self.0.push(File {
                label: "experts that the adapter has more or fewer of",
                imitates: "a write behind the experts that are there",
                want,
                kind: Kind::AdapterOfExperts,
                bytes: Box::new(move || lora_of_experts(experts).bytes()),
            });
        }
    }
}

const OWN_THREADS: &str = "asserts on ggml's own threads";

/// A LoRA for the experts of the tiny llama of four, with so many.
pub(crate) fn lora_of_experts(experts: u64) -> Gguf {
    let mut gguf = support::lora("llama", &[("blk.0.ffn_up_exps.weight".into(), 32, 64)], 1.0, 1);
    for t in &mut gguf.tensors {
        t.dims.push(experts);
        t.data = t.data.repeat(experts as usize);
    }
    gguf
}

/// What metadata of the wrong type may be refused with.
const REFUSED: &[Code] = &[Code::Invalid, Code::UnsupportedArch];

fn head(tensors: u64, entries: u64) -> Vec<u8> {
    [&b"GGUF\x03\0\0\0"[..], &tensors.to_le_bytes(), &entries.to_le_bytes()].concat()
}

/// A file of one metadata entry, its value with its type.
fn one_entry(key: &[u8], value: &[u8]) -> Vec<u8> {
    [&head(0, 1)[..], &(key.len() as u64).to_le_bytes(), key, value, &[0; 64]].concat()
}

fn strings_of_nothing(count: usize) -> Value {
    Value::Strings(vec![String::new(); count])
}

/// The tiny model with other bytes in one place.
fn patched(at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = tiny().bytes();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

/// The tiny model's numbers and tensors under another architecture's name.
pub(crate) fn renamed(architecture: &str, layers: u32) -> Gguf {
    let mut gguf = tiny();
    for (key, _) in &mut gguf.keys {
        if let Some(rest) = key.strip_prefix("llama.") {
            *key = format!("{architecture}.{rest}");
        }
    }
    gguf.set("general.architecture", Value::Str(architecture.to_owned()));
    gguf.set(&format!("{architecture}.block_count"), Value::U32(layers));
    gguf
}

pub(crate) fn change_tokens(gguf: &mut Gguf, change: impl FnOnce(&mut Vec<String>)) {
    let tokens = gguf.keys.iter_mut().find(|(k, _)| k == "tokenizer.ggml.tokens");
    match tokens {
        Some((_, Value::Strings(tokens))) => change(tokens),
        _ => panic!("no tokens"),
    }
}

impl Cases for Files {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn label(&self, index: usize) -> String {
        format!("{} [{}] (file {index})", self.0[index].label, self.0[index].imitates)
    }

    fn run(&mut self, index: usize) -> Result<(), Error> {
        let file = &self.0[index];
        match file.kind {
            Kind::Model => case::try_file_and_plan(&(file.bytes)()),
            Kind::Adapter | Kind::AdapterOfExperts => {
                let base = if matches!(file.kind, Kind::Adapter) { tiny() } else { support::tiny_experts() };
                let model = Model::load(base.file(), ModelOptions::default())?;
                let adapter = Adapter::load(&model, support::file_of(&(file.bytes)()))?;
                let mut request = case::few(Request::text("ab"));
                request.adapters = vec![(adapter, 1.0)];
                case::engine(&model)?.submit(&request)?.collect_text().map(drop)
            }
        }
    }

    fn want(&self, index: usize) -> Want {
        self.0[index].want
    }
}
