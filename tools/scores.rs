//! Scores a text and multiple-choice tasks, as JSON: scores MODEL TEXT WINDOW WINDOWS TASKS. `tools/scores.py` runs it.
//!
//! The text is cut into windows side by side, of which the second half is scored, as llama.cpp's tool does. Tasks are
//! in that tool's form: six lines each, the question, the number of the right ending, and four endings.

use qask::scorer::likeliest;
use qask::{Limits, Model, ModelOptions, Normalization, PerplexityOptions, Scorer, ScorerOptions};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, text, window, windows, tasks] = arguments.as_slice() else {
        return Err("usage: scores MODEL TEXT WINDOW WINDOWS TASKS".into());
    };
    let scorer = Scorer::new(&Model::load(model, ModelOptions::default())?, ScorerOptions::default())?;
    let limits = Limits::default();
    let window: u32 = window.parse()?;
    let options = PerplexityOptions {
        window: Some(window),
        stride: Some(window),
        context: Some(window / 2 + 1),
        windows: Some(windows.parse()?),
    };
    let perplexity = scorer.perplexity(&std::fs::read_to_string(text)?, &options, &limits)?;
    let tasks = std::fs::read_to_string(tasks)?;
    let lines: Vec<&str> = tasks.lines().collect();
    let [mut sums, mut means, mut bytes] = [0; 3];
    for task in lines.chunks_exact(6) {
        let endings: Vec<String> = task[2..].iter().map(|e| format!(" {e}")).collect();
        let scores = scorer.score_choices(task[0], &endings, &limits)?;
        let right = |n| usize::from(likeliest(&scores, n) == task[1].parse().ok());
        sums += right(Normalization::None);
        means += right(Normalization::Tokens);
        bytes += right(Normalization::Bytes);
    }
    let found = json!({
        "perplexity": perplexity.perplexity, "standard_error": perplexity.standard_error, "tokens": perplexity.tokens,
        "tasks": lines.len() / 6, "right": { "none": sums, "tokens": means, "bytes": bytes },
    });
    println!("{found}");
    Ok(())
}
