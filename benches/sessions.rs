//! What restoring a prefix from a file costs, against computing it: `make bench-sessions`. Model files as arguments.

use std::time::{Duration, Instant};

use qask::{Engine, EngineOptions, Model, ModelOptions, Request, Sampling, SaveOptions};

const TOKENS: usize = 1000;
const ROUNDS: usize = 5;

fn main() -> qask::Result<()> {
    let folder = std::env::temp_dir().join(format!("qask-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for path in std::env::args().skip(1) {
        let model = Model::load(&path, ModelOptions::default())?;
        println!("{path}: a prefix of {TOKENS} tokens, medians of {ROUNDS}");
        println!("file                 MB    save ms   restore ms   compute ms    times");
        for compress in [false, true] {
            one(&model, &folder.join("prefix"), compress)?;
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

fn engine(model: &Model) -> qask::Result<Engine> {
    let options = EngineOptions { threads: Some(2), n_ctx: Some(2048), ..EngineOptions::default() };
    Engine::new(model, options)
}

fn one(model: &Model, path: &std::path::Path, compress: bool) -> qask::Result<()> {
    let text = "The quick brown fox jumps over the lazy dog, and then it rests for a while. ".repeat(100);
    let tokens = model.tokenize(&text, true, false)?[..TOKENS].to_vec();
    let request = Request::tokens(tokens.clone());
    let options = SaveOptions::default().compress(compress);
    let (mut saves, mut restores, mut computes, mut bytes) = (vec![], vec![], vec![], 0);
    for round in 0..ROUNDS {
        // What is computed: the prefix, by an engine that has nothing.
        let from = engine(model)?;
        let began = Instant::now();
        from.submit(&Request::tokens(tokens.clone()).max_tokens(0))?.collect_text()?;
        computes.push(began.elapsed());
        let began = Instant::now();
        bytes = from.save_prefix(&request, path, &options, None)?.bytes;
        saves.push(began.elapsed());
        let expected = answer(&from, &tokens)?;

        // What is restored: from an engine that has just begun to tokens that the next request finds.
        let into = engine(model)?;
        let began = Instant::now();
        assert_eq!(into.restore_prefix(&request, path, None)? as usize, TOKENS);
        restores.push(began.elapsed());
        assert_eq!(answer(&into, &tokens)?, expected, "round {round}");
    }
    let [save, restore, compute] = [saves, restores, computes].map(median);
    println!(
        "{:<12} {:>10.1} {:>10.1} {:>12.1} {:>12.1} {:>8.0}",
        if compress { "compressed" } else { "plain" },
        bytes as f64 / 1e6,
        save,
        restore,
        compute,
        compute / restore
    );
    Ok(())
}

/// What follows the prefix; all of it comes from the cache.
fn answer(engine: &Engine, tokens: &[i32]) -> qask::Result<String> {
    let mut prompt = tokens.to_vec();
    prompt.extend(engine.model().tokenize(" So", false, false)?);
    let request = Request::tokens(prompt).max_tokens(8).sampling(Sampling::greedy());
    let (text, done) = engine.submit(&request)?.collect_text()?;
    assert_eq!(done.usage.cached_tokens as usize, TOKENS);
    Ok(text)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}
