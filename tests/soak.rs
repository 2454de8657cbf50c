//! A mixed load: answers, chats, schemas, vectors, sessions, cancels, loads, rests, many at once. Each answer is that of a
//! fresh engine, and at the end nothing has grown. Some seconds in `make test`; `make soak MINUTES=60` is the real one and
//! prints what it saw.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use qask::{
    Chat, Code, Constraint, Embedder, EmbedderOptions, Engine, EngineOptions, Event, FinishReason, Message, Model,
    ModelOptions, Next, Purpose, Request, Sampling, SaveOptions, Trim,
};
use support::{model, smollm2, tiny, Random};

const USERS: usize = 6;

/// Other batches change the last bits, and 8-bit activations make more of them: where the two best tokens were so close (in
/// logits), either is right. On a CPU with AVX-512, single tokens' logprobs were seen to differ by up to 0.5 between company.
const MARGIN: f32 = 1.0;

const QUESTIONS: [&str; 6] = [
    "What is a compiler?",
    "Name three rivers of Europe.",
    "Write one sentence about the sea.",
    "How do I boil an egg?",
    "用一句话介绍你自己。",
    "What is 12 times 12?",
];

fn engine(model: &Model) -> Engine {
    let options = EngineOptions { n_ctx: Some(1024), kv_tokens: Some(4096), ..EngineOptions::default() };
    Engine::new(model, options).unwrap()
}

fn question(text: &str) -> Request {
    let mut request = Request::chat([Message::user(text)]).max_tokens(24).sampling(Sampling::greedy());
    request.return_tokens = true;
    request.logprobs = Some(2);
    request
}

