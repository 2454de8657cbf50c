//! What a model file says of itself.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::header::Container;
use super::hparams::Hparams;
use super::value::Value;
use super::vocab::Vocabulary;
use super::{names, types};

/// A model, described by its file alone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Info {
    /// Such as "qwen2".
    pub architecture: String,
    /// The model's own name.
    pub name: Option<String>,
    /// How the weights are stored, such as "Q4_K_M"; the commonest tensor type where the file does not say.
    pub quantization: String,
    /// Number of weights.
    pub parameters: u64,
    /// Tokens that the model was trained for.
    pub context_length: u32,
    /// Width of the model.
    pub embedding_length: u32,
    /// Number of layers.
    pub block_count: u32,
    /// Tokens in the vocabulary.
    pub vocabulary_size: u32,
    /// Kind of tokenizer: "gpt2", "llama", "bert", "t5"…
    pub tokenizer_model: Option<String>,
    /// The longest token in bytes, as the vocabulary spells it.
    pub max_token_bytes: u32,
    /// Names of the chat templates; "default" is the model's own.
    pub chat_templates: Vec<String>,
    /// Tokens that a sliding-window layer sees.
    pub sliding_window: Option<u32>,
    /// Bytes of the file, or of all parts together.
    pub file_size: u64,
    /// Bytes of the weights.
    pub tensor_bytes: u64,
    /// Number of tensors.
    pub tensor_count: u64,
    /// Whether it has no weights, only a vocabulary.
    pub vocab_only: bool,
    /// The files, in order; empty when it was read from a descriptor.
    pub parts: Vec<PathBuf>,
    /// The model's recommended sampling: `general.sampling.*` without the prefix.
    pub sampling: BTreeMap<String, String>,
    /// What is odd about the file and does no harm.
    pub warnings: Vec<String>,
    metadata: Vec<(String, Value)>,
    has_classifier: bool,
    /// The longest row of a matrix, which is how much of a token is multiplied at once.
    pub(crate) widest_row: u64,
    has_long_rope: bool,
    /// Numbers that a token has in the KV cache of all layers, at most.
    pub(crate) cell: u64,
    /// The tensors that are more than one matrix, and how many they are: experts, mostly.
    pub(crate) stacks: HashMap<String, u64>,
    fingerprint: String,
}

/// What the checks found.
pub(super) struct Found {
    pub parts: Vec<Container>,
    pub paths: Vec<PathBuf>,
    pub architecture: String,
    pub hparams: Hparams,
    pub vocabulary: Vocabulary,
    pub templates: Vec<String>,
    pub vocab_only: bool,
}

impl Info {
    pub(super) fn new(found: Found) -> Info {
        let Found { parts, paths, architecture, hparams, vocabulary, templates, vocab_only } = found;
        let entries = &parts[0].entries;
        let tensors = || parts.iter().flat_map(|p| &p.tensors);
        let value = |key: &str| entries.iter().find(|e| e.key == key).map(|e| &e.value);
        let file_type = value("general.file_type").and_then(Value::as_u64).and_then(types::file_type_name);
        let quantization =
            file_type.map_or_else(|| commonest(tensors().map(|t| (t.kind.name, t.bytes))), str::to_owned);
        let sampling = entries
            .iter()
            .filter_map(|e| e.key.strip_prefix("general.sampling.").map(|k| (k.to_owned(), e.value.to_string())));
        let length =
            |name: &str| value(&format!("{architecture}.attention.{name}")).and_then(Value::as_u64).unwrap_or(0);
        let head = u64::from(hparams.key_length).max(length("key_length_swa"))
            + u64::from(hparams.value_length).max(length("value_length_swa"));
        let heads: u64 = hparams.heads_kv.iter().map(|n| u64::from(*n)).sum();
        Info {
            cell: heads.saturating_mul(head),
            name: value("general.name").and_then(Value::as_str).map(str::to_owned),
            quantization,
            parameters: tensors().map(|t| t.elements).fold(0, u64::saturating_add),
            context_length: hparams.context_length,
            embedding_length: hparams.embedding_length,
            block_count: hparams.block_count,
            vocabulary_size: vocabulary.size,
            tokenizer_model: vocabulary.model,
            max_token_bytes: vocabulary.max_token_bytes,
            chat_templates: templates,
            sliding_window: hparams.sliding_window,
            file_size: parts.iter().map(|p| p.file_size).sum(),
            tensor_bytes: tensors().map(|t| t.bytes).fold(0, u64::saturating_add),
            tensor_count: tensors().count() as u64,
            vocab_only,
            parts: paths,
            sampling: sampling.collect(),
            warnings: vocabulary.warnings,
            has_classifier: tensors().any(|t| matches!(t.name.as_str(), "cls.weight" | "cls.output.weight")),
            widest_row: tensors().filter(|t| t.n_dims > 1).map(|t| t.dims[0]).max().unwrap_or(0),
            has_long_rope: tensors().any(|t| t.name.ends_with("rope_factors_long.weight")),
            stacks: tensors().filter(|t| t.dims[2] > 1).map(|t| (t.name.clone(), t.dims[2])).collect(),
            fingerprint: fingerprint(&parts),
            metadata: parts.into_iter().take(1).flat_map(|p| p.entries).map(|e| (e.key, e.value)).collect(),
            architecture,
        }
    }

    /// Whether the model has a chat template of its own.
    pub fn has_chat_template(&self) -> bool {
        self.chat_templates.iter().any(|t| t == "default")
    }

    /// Whether its tokens all see each other, as in encoders: it gives vectors and does not generate text.
    pub fn is_encoder(&self) -> bool {
        let causal = self.metadata(&format!("{}.attention.causal", self.architecture)).and_then(Value::as_bool);
        names::is_encoder(&self.architecture) || causal == Some(false)
    }

    /// Whether the model has a head that scores (`cls.*`), as rerankers have.
    pub fn has_classifier(&self) -> bool {
        self.has_classifier
    }

    /// Whether its positions turn otherwise in a long context than in a short one.
    pub(crate) fn has_long_rope(&self) -> bool {
        self.has_long_rope
    }

    /// Tells it from other models: a hash of its header and of a piece of every tensor. Empty unless it was checked to be
    /// loaded.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The value of a metadata key.
    pub fn metadata(&self, key: &str) -> Option<&Value> {
        self.metadata.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// How many metadata keys there are.
    pub fn metadata_count(&self) -> usize {
        self.metadata.len()
    }

    /// A metadata key and its value, in the order of the file.
    pub fn metadata_at(&self, index: usize) -> Option<(&str, &Value)> {
        self.metadata.get(index).map(|(k, v)| (k.as_str(), v))
    }
}

/// Empty for a model that was only looked at.
fn fingerprint(parts: &[Container]) -> String {
    let Some(all) = parts.iter().map(|p| p.fingerprint).collect::<Option<Vec<_>>>() else { return String::new() };
    let mut hasher = blake3::Hasher::new();
    all.iter().for_each(|part| {
        hasher.update(part);
    });
    hasher.finalize().to_hex().to_string()
}

fn commonest<'a>(types: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut bytes: HashMap<&str, u64> = HashMap::new();
    types.for_each(|(name, n)| *bytes.entry(name).or_default() += n);
    bytes.into_iter().max_by_key(|(name, n)| (*n, *name)).map_or("none", |(name, _)| name).to_owned()
}
