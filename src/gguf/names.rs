//! Names that the pinned llama.cpp knows: architectures, tokenizers, pre-tokenizers.
//!
//! Taken from `llama-arch.cpp` and `llama-vocab.cpp` of the pinned release; look again when the pin moves.

/// Architectures that can be loaded as a language model, in order.
#[rustfmt::skip]
const ARCHITECTURES: &[&str] = &[
    "afmoe", "apertus", "arcee", "arctic", "arwkv7", "baichuan", "bailingmoe", "bailingmoe2", "bailingmoe3",
    "bert", "bitnet", "bloom", "chameleon", "chatglm", "codeshell", "cogvlm", "cohere2", "cohere2moe",
    "command-r", "dbrx", "deci", "deepseek", "deepseek2", "deepseek2-ocr", "deepseek32", "deepseek4", "dots1",
    "dots3note", "dream", "ernie4_5", "ernie4_5-moe", "eurobert", "exaone", "exaone-moe", "exaone4", "falcon",
    "falcon-h1", "gemma", "gemma-embedding", "gemma2", "gemma3", "gemma3n", "gemma4", "glm-dsa", "glm4",
    "glm4moe", "glm5-next", "gpt-oss", "gpt2", "gptj", "gptneox", "granite", "granite_swa", "granitehybrid",
    "granitemoe", "graniteswitch", "grok", "grovemoe", "hrm_text", "hunyuan-dense", "hunyuan-moe",
    "hunyuan_vl", "hy_v3", "hy_v4", "internlm2", "jais", "jais2", "jamba", "jina-bert-v2", "jina-bert-v3",
    "kimi-k3", "kimi-linear", "laguna", "lfm2", "lfm2moe", "llada", "llada-moe", "llama", "llama-embed",
    "llama4", "maincoder", "mamba", "mamba2", "maple", "mellum", "mimo2", "minicpm", "minicpm3", "minimax-01",
    "minimax-m2", "minimax-m3", "mistral3", "mistral4", "modern-bert", "mpt", "muse-glimmer", "nanbeige",
    "nemotron", "nemotron_h", "nemotron_h_moe", "neo-bert", "nomic-bert", "nomic-bert-moe", "olmo", "olmo2",
    "olmoe", "openelm", "orion", "paddleocr", "pangu-embedded", "phi2", "phi3", "phimoe", "plamo", "plamo2",
    "plamo3", "plm", "qwen", "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen35", "qwen35moe", "qwen3moe",
    "qwen3next", "qwen3vl", "qwen3vlmoe", "qwen4exp", "refact", "rnd1", "rwkv6", "rwkv6qwen2", "rwkv7",
    "seed_oss", "smallthinker", "smollm3", "spark2_5", "stablelm", "starcoder", "starcoder2", "step35", "t5",
    "t5encoder", "talkie", "xverse",
];

/// Pre-tokenizers of BPE vocabularies, in order.
#[rustfmt::skip]
const PRE_TOKENIZERS: &[&str] = &[
    "a.x-4.0", "afmoe", "bailingmoe", "bailingmoe2", "bloom", "chameleon", "chatglm-bpe", "codeshell",
    "cohere2moe", "command-r", "dbrx", "deepseek-coder", "deepseek-llm", "deepseek-r1-qwen", "deepseek-v3",
    "default", "exaone", "exaone-moe", "exaone4", "f2llmv2", "falcon", "falcon-h1", "falcon3", "gemma4",
    "gigachat", "glm4", "glm5", "gpt-2", "gpt-4o", "gpt3-finnish", "granite-docling", "granite-embed-multi-311m",
    "granite-embed-multi-97m", "grok-2", "hunyuan", "hunyuan-dense", "hy_v4", "jais", "jais-2", "jina-de",
    "jina-es", "jina-v1-en", "jina-v2-code", "jina-v2-de", "jina-v2-es", "jina-v5-nano", "joyai-llm", "kanana2",
    "kimi-k2", "kormo", "laguna", "lfm2", "llada-moe", "llama-bpe", "llama-v3", "llama3", "llama4", "megrez",
    "mellum", "mellum2", "midm-2.0", "minerva-7b", "minicpm5", "minimax-m2", "mmbert", "modern-bert", "mpt",
    "olmo", "phi-2", "pixtral", "poro-chat", "qwen2", "qwen35", "refact", "roberta-bpe", "sarvam-moe",
    "seed-coder", "smaug-bpe", "smollm", "solar-open", "spark2_5", "stablelm2", "starcoder", "superbpe",
    "talkie", "tekken", "tiny_aya", "trillion", "ufakzeka", "viking", "whitespace", "youtu",];

