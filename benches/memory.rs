//! The memory plan against what a process really takes: `make memory`. Model files as arguments.
//!
//! Each row is a child process that loads the model, fills every sequence with a prompt, decodes a few tokens, and then
//! reads its peak (VmHWM of Linux). Fails when an estimate is off by more than a twentieth.

use std::process::{Command, ExitCode};

use qask::plan::{Part, Plan};
use qask::{
    CacheType, Embedder, EmbedderOptions, Engine, EngineOptions, FinishReason, Model, ModelOptions, Pooling,
    Purpose, Request,
};

/// Tokens that follow each prompt.
const ANSWER: u32 = 8;
const TOLERANCE: f64 = 0.05;

/// What a child does: an engine's context, sequences, cache type and loading; or an embedder's tokens.
const ENGINES: &[&str] = &[
    "256 1 f16 mmap",
    "4096 1 f16 mmap",
    "384 8 f16 mmap",
    "1024 1 q8_0 mmap",
    "256 1 f16 read",
    "256 1 f16 plain",
];
const EMBEDDERS: &[&str] = &["64", "512"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [child, path, setting] if child == "--child" => work(path, setting).map(|()| true),
        paths => table(paths),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("memory: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table(paths: &[String]) -> qask::Result<bool> {
    let mut good = true;
    println!("in MB; settings: context, sequences, KV, how weights are loaded (plain: mapped, not repacked)");
    println!(
        "{:40} {:18} {:>8} {:>8} {:>7} {:>7}  parts",
        "model", "setting", "estimate", "peak", "off", "plan ms"
    );
    for path in paths {
        let encoder = qask::gguf::inspect(path)?.is_encoder();
        for setting in if encoder { EMBEDDERS } else { ENGINES } {
            let began = std::time::Instant::now();
            let plan = plan(path, setting)?;
            let took = began.elapsed().as_millis();
            let peak = child(path, setting);
            let off = plan.total() as f64 / peak as f64 - 1.0;
            good &= off.abs() <= TOLERANCE;
            let name = std::path::Path::new(path).file_name().unwrap_or_default().to_string_lossy();
            let parts: Vec<String> = Part::ALL
                .iter()
                .filter(|p| plan.bytes(**p) > 0)
                .map(|p| format!("{} {:.1}", p.name(), plan.bytes(*p) as f64 / 1e6))
                .collect();
            println!(
                "{name:40} {setting:18} {:8.1} {:8.1} {:6.1}% {took:7}  {}",
                plan.total() as f64 / 1e6,
                peak as f64 / 1e6,
                off * 100.0,
                parts.join(", ")
            );
        }
    }
    println!("{}", if good { "every estimate is within 5%" } else { "an estimate is off by more than 5%" });
    Ok(good)
}

/// The peak of a child, in bytes.
fn child(path: &str, setting: &str) -> u64 {
    let program = std::env::current_exe().expect("this program has a path");
    let out = Command::new(program).args(["--child", path, setting]).output().expect("a child");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    if std::env::var_os("VERBOSE").is_some() {
        eprint!("{}", String::from_utf8_lossy(&out.stderr));
    }
    String::from_utf8_lossy(&out.stdout).trim().parse().expect("a number of bytes")
}

fn plan(path: &str, setting: &str) -> qask::Result<Plan> {
    match engine_setting(setting) {
        Some((model, engine)) => Plan::engine(path, &model, &engine),
        None => Plan::embedder(path, &ModelOptions::default(), &embedder_setting(setting)),
    }
}

fn engine_setting(setting: &str) -> Option<(ModelOptions, EngineOptions)> {
    let [n_ctx, sequences, cache, load] = *setting.split(' ').collect::<Vec<_>>() else { return None };
    let (n_ctx, sequences): (u32, u32) = (n_ctx.parse().ok()?, sequences.parse().ok()?);
    let cache = if cache == "q8_0" { CacheType::Q8_0 } else { CacheType::F16 };
    let model = ModelOptions { mmap: load != "read", repack: load != "plain", ..ModelOptions::default() };
    let engine = EngineOptions {
        n_ctx: Some(n_ctx),
        kv_tokens: Some(n_ctx * sequences),
        max_sequences: sequences,
        cache_type_k: cache,
        cache_type_v: cache,
        ..EngineOptions::default()
    };
    Some((model, engine))
}

fn embedder_setting(setting: &str) -> EmbedderOptions {
    let max_tokens = setting.parse().ok();
    EmbedderOptions { max_tokens, pooling: Some(Pooling::Mean), ..EmbedderOptions::default() }
}

fn work(path: &str, setting: &str) -> qask::Result<()> {
    match engine_setting(setting) {
        Some((model, engine)) => generate(path, model, engine)?,
        None => embed(path, &embedder_setting(setting))?,
    }
    Ok(())
}

fn generate(path: &str, model: ModelOptions, options: EngineOptions) -> qask::Result<()> {
    let model = Model::load(path, model)?;
    eprintln!("loaded {}", status());
    let engine = Engine::new(&model, options.clone())?;
    eprintln!("engine {}", status());
    let vocabulary = model.vocabulary_size() as u64;
    let length = engine.n_ctx() - ANSWER - 2;
    let mut streams = Vec::new();
    for sequence in 0..options.max_sequences {
        // Knuth's multiplier scatters them over the vocabulary; no two prompts begin alike.
        let token = |i: u32| (u64::from(i + sequence * length + 1) * 2_654_435_761 % vocabulary) as i32;
        let mut request = Request::tokens((0..length).map(token).collect::<Vec<_>>()).max_tokens(ANSWER);
        request.ignore_eos = true;
        streams.push(engine.submit(&request)?);
    }
    for stream in streams {
        let (_, done) = stream.collect_text()?;
        assert_eq!(done.reason, FinishReason::Length, "the context was not filled");
    }
    report();
    Ok(())
}

fn embed(path: &str, options: &EmbedderOptions) -> qask::Result<()> {
    let model = Model::load(path, ModelOptions::default())?;
    eprintln!("loaded {}", status());
    let embedder = Embedder::new(&model, options.clone())?;
    eprintln!("embedder {}", status());
    // The longest text, and enough of them for full batches.
    let mut text = String::new();
    let fits = |text: &str| embedder.count_tokens(text, Purpose::Plain).map(|n| n <= embedder.max_tokens());
    while fits(&format!("{text}go "))? {
        text.push_str("go ");
    }
    embedder.embed(&[text.as_str(); 32], Purpose::Plain, None)?;
    report();
    Ok(())
}

fn status() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let wanted = |l: &&str| ["VmHWM", "RssAnon", "RssFile"].iter().any(|w| l.starts_with(w));
    status
        .lines()
        .filter(wanted)
        .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Prints the peak of this process in bytes.
fn report() {
    let status = status();
    eprintln!("end {status}");
    let peak =
        status.split("VmHWM: ").nth(1).and_then(|s| s.split(' ').next()).and_then(|n| n.parse::<u64>().ok());
    println!("{}", peak.expect("VmHWM") << 10);
}
