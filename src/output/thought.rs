//! The marks of a model's thoughts.

/// A pair of marks.
#[derive(Debug)]
pub struct Tags {
    /// Their name.
    pub name: &'static str,
    /// What opens a thought.
    pub open: &'static str,
    /// What closes it.
    pub close: &'static str,
    /// What is put into the text to close a thought whose budget is spent.
    pub cut: &'static str,
    /// Marks around the answer, which are not part of it.
    pub(super) drop: &'static [&'static str],
    /// Marks of a template for models that think so: all texts of one of these lists.
    template: &'static [&'static [&'static str]],
}

const fn tags(
    name: &'static str,
    open: &'static str,
    close: &'static str,
    cut: &'static str,
    template: &'static [&'static [&'static str]],
) -> Tags {
    Tags { name, open, close, cut, drop: &[], template }
}

/// Every pair, in the order in which a template is tried against them.
pub static TAGS: &[Tags] = &[
    tags(
        "harmony",
        "",
        "<|end|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
        &[&["<|channel|>", "<|message|>"]],
    ),
    Tags {
        drop: &["<response>", "</response>"],
        ..tags(
            "granite",
            "<think>",
            "</think>",
            "</think><response>",
            &[&["<think>", "<response>", "<|start_of_role|>"]],
        )
    },
    tags("gemma4", "<|channel>thought", "<channel|>", "\n<channel|>", &[&["<|channel>thought"]]),
    tags("seed", "<seed:think>", "</seed:think>", "\n</seed:think>", &[&["<seed:think>"]]),
    tags("minimax-m3", "<mm:think>", "</mm:think>", "</mm:think>", &[&["<mm:think>"]]),
    tags("command-r", "<|START_THINKING|>", "<|END_THINKING|>", "<|END_THINKING|>", &[&["<|START_THINKING|>"]]),
    tags("mistral", "[THINK]", "[/THINK]", "[/THINK]", &[&["[THINK]"]]),
    tags("apertus", "<|inner_prefix|>", "<|inner_suffix|>", "<|inner_suffix|>", &[&["<|inner_prefix|>"]]),
    tags(
        "apriel",
        "Here are my reasoning steps:",
        "[BEGIN FINAL RESPONSE]",
        "\n[BEGIN FINAL RESPONSE]\n",
        &[&["[BEGIN FINAL RESPONSE]"]],
    ),
    tags("kimi-vl", "◁think▷", "◁/think▷", "◁/think▷", &[&["◁think▷"]]),
    tags("thinking", "<thinking>", "</thinking>", "\n</thinking>\n\n", &[&["<thinking>", "</thinking>"]]),
    tags("thought", "<thought>", "</thought>", "\n</thought>\n\n", &[&["<thought>", "</thought>"]]),
    tags("reasoning", "<reasoning>", "</reasoning>", "\n</reasoning>\n\n", &[&["<reasoning>", "</reasoning>"]]),
    tags("think", "<think>", "</think>", "\n</think>\n\n", &[&["<think>"], &["</think>"]]),
];

/// The pair of this name.
pub fn named(name: &str) -> Option<&'static Tags> {
    TAGS.iter().find(|t| t.name == name)
}

/// The pair that a chat template's own words point to.
pub fn detect(template: &str) -> Option<&'static Tags> {
    TAGS.iter().find(|t| t.template.iter().any(|all| all.iter().all(|text| template.contains(text))))
}

impl Tags {
    /// Whether an answer to this prompt begins inside of a thought.
    pub fn is_open_at_end(&self, prompt: &str) -> bool {
        !self.open.is_empty() && prompt.trim_end().ends_with(self.open)
    }
}