fn person() -> Request {
    let schema = serde_json::json!({
        "type": "object", "additionalProperties": false, "required": ["name", "age"],
        "properties": {"name": {"enum": ["Ada", "Alan", "Grace"]}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
    });
    question("Invent a person.").constraint(Constraint::JsonSchema(schema))
}

/// Tokens, each with its lead over the next best.
struct Answer {
    tokens: Vec<i32>,
    leads: Vec<f32>,
    text: String,
}

fn answer(engine: &Engine, request: &Request) -> Answer {
    let mut stream = engine.submit(request).unwrap();
    let mut answer = Answer { tokens: Vec::new(), leads: Vec::new(), text: String::new() };
    loop {
        match stream.next(Some(Duration::from_secs(120))).unwrap() {
            Next::Event(Event::Text(piece)) => {
                answer.tokens.extend(piece.tokens);
                answer.leads.extend(piece.logprobs.iter().map(|l| match l.top[..] {
                    [first, second, ..] => first.1 - second.1,
                    _ => f32::INFINITY,
                }));
                answer.text += &piece.text;
            }
            Next::Event(Event::Done(done)) => {
                assert!(matches!(done.reason, FinishReason::Stop | FinishReason::Length), "{:?}", done.reason);
                return answer;
            }
            other => panic!("{other:?}"),
        }
    }
}

impl Answer {
    fn check(&self, expected: &Answer, what: &str) {
        let parts = self.tokens.iter().zip(&expected.tokens).position(|(a, b)| a != b);
        let at = parts.or_else(|| {
            (self.tokens.len() != expected.tokens.len()).then(|| self.tokens.len().min(expected.tokens.len()))
        });
        let lead = at.and_then(|at| expected.leads.get(at).or(self.leads.get(at)));
        assert!(lead.is_none_or(|l| *l < MARGIN), "{what}: parts at token {at:?}, where the lead was {lead:?}");
    }
}

/// What all users share.
struct Load {
    model: Model,
    engine: Engine,
    embedder: Embedder,
    answers: Vec<Answer>,
    person: Answer,
    vectors: Vec<f32>,
    folder: tempfile::TempDir,
    counts: Mutex<Vec<(&'static str, u64)>>,
}

impl Load {
    fn new() -> Load {
        let model = Model::load(smollm2(), ModelOptions::default()).unwrap();
        let minilm = Model::load(model_file(), ModelOptions::default()).unwrap();
        let embedder = Embedder::new(&minilm, EmbedderOptions::default()).unwrap();
        let fresh = engine(&model);
        Load {
            answers: QUESTIONS.iter().map(|q| answer(&fresh, &question(q))).collect(),
            person: answer(&fresh, &person()),
            vectors: embedder.embed(&QUESTIONS, Purpose::Plain, None).unwrap(),
            engine: engine(&model),
            embedder,
            model,
            folder: tempfile::tempdir().unwrap(),
            counts: Mutex::default(),
        }
    }

    fn ask(&self, random: &mut Random) {
        let i = random.below(QUESTIONS.len());
        answer(&self.engine, &question(QUESTIONS[i])).check(&self.answers[i], QUESTIONS[i]);
    }

    fn schema(&self, _: &mut Random) {
        let answer = answer(&self.engine, &person());
        answer.check(&self.person, "a person");
        let value: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
        assert!(value["age"].as_u64().is_some_and(|a| a < 100), "{value}");
    }

    fn vectors(&self, random: &mut Random) {
        let i = random.below(QUESTIONS.len());
        let vector = self.embedder.embed(&QUESTIONS[i..=i], Purpose::Plain, None).unwrap();
        let expected = &self.vectors[i * vector.len()..][..vector.len()];
        let cosine: f32 = vector.iter().zip(expected).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.9999, "{}: cosine {cosine}", QUESTIONS[i]);
    }

    fn session(&self, random: &mut Random) {
        let path = self.folder.path().join(format!("{}.session", random.below(USERS)));
        let mut chat =
            Chat::with_request(&self.engine, Request::chat([]).max_tokens(8).sampling(Sampling::greedy()))
                .unwrap();
        chat.ask(QUESTIONS[random.below(QUESTIONS.len())]).unwrap();
        let saved = chat.save(&path, &SaveOptions::default(), None).unwrap();
        let mut other = Chat::new(&self.engine);
        // Another user may have written the file since.
        other.restore(&path, None).unwrap();
        assert!(saved.tokens > 0 && other.count() == 2);
        chat.fork().unwrap().ask("And then?").unwrap();
    }

    fn cancel(&self, random: &mut Random) {
        let mut stream = self.engine.submit(&question("Tell me a long story.").max_tokens(900)).unwrap();
        for _ in 0..random.below(8) {
            stream.next(Some(Duration::from_secs(120))).unwrap();
        }
        if random.below(2) == 0 {
            stream.cancel();
            while let Next::Event(event) = stream.next(Some(Duration::from_secs(120))).unwrap() {
                if let Event::Done(done) = event {
                    assert_eq!(done.reason, FinishReason::Cancelled);
                }
            }
        }
        // Otherwise it is dropped while it runs.
    }

    fn refused(&self, random: &mut Random) {
        let error = match random.below(3) {
            0 => answer_error(&self.engine, &question(&"long ".repeat(2000))),
            1 => self
                .engine
                .submit(&question("x").max_tokens(1).constraint(Constraint::Regex("(".into())))
                .map(drop)
                .err(),
            _ => Model::load(self.folder.path().join("none.gguf"), ModelOptions::default()).map(drop).err(),
        };
        let code = error.map(|e| e.code());
        assert!(matches!(code, None | Some(Code::ContextFull | Code::Grammar | Code::NotFound)), "{code:?}");
    }

    fn load(&self, _: &mut Random) {
        let file = tiny().file();
        let model = Model::load(&file, ModelOptions::default()).unwrap();
        let engine = Engine::new(&model, EngineOptions { threads: Some(1), ..EngineOptions::default() }).unwrap();
        let stream = engine.submit(&Request::text("a").max_tokens(4)).unwrap();
        drop((model, engine, stream));
        let second = engine_of(&self.model);
        answer(&second, &question(QUESTIONS[0])).check(&self.answers[0], "a second engine");
    }

    fn rest(&self, random: &mut Random) {
        self.engine.pause(None).unwrap();
        let level = [Trim::Cache, Trim::Context, Trim::Weights][random.below(3)];
        self.engine.trim(level, None).unwrap();
        self.engine.resume().unwrap();
    }

    fn work(&self, random: &mut Random) {
        type Kind = (&'static str, usize, fn(&Load, &mut Random));
        const KINDS: [Kind; 8] = [
            ("answer", 8, Load::ask),
            ("schema", 4, Load::schema),
            ("vectors", 4, Load::vectors),
            ("session", 2, Load::session),
            ("cancel", 4, Load::cancel),
            ("refused", 2, Load::refused),
            ("load", 1, Load::load),
            ("rest", 1, Load::rest),
        ];
        let mut at = random.below(KINDS.iter().map(|k| k.1).sum());
        for (name, share, run) in KINDS {
            if at < share {
                run(self, random);
                let mut counts = self.counts.lock().unwrap();
                match counts.iter_mut().find(|c| c.0 == name) {
                    Some(count) => count.1 += 1,
                    None => counts.push((name, 1)),
                }
                return;
            }
            at -= share;
        }
    }
}

fn model_file() -> std::path::PathBuf {
    model("all-minilm-l6-v2-f32.gguf")
}

fn engine_of(model: &Model) -> Engine {
    Engine::new(model, EngineOptions { n_ctx: Some(256), threads: Some(1), ..EngineOptions::default() }).unwrap()
}

fn answer_error(engine: &Engine, request: &Request) -> Option<qask::Error> {
    match support::run(engine, request).1 {
        FinishReason::Error(error) => Some(error),
        _ => None,
    }
}

/// Memory without what is mapped from files, and what of it is in use (KiB), descriptors, threads.
#[derive(Clone, Copy, Debug)]
struct Sample {
    cycles: u64,
    memory: f64,
    in_use: f64,
    descriptors: usize,
    threads: usize,
}

/// KiB that were allocated and not freed, in all of the C library's heaps: what is resident besides is between them.
#[cfg(target_env = "gnu")]
fn in_use() -> f64 {
    // SAFETY: reads figures of the C library.
    let figures = unsafe { libc::mallinfo2() };
    (figures.uordblks + figures.hblkhd) as f64 / 1024.0
}

/// Other C libraries do not tell.
#[cfg(not(target_env = "gnu"))]
fn in_use() -> f64 {
    0.0
}

fn sample(cycles: u64) -> Sample {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("RssAnon")).unwrap();
    let count = |folder| std::fs::read_dir(folder).unwrap().count();
    Sample {
        cycles,
        memory: line.split_whitespace().nth(1).unwrap().parse().unwrap(),
        in_use: in_use(),
        descriptors: count("/proc/self/fd"),
        threads: count("/proc/self/task"),
    }
}

/// KiB of `memory` a cycle, by least squares.
fn slope(samples: &[Sample], memory: fn(&Sample) -> f64) -> f64 {
    let n = samples.len() as f64;
    let mean = |f: fn(&Sample) -> f64| samples.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(|s| s.cycles as f64), mean(memory));
    let over: f64 = samples.iter().map(|s| (s.cycles as f64 - x) * (memory(s) - y)).sum();
    over / samples.iter().map(|s| (s.cycles as f64 - x).powi(2)).sum::<f64>().max(1.0)
}

