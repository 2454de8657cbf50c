//! Embeds the lines of a text as often as told, and says how long each time took: bench_embed MODEL TEXT TIMES
//! [BATCH_TOKENS]. `benches/embed.py` runs it.

use std::time::Instant;

use qask::{Embedder, EmbedderOptions, Model, ModelOptions, Purpose};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, text, times, batch @ ..] = arguments.as_slice() else {
        return Err("usage: bench_embed MODEL TEXT TIMES [BATCH_TOKENS]".into());
    };
    let batch_tokens = batch.first().map(|b| b.parse()).transpose()?;
    let options = EmbedderOptions { batch_tokens, ..EmbedderOptions::default() };
    let embedder = Embedder::new(&Model::load(model, ModelOptions::default())?, options)?;
    let text = std::fs::read_to_string(text)?;
    let lines: Vec<&str> = text.lines().collect();
    embedder.embed(&lines[..lines.len().min(64)], Purpose::Plain, None)?;
    for _ in 0..times.parse::<u32>()? {
        let began = Instant::now();
        let vectors = embedder.embed(&lines, Purpose::Plain, None)?;
        println!("{} {}", began.elapsed().as_secs_f64(), vectors.len());
    }
    Ok(())
}