/// `tokenizer.ggml.model`, in order.
pub(super) const TOKENIZERS: &[&str] = &[
    "bert",
    "gemma4",
    "gpt2",
    "hybriddna",
    "llama",
    "no_vocab",
    "none",
    "plamo2",
    "rwkv",
    "t5",
    "test",
    "whitespace",
];

/// `<arch>.rope.scaling.type`.
pub(super) const ROPE_SCALING: &[&str] = &["none", "linear", "yarn", "longrope"];

/// Architectures without attention: their memory is a fixed state for each sequence.
const RECURRENT: &[&str] = &["mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"];

/// Architectures that mix attention with a recurrent state.
const HYBRID: &[&str] = &[
    "jamba",
    "falcon-h1",
    "plamo2",
    "granitehybrid",
    "lfm2",
    "lfm2moe",
    "nemotron_h",
    "nemotron_h_moe",
    "qwen3next",
    "kimi-linear",
    "bailingmoe3",
    "kimi-k3",
    "glm5-next",
    "qwen35",
    "qwen35moe",
    "qwen4exp",
    "deepseek4",
    "minimax-01",
];

/// Architectures that are of no use without something that is not here: what llama.cpp is given by its own tools beside
/// the tokens. Without it some of them compute with what is not there.
const NO_TEXT: &[&str] =
    &["clef", "dflash", "eagle3", "gemma4-assistant", "pockettts", "qwen3tts", "wavtokenizer-dec"];

/// Architectures for which the shape rules of text models do not hold.
const UNUSUAL: &[&str] = &["maple"];

/// Architectures whose tokens all see each other: they give vectors and cannot go on with a text.
const ENCODERS: &[&str] = &[
    "bert",
    "eurobert",
    "gemma-embedding",
    "jina-bert-v2",
    "jina-bert-v3",
    "modern-bert",
    "neo-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "t5encoder",
];

pub(super) fn is_encoder(arch: &str) -> bool {
    ENCODERS.contains(&arch)
}

pub(super) fn is_no_text_model(arch: &str) -> bool {
    NO_TEXT.contains(&arch)
}

pub(super) fn is_architecture(name: &str) -> bool {
    ARCHITECTURES.contains(&name)
}

pub(super) fn is_recurrent(arch: &str) -> bool {
    RECURRENT.contains(&arch)
}

pub(super) fn is_hybrid(arch: &str) -> bool {
    HYBRID.contains(&arch)
}

/// Attention in every layer, one vocabulary, one embedding table.
pub(super) fn is_plain_transformer(arch: &str) -> bool {
    !is_recurrent(arch) && !is_hybrid(arch) && !UNUSUAL.contains(&arch)
}

pub(super) fn is_pre_tokenizer(name: &str) -> bool {
    PRE_TOKENIZERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_agree() {
        for name in RECURRENT.iter().chain(HYBRID).chain(UNUSUAL).chain(ENCODERS) {
            assert!(is_architecture(name), "{name}");
        }
        assert!(NO_TEXT.iter().all(|name| !is_architecture(name)));
        for list in [ARCHITECTURES, PRE_TOKENIZERS, TOKENIZERS] {
            assert!(list.windows(2).all(|w| w[0] < w[1]));
        }
    }
}