#[test]
fn nothing_grows_and_every_answer_is_right() {
    let minutes: Option<f64> =
        std::env::var("QASK_SOAK").ok().map(|m| m.parse().expect("QASK_SOAK is in minutes"));
    let time = Duration::from_secs_f64(60.0 * minutes.unwrap_or(0.2));
    let load = Load::new();
    let (cycles, gate, mut samples) = (AtomicU64::new(0), RwLock::new(()), Vec::new());
    let until = Instant::now() + time;
    std::thread::scope(|scope| {
        for user in 0..USERS {
            let (load, cycles, gate) = (&load, &cycles, &gate);
            scope.spawn(move || {
                let mut random = Random(user as u64);
                while Instant::now() < until {
                    let _gate = gate.read().unwrap();
                    load.work(&mut random);
                    cycles.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while Instant::now() < until {
            std::thread::sleep(time / 80);
            // Between two cycles of all users, and without the context: what is left says whether something grows.
            let _gate = gate.write().unwrap();
            load.engine.trim(Trim::Context, None).unwrap();
            samples.push(sample(cycles.load(Ordering::Relaxed)));
        }
    });
    let counts = load.counts.lock().unwrap().clone();
    assert!(!counts.is_empty());
    // The first quarter fills caches and the allocator's arenas.
    let steady = &samples[samples.len() / 4..];
    let (first, last) = (steady[0], steady[steady.len() - 1]);
    let (per_cycle, in_use) = (slope(steady, |s| s.memory), slope(steady, |s| s.in_use));
    println!("{} cycles in {:.1} minutes: {counts:?}", cycles.load(Ordering::Relaxed), time.as_secs_f64() / 60.0);
    println!("memory {per_cycle:+.3} KiB a cycle, in use {in_use:+.3}; from {first:?} to {last:?}");
    if std::env::var_os("QASK_SOAK_SAMPLES").is_some() {
        samples.iter().for_each(|s| println!("{} {} {:.0}", s.cycles, s.memory, s.in_use));
    }
    if minutes.is_some_and(|m| m >= 10.0) {
        assert!(per_cycle < 1.0, "memory grows by {per_cycle} KiB a cycle");
        assert!(in_use < 0.5, "what is in use grows by {in_use} KiB a cycle");
        // Streams that were dropped, and engines, end soon, and not at once.
        let most = |f: fn(&Sample) -> usize, part: &[Sample]| part.iter().map(f).max().unwrap();
        let (early, late) = steady.split_at(steady.len() / 2);
        assert!(
            most(|s| s.descriptors, late) <= most(|s| s.descriptors, early) + 8,
            "descriptors: {first:?} {last:?}"
        );
        assert!(most(|s| s.threads, late) <= most(|s| s.threads, early) + 8, "threads: {first:?} {last:?}");
    }
}
