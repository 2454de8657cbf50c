//! `embed MODEL.gguf QUERY TEXT...`: how near each text is to the query in meaning.

use qask::{Embedder, EmbedderOptions, Model, ModelOptions, Purpose};

fn main() -> qask::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, query, texts @ ..] = arguments.as_slice() else {
        eprintln!("usage: embed MODEL.gguf QUERY TEXT...");
        std::process::exit(2);
    };
    let model = Model::load(path, ModelOptions::default())?;
    let embedder = Embedder::new(&model, EmbedderOptions::default())?;
    let query = embedder.embed(&[query], Purpose::Query, None)?;
    let vectors = embedder.embed(texts, Purpose::Document, None)?;
    for (text, vector) in texts.iter().zip(vectors.chunks_exact(embedder.dimensions())) {
        // The vectors have length 1, so this is the cosine of the angle between them.
        let near: f32 = query.iter().zip(vector).map(|(a, b)| a * b).sum();
        println!("{near:.3} {text}");
    }
    Ok(())
}
