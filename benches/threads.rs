//! What thread counts that adapt are worth: speed on one thread, on all and on as many as the engine chooses, alone and
//! beside busy programs. `make bench-threads`.
//!
//! Usage: bench_threads MODEL.gguf ... [--threads N] [--rounds N] [--loads 0,1,2] [--only one,many,two,prompt,recovery]
//!
//! The engines of one process take turns, forwards and backwards, a second each, after a round that does not count. Speeds are tokens
//! over time of all rounds; the ratio to all threads is the median over the rounds.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use qask::{Engine, EngineOptions, Model, ModelOptions, Request, Sampling, Stream};

/// Rows of the table: new tokens of one stream, of sixteen, of two engines at once, and prompt tokens.
const ROWS: [&str; 4] = ["one", "many", "two", "prompt"];

fn main() -> qask::Result<()> {
    let (mut models, mut threads, mut rounds) = (Vec::new(), 2, 5);
    let (mut loads, mut only) = ("0,1,2".to_owned(), "one,many,prompt,two,recovery".to_owned());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value");
        match argument.as_str() {
            "--busy" => loop {
                std::hint::spin_loop();
            },
            "--threads" => threads = value().parse().expect("a number"),
            "--rounds" => rounds = value().parse().expect("a number"),
            "--loads" => loads = value(),
            "--only" => only = value(),
            _ => models.push(argument),
        }
    }
    for path in models {
        let model = Model::load(&path, ModelOptions::default())?;
        let engines = Engines::new(&model, threads)?;
        println!("{path}, tokens a second; {rounds} rounds");
        println!(
            "{:<32} {:>9} {:>9} {:>9} {:>10} {:>8}",
            "",
            "1 thread",
            format!("{threads} threads"),
            "adaptive",
            "of better",
            "of all"
        );
        for load in loads.split(',').map(|n| n.parse().expect("a number")) {
            let busy = Busy::start(load);
            for row in ROWS.into_iter().filter(|r| only.contains(r)) {
                engines.row(row, load, rounds)?;
            }
            drop(busy);
        }
        if only.contains("recovery") {
            engines.recovery()?;
        }
    }
    Ok(())
}

/// Programs that do nothing, as fast as they can.
struct Busy(Vec<Child>);

impl Busy {
    fn start(n: usize) -> Busy {
        let this = std::env::current_exe().expect("this program");
        let one = |_| Command::new(&this).arg("--busy").stdin(Stdio::null()).spawn().expect("a busy program");
        Busy((0..n).map(one).collect())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A pair of engines for each way: one thread, all, adaptive.
struct Engines([[Engine; 2]; 3]);

impl Engines {
    fn new(model: &Model, threads: u32) -> qask::Result<Engines> {
        let engine = |threads, adapt_threads| {
            let options = EngineOptions {
                threads: Some(threads),
                adapt_threads,
                max_sequences: 16,
                n_ctx: Some(1024),
                kv_tokens: Some(4096),
                prefix_cache: false,
                ..EngineOptions::default()
            };
            Engine::new(model, options)
        };
        let pair =
            |threads, adapts| -> qask::Result<_> { Ok([engine(threads, adapts)?, engine(threads, adapts)?]) };
        Ok(Engines([pair(1, false)?, pair(threads, false)?, pair(threads, true)?]))
    }

    fn row(&self, row: &str, load: usize, rounds: usize) -> qask::Result<()> {
        let (mut tokens, mut seconds, mut ratios) = ([0.0; 3], [0.0; 3], Vec::new());
        for round in 0..=rounds {
            let mut speeds = [0.0; 3];
            for i in 0..3 {
                let way = if round % 2 == 0 { i } else { 2 - i };
                let (n, took) = measure(row, &self.0[way])?;
                if round > 0 {
                    tokens[way] += n;
                    seconds[way] += took;
                    speeds[way] = n / took;
                }
            }
            if round > 0 {
                ratios.push(speeds[2] / speeds[1]);
            }
        }
        ratios.sort_by(f64::total_cmp);
        let [one, all, adaptive] = [0, 1, 2].map(|i| tokens[i] / seconds[i]);
        let beside =
            ["alone", "beside one busy program", "beside two"].get(load).copied().unwrap_or("beside more");
        println!(
            "{:<32} {one:>9.1} {all:>9.1} {adaptive:>9.1} {:>10.3} {:>8.3}",
            format!("{row}, {beside}"),
            adaptive / one.max(all),
            ratios[ratios.len() / 2]
        );
        Ok(())
    }

    /// How long it takes until all threads are in use again.
    fn recovery(&self) -> qask::Result<()> {
        let engine = &self.0[2][0];
        let all = engine.stats().threads;
        for load in [1, 2] {
            let busy = Busy::start(load);
            let stream = engine.submit(&story(0, 1000))?;
            let until = Instant::now() + Duration::from_secs(5);
            while Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
            }
            let before = engine.stats().threads_used;
            drop(busy);
            let began = Instant::now();
            while engine.stats().threads_used < all && began.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(5));
            }
            println!(
                "after {load} busy for 5 s, on {before} of {all} threads: all again {:.2} s after their end",
                began.elapsed().as_secs_f64()
            );
            drop(stream);
        }
        Ok(())
    }
}

fn story(i: usize, tokens: u32) -> Request {
    let mut request = Request::text(format!("{} stories: once upon a time there", i + 3))
        .max_tokens(tokens)
        .sampling(Sampling::greedy());
    request.ignore_eos = true;
    request
}

/// Tokens, and the seconds they took.
fn measure(row: &str, engines: &[Engine; 2]) -> qask::Result<(f64, f64)> {
    match row {
        "one" => decode(&engines[..1], 1),
        "many" => decode(&engines[..1], 16),
        "two" => decode(engines, 1),
        _ => {
            let text = "The quick brown fox jumps over the lazy dog, and then it rests for a while. ".repeat(20);
            let usage = engines[0].submit(&Request::text(text).max_tokens(1))?.collect_text()?.1.usage;
            Ok((f64::from(usage.prompt_tokens), usage.prefill.as_secs_f64()))
        }
    }
}

/// What so many streams of each engine bring forth in a second, or more where that is less than two steps: on all
/// threads a token can take seconds.
fn decode(engines: &[Engine], streams: usize) -> qask::Result<(f64, f64)> {
    let tokens = || engines.iter().map(|e| e.stats().output_tokens).sum::<u64>();
    let wait = |until: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !until() && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let before = tokens();
    let submit = |(i, engine): (usize, &Engine)| engine.submit(&story(i, 900 / streams as u32));
    let all = engines.iter().flat_map(|e| (0..streams).map(move |i| (i, e)));
    let running = all.map(submit).collect::<qask::Result<Vec<Stream>>>()?;
    wait(&|| tokens() >= before + running.len() as u64);
    let (from, began) = (tokens(), Instant::now());
    let enough = from + 2 * running.len() as u64;
    wait(&|| began.elapsed() > Duration::from_secs(1) && tokens() >= enough);
    let found = ((tokens() - from) as f64, began.elapsed().as_secs_f64());
    drop(running);
    wait(&|| engines.iter().all(|e| e.stats().active == 0));
    Ok(found)
}
