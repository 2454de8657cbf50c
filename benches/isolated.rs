//! What a process of its own costs: engines in this process against isolated ones, in turns, one table a model.
//!
//! `bench_isolated WORKER MODEL.gguf… [--rounds N]`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use qask::{Engine, EngineOptions, Event, Model, ModelOptions, Next, Queue, Request, Sampling};

/// New tokens of each answer.
const TOKENS: u32 = 64;

fn main() -> qask::Result<()> {
    let mut rounds = 5;
    let mut paths = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(rounds),
            _ => paths.push(PathBuf::from(argument)),
        }
    }
    let Some((worker, models)) = paths.split_first().filter(|(_, models)| !models.is_empty()) else {
        eprintln!("usage: bench_isolated WORKER MODEL.gguf… [--rounds N]");
        std::process::exit(2);
    };
    models.iter().try_for_each(|model| table(worker, model, rounds))
}

/// Figures of one round.
struct Round {
    start: Duration,
    first: Duration,
    one: f64,
    sixteen: f64,
}

fn table(worker: &Path, path: &Path, rounds: usize) -> qask::Result<()> {
    let model = Model::load(path, ModelOptions::default())?;
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for i in 0..rounds {
        // Whoever is second has a warmer machine: they take turns.
        for isolated in [i % 2 == 1, i % 2 == 0] {
            let options = EngineOptions {
                isolated,
                worker: Some(worker.to_owned()),
                max_sequences: 16,
                ..EngineOptions::default()
            };
            if isolated { &mut there } else { &mut here }.push(round(&model, options)?);
        }
    }
    println!(
        "\n{} ({rounds} rounds in turns: median [least, most]; ratio: isolated / in process)",
        path.display()
    );
    println!("{:<28} {:>26} {:>26} {:>22}", "", "in process", "isolated", "ratio");
    let line = |name: &str, of: &dyn Fn(&Round) -> f64| {
        let [a, b] = [&here, &there].map(|all| spread(all.iter().map(of).collect(), 1));
        let ratio = spread(here.iter().zip(&there).map(|(a, b)| of(b) / of(a)).collect(), 3);
        println!("{name:<28} {a:>26} {b:>26} {ratio:>22}");
    };
    line("start of the engine, ms", &|r| r.start.as_secs_f64() * 1e3);
    line("time to the first token, ms", &|r| r.first.as_secs_f64() * 1e3);
    line("tokens a second, one stream", &|r| r.one);
    line("tokens a second, 16 streams", &|r| r.sixteen);
    Ok(())
}

/// The median, with the least and the most.
fn spread(mut all: Vec<f64>, digits: usize) -> String {
    all.sort_by(f64::total_cmp);
    let (low, middle, high) = (all[0], all[all.len() / 2], all[all.len() - 1]);
    format!("{middle:.digits$} [{low:.digits$}, {high:.digits$}]")
}

fn request(text: &str) -> Request {
    let mut request = Request::text(text).sampling(Sampling::greedy()).max_tokens(TOKENS);
    request.ignore_eos = true;
    request
}

fn round(model: &Model, options: EngineOptions) -> qask::Result<Round> {
    let began = Instant::now();
    let engine = Engine::new(model, options)?;
    let start = began.elapsed();
    // The first steps touch every weight.
    engine.submit(&request("Warm up.").max_tokens(4))?.collect()?;
    let first = first_token(&engine)?;
    let one = speed(&engine, 1)?;
    let sixteen = speed(&engine, 16)?;
    engine.close(None)?;
    Ok(Round { start, first, one, sixteen })
}

/// From submit to the first event, as the caller sees it: the median of some.
fn first_token(engine: &Engine) -> qask::Result<Duration> {
    let mut all = Vec::new();
    for i in 0..9 {
        let began = Instant::now();
        let mut stream = engine.submit(&request(&format!("{i} is a number that")).max_tokens(1))?;
        stream.next(None)?;
        all.push(began.elapsed());
        stream.collect()?;
    }
    all.sort();
    Ok(all[all.len() / 2])
}

/// Tokens a second of some streams at once, read as they come by one thread.
fn speed(engine: &Engine, streams: usize) -> qask::Result<f64> {
    let queue = Queue::new();
    let began = Instant::now();
    let submit = |i: usize| engine.submit(&request(&format!("The {i}th story begins like this:")));
    let mut all = (0..streams).map(submit).collect::<qask::Result<Vec<_>>>()?;
    for (i, stream) in all.iter().enumerate() {
        queue.add(stream, i as u64)?;
    }
    let (mut tokens, mut open) = (0, streams);
    while open > 0 {
        let Some(i) = queue.next(None)? else { continue };
        while let Next::Event(event) = all[i as usize].next(Some(Duration::ZERO))? {
            if let Event::Done(done) = event {
                tokens += done.usage.output_tokens;
                open -= 1;
            }
        }
    }
    Ok(f64::from(tokens) / began.elapsed().as_secs_f64())
}
