//! Promises of the engine, on real models: the same tokens as a minimal loop, prefixes reused, nobody starved,
//! cancel and deadline in every phase, every request option with an effect.

#[path = "../benches/raw.rs"]
mod raw;
mod support;

use std::time::{Duration, Instant};

use qask::{
    Code, Engine, EngineOptions, Event, FinishReason, Message, Model, ModelOptions, Next, Request, Sampling,
};

fn model(path: std::path::PathBuf) -> Model {
    Model::load(path, ModelOptions::default()).expect("the model loads")
}

fn engine(model: &Model, change: impl FnOnce(&mut EngineOptions)) -> Engine {
    let mut options = EngineOptions { threads: Some(2), ..EngineOptions::default() };
    change(&mut options);
    Engine::new(model, options).expect("the engine starts")
}

fn greedy(request: Request) -> Request {
    request.sampling(Sampling::greedy())
}

/// All that a stream gave: the text and tokens of choice 0, and how it ended.
fn collect(mut stream: qask::Stream) -> (String, Vec<i32>, qask::Done) {
    let (mut text, mut tokens, mut end) = (String::new(), Vec::new(), None);
    while let Next::Event(event) = stream.next(None).expect("an event") {
        match event {
            Event::Text(t) if t.choice == 0 => {
                text += &t.text;
                tokens.extend(t.tokens);
            }
            Event::Done(d) if d.choice == 0 => end = Some(d),
            _ => {}
        }
    }
    (text, tokens, end.expect("a DONE event"))
}

fn long_prompt(words: usize, salt: &str) -> String {
    let mut text = format!("{salt}: ");
    for i in 0..words {
        text += ["river ", "market ", "window ", "engine ", "garden "][(i * 7 + i / 5) % 5];
    }
    text
}

const QUESTIONS: [&str; 20] = [
    "What is a compiler?",
    "Name three colours.",
    "Write a haiku about rain.",
    "用一句话介绍你自己",
    "Count from one to ten.",
    "Why is the sky blue?",
    "Write a C function that adds two integers.",
    "Translate 'good morning' into French.",
    "What is 12 times 12?",
    "Tell me a joke about cats.",
    "List the planets of the solar system.",
    "Explain recursion to a child.",
    "Wer war Johann Sebastian Bach?",
    "Give me a recipe for pancakes.",
    "What does HTTP stand for?",
    "Write a limerick.",
    "Summarise the plot of Hamlet in one sentence.",
    "Escribe una frase sobre el mar.",
    "What is the capital of Japan?",
    "Sort these numbers: 5, 3, 9, 1.",
];

/// Batches of other shapes may take another token where the best two are this close, in logits. Measured: the minimal
/// loop itself, 20 prompts in one batch against one at a time, moves the lead of the best candidate by up to 0.66 logits
/// on SmolLM2 and 0.28 on the 0.5B, and parts at leads of up to 0.29.
const MARGIN: f32 = 0.3;

/// Deterministic mode equals the minimal loop token for token; batched runs part from it only where its two best
/// candidates are close.
fn equals_raw(path: std::path::PathBuf) {
    const N: usize = 32;
    let model = model(path.clone());
    let mut raw = raw::Raw::new(&path, 2, 1, 1024, true);
    let prompts: Vec<Vec<i32>> = QUESTIONS.iter().map(|q| raw.tokenize(q)).collect();
    let references: Vec<raw::Answer> =
        prompts.iter().map(|p| raw.generate(std::slice::from_ref(p), N, true).remove(0)).collect();
    let request = |i: usize| {
        let mut request = greedy(Request::text(QUESTIONS[i])).max_tokens(N as u32);
        request.ignore_eos = true;
        request.return_tokens = true;
        request
    };

    let alone = engine(&model, |o| {
        o.deterministic = true;
        o.n_ctx = Some(1024);
    });
    for (i, reference) in references.iter().enumerate() {
        assert_eq!(model.tokenize(QUESTIONS[i], true, false).unwrap(), prompts[i], "tokens of {:?}", QUESTIONS[i]);
        let (_, tokens, done) = collect(alone.submit(&request(i)).unwrap());
        assert_eq!(tokens, reference.tokens, "deterministic answer to {:?}", QUESTIONS[i]);
        assert_eq!(done.usage.output_tokens, N as u32);
    }

    let many = engine(&model, |_| {});
    let streams: Vec<_> = (0..QUESTIONS.len()).map(|i| many.submit(&request(i)).unwrap()).collect();
    let mut parted = 0;
    for (i, stream) in streams.into_iter().enumerate() {
        let (_, tokens, _) = collect(stream);
        assert_eq!(tokens.len(), N);
        let reference = &references[i];
        if let Some(at) = (0..N).find(|&t| tokens[t] != reference.tokens[t]) {
            parted += 1;
            let lead = reference.margins[at];
            assert!(lead < MARGIN, "{:?} parts at token {at}, where the lead was {lead}", QUESTIONS[i]);
        }
    }
    println!("batched: {parted} of {} answers part from the loop, all within {MARGIN} logits", QUESTIONS.len());
}

#[test]
fn greedy_equals_a_minimal_loop_smollm2() {
    equals_raw(support::smollm2());
}

#[test]
fn greedy_equals_a_minimal_loop_qwen() {
    equals_raw(support::qwen());
}

#[test]
fn a_second_turn_evaluates_only_what_is_new() {
    let model = model(support::smollm2());
    let engine = engine(&model, |_| {});
    let mut messages = vec![Message::system(long_prompt(200, "Rules")), Message::user("Hello!")];
    let (text, _, first) =
        collect(engine.submit(&greedy(Request::chat(messages.clone())).max_tokens(20)).unwrap());
    assert_eq!(first.usage.cached_tokens, 0);
    messages.push(Message::assistant(text));
    messages.push(Message::user("And what else?"));
    let (_, _, second) = collect(engine.submit(&greedy(Request::chat(messages)).max_tokens(4)).unwrap());
    // All of the first prompt; the answer may tokenise differently at its end.
    assert!(second.usage.cached_tokens >= first.usage.prompt_tokens, "{:?} {:?}", first.usage, second.usage);
    assert!(engine.stats().reused_tokens >= u64::from(first.usage.prompt_tokens));
}

#[test]
fn a_shared_prefix_is_computed_once_and_gives_the_same_text() {
    let model = model(support::smollm2());
    let ask = |engine: &Engine, topic: &str| {
        let messages = [Message::system(long_prompt(150, "Rules")), Message::user(format!("What is {topic}?"))];
        engine.submit(&greedy(Request::chat(messages)).max_tokens(12)).unwrap()
    };
    let topics = ["rain", "bread", "a river", "glass", "snow", "music"];
    let plain = engine(&model, |o| o.prefix_cache = false);
    let expected: Vec<String> = topics.iter().map(|t| collect(ask(&plain, t)).0).collect();
    let shared = engine(&model, |_| {});
    // All at once: the later ones wait for the first one's prefix.
    let streams: Vec<_> = topics.iter().map(|t| ask(&shared, t)).collect();
    let mut same = 0;
    let mut cached = 0;
    for (stream, expected) in streams.into_iter().zip(&expected) {
        let (text, _, done) = collect(stream);
        cached += u32::from(done.usage.cached_tokens > 150);
        same += usize::from(text == *expected);
    }
    assert_eq!(cached, 5, "all but the first share the system prompt");
    assert!(same >= 4, "{same} of 6 answers are the same as without sharing"); // batches may differ in the last bits
                                                                               // Another tenant shares nothing.
    let mut request = greedy(Request::chat([Message::system(long_prompt(150, "Rules")), Message::user("Hi")]));
    request.cache_key = "tenant".into();
    assert_eq!(collect(shared.submit(&request.max_tokens(2)).unwrap()).2.usage.cached_tokens, 0);
}

#[test]
fn a_pinned_prefix_survives_pressure() {
    let model = model(support::smollm2());
    let engine = engine(&model, |o| {
        o.n_ctx = Some(1024);
        o.kv_tokens = Some(1536);
        o.max_sequences = 2;
    });
    let rules = long_prompt(200, "Rules");
    let warm = greedy(Request::chat([Message::system(&rules)]));
    let (_, _, done) = collect(engine.prewarm(&warm, true).unwrap());
    assert_eq!((done.reason, done.usage.output_tokens), (FinishReason::Length, 0));
    // The figures follow the answer; four tokens an answer then.
    let before = (Instant::now(), engine.stats().steps);
    while engine.stats().steps == before.1 && before.0.elapsed() < Duration::from_millis(500) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(engine.stats().output_tokens, 0, "a prewarm generates nothing");
    for i in 0..6 {
        let other = greedy(Request::text(long_prompt(500, &format!("Other {i}")))).max_tokens(4);
        collect(engine.submit(&other).unwrap());
    }
    assert!(engine.stats().evictions > 0, "there was pressure: {:?}", engine.stats());
    let later = greedy(Request::chat([Message::system(&rules), Message::user("Hello")])).max_tokens(2);
    assert!(collect(engine.submit(&later).unwrap()).2.usage.cached_tokens > 150);
    engine.unpin().unwrap();
    for i in 0..6 {
        let other = greedy(Request::text(long_prompt(500, &format!("More {i}")))).max_tokens(4);
        collect(engine.submit(&other).unwrap());
    }
    assert!(collect(engine.submit(&later).unwrap()).2.usage.cached_tokens < 50, "unpinned, it went");
}

#[test]
fn a_full_cache_preempts_and_loses_nothing() {
    let model = model(support::smollm2());
    let text = |i: usize| long_prompt(40, &format!("Story {i}"));
    let ask = |i: usize| {
        let mut request = greedy(Request::text(text(i))).max_tokens(150);
        request.ignore_eos = true;
        request.return_tokens = true;
        request
    };
    let mut raw = raw::Raw::new(&support::smollm2(), 2, 1, 1024, true);
    let expected: Vec<raw::Answer> =
        (0..6).map(|i| raw.generate(&[raw.tokenize(&text(i))], 150, true).remove(0)).collect();
    // Six sequences of about 200 tokens in 768 cells.
    let tight = engine(&model, |o| {
        o.n_ctx = Some(512);
        o.kv_tokens = Some(768);
    });
    let streams: Vec<_> = (0..6).map(|i| tight.submit(&ask(i)).unwrap()).collect();
    let mut preempted = 0;
    for (i, stream) in streams.into_iter().enumerate() {
        let (_, tokens, done) = collect(stream);
        assert_eq!(done.reason, FinishReason::Length);
        assert_eq!(tokens.len(), 150, "stream {i}");
        preempted += done.usage.preemptions;
        if let Some(at) = (0..150).find(|t| tokens[*t] != expected[i].tokens[*t]) {
            let lead = expected[i].margins[at];
            // Six answers of 150 tokens each: more chances than in `equals_raw`. A wrong state differs by whole logits.
            assert!(lead < 3.0 * MARGIN, "stream {i} parts at token {at}, where the lead was {lead}");
        }
    }
    assert!(preempted > 0 && tight.stats().preemptions == u64::from(preempted), "{:?}", tight.stats());
}

#[test]
fn cancel_stops_a_long_prompt_at_once() {
    let model = model(support::smollm2());
    let engine = engine(&model, |_| {});
    let prompt = long_prompt(2900, "Long");
    assert!(model.tokenize(&prompt, true, false).unwrap().len() > 2800);
    let mut worst = Duration::ZERO;
    for i in 0..5 {
        let request = greedy(Request::text(format!("{i} {prompt}"))).max_tokens(4);
        let mut stream = engine.submit(&request).unwrap();
        std::thread::sleep(Duration::from_millis(150 + 70 * i));
        let began = Instant::now();
        stream.cancel();
        let next = stream.next(None).unwrap();
        worst = worst.max(began.elapsed());
        let Next::Event(Event::Done(done)) = next else { panic!("{next:?}") };
        assert_eq!(done.reason, FinishReason::Cancelled);
    }
    println!("cancel during a long prompt: at most {worst:?}");
    // The promise is 50 ms; `make bench` measures it. Without an abort a chunk of 512 tokens takes a second.
    assert!(worst < Duration::from_millis(400), "{worst:?}");
    // The engine is as good as new.
    let (text, ..) = collect(engine.submit(&greedy(Request::text("1, 2, 3,")).max_tokens(3)).unwrap());
    assert!(text.contains('4'), "{text:?}");
}

/// In the step, waiting for a place, and on its way to the engine while it computes.
#[test]
fn a_prompt_beside_others_is_told_its_end_within_the_step() {
    let model = model(support::smollm2());
    let engine = engine(&model, |o| {
        o.max_sequences = 2;
        o.kv_tokens = Some(8192);
    });
    let ask = |salt: String| {
        let request = greedy(Request::text(format!("{salt} {}", long_prompt(2900, "Long")))).max_tokens(1);
        engine.submit(&request).unwrap()
    };
    let stays = ask("stays".into());
    let begun = engine.stats().steps;
    while engine.stats().steps == begun {
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut within = [0; 3];
    for attempt in 0..4 {
        let (beside, queued) = (ask(format!("beside {attempt}")), ask(format!("queued {attempt}")));
        let steps = engine.stats().steps;
        while engine.stats().active < 2 || engine.stats().steps == steps {
            std::thread::sleep(Duration::from_millis(5));
        }
        let arriving = ask(format!("arriving {attempt}"));
        std::thread::sleep(Duration::from_millis(50));
        for (i, mut stream) in [beside, queued, arriving].into_iter().enumerate() {
            let steps = engine.stats().steps;
            stream.cancel();
            let Next::Event(Event::Done(done)) = stream.next(None).unwrap() else { panic!("no end") };
            assert_eq!((done.reason, done.usage.output_tokens), (FinishReason::Cancelled, 0));
            within[i] += usize::from(engine.stats().steps == steps);
            assert_eq!(stream.next(None).unwrap(), Next::Finished);
        }
        if within.iter().all(|n| *n > 0) {
            break;
        }
    }
    assert!(within.iter().all(|n| *n > 0), "{within:?}");
    assert_eq!(collect(stays).2.reason, FinishReason::Length);
    let stats = engine.stats();
    assert_eq!((stats.queued, stats.finished), (0, stats.submitted), "{stats:?}");
}

#[test]
fn cancel_and_deadline_act_while_queued() {
    let model = model(support::smollm2());
    let engine = engine(&model, |o| o.max_sequences = 1);
    let mut endless = greedy(Request::text("Once upon a time"));
    endless.ignore_eos = true;
    let running = engine.submit(&endless).unwrap();
    let mut late = endless.clone();
    late.deadline = Some(Duration::from_millis(80));
    let late = engine.submit(&late).unwrap();
    let waiting = engine.submit(&endless).unwrap();
    waiting.cancel();
    assert_eq!(collect(waiting).2.reason, FinishReason::Cancelled);
    let began = Instant::now();
    let done = collect(late).2;
    assert_eq!((done.reason, done.usage.output_tokens), (FinishReason::Deadline, 0));
    assert!(began.elapsed() < Duration::from_secs(2));
    drop(running);
}

#[test]
fn priority_goes_first() {
    let model = model(support::smollm2());
    let engine = engine(&model, |o| o.max_sequences = 1);
    let mut first = greedy(Request::text("Once upon a time")).max_tokens(40);
    first.ignore_eos = true;
    let running = engine.submit(&first).unwrap();
    let low = engine.submit(&first).unwrap();
    let mut urgent = first.clone();
    urgent.priority = 10;
    let urgent = engine.submit(&urgent).unwrap();
    collect(running);
    let (urgent, low) = (collect(urgent).2.usage, collect(low).2.usage);
    assert!(urgent.queue < low.queue, "{urgent:?} {low:?}");
}

#[test]
fn a_new_prompt_does_not_stall_running_streams() {
    let model = model(support::smollm2());
    let engine = engine(&model, |o| o.max_step_ms = 100);
    let mut endless = greedy(Request::text("Once upon a time")).max_tokens(600);
    endless.ignore_eos = true;
    let mut running = engine.submit(&endless).unwrap();
    let Next::Event(_) = running.next(None).unwrap() else { panic!() };
    let prompt = engine.submit(&greedy(Request::text(long_prompt(1900, "Long"))).max_tokens(1)).unwrap();
    let reader = std::thread::spawn(move || {
        let (mut tokens, mut last, mut worst) = (0, Instant::now(), Duration::ZERO);
        while let Next::Event(Event::Text(_)) = running.next(None).unwrap() {
            worst = worst.max(last.elapsed());
            last = Instant::now();
            tokens += 1;
        }
        (tokens, worst)
    });
    let (_, _, done) = collect(prompt);
    assert!(done.usage.prompt_tokens > 1800);
    let (tokens, worst) = reader.join().unwrap();
    assert!(tokens > 20, "the running stream went on: {tokens} pieces");
    println!("worst pause of a running stream: {worst:?}; longest step {} us", engine.stats().longest_step_us);
    // The budget is 100 ms, and `make bench` measures it; here only that it is not the whole prompt's time.
    assert!(worst < Duration::from_millis(700), "{worst:?}");
}

#[test]
fn stop_texts_across_tokens_are_not_emitted() {
    let model = model(support::smollm2());
    let engine = engine(&model, |_| {});
    let request = greedy(Request::text("1, 2, 3, 4, 5,")).max_tokens(30);
    let (whole, ..) = collect(engine.submit(&request).unwrap());
    assert!(whole.contains(" 8, 9"), "{whole:?}");
    let mut stopped = request.clone();
    stopped.stop = vec!["never".into(), " 8, 9".into()];
    let (text, _, done) = collect(engine.submit(&stopped).unwrap());
    assert_eq!(done.reason, FinishReason::Stop);
    assert_eq!(text, whole.split(" 8, 9").next().unwrap());
    // `min_tokens` holds the stop back.
    stopped.min_tokens = 25;
    let (text, _, done) = collect(engine.submit(&stopped).unwrap());
    assert!(done.usage.output_tokens >= 25 && text.len() > 20, "{text:?}");
}

#[test]
fn seeds_repeat_and_differ() {
    let model = model(support::smollm2());
    let engine = engine(&model, |o| o.deterministic = true);
    let say = |seed: Option<u32>| {
        let sampling = Sampling { temperature: Some(1.5), seed, ..Sampling::default() };
        let request = Request::text("Once upon a time").max_tokens(16).sampling(sampling);
        let (text, _, done) = collect(engine.submit(&request).unwrap());
        (text, done.seed)
    };
    let (a, seed) = say(None);
    let (b, other) = say(None);
    assert!(seed != other && a != b, "an unset seed is drawn anew");
    assert_eq!(say(Some(seed)), (a, seed), "and the reported one gives the same text again");
}

#[test]
fn n_answers_from_one_prompt() {
    let model = model(support::smollm2());
    let engine = engine(&model, |_| {});
    let sampling = Sampling { temperature: Some(1.2), seed: Some(7), ..Sampling::default() };
    let mut request = Request::text(long_prompt(60, "Once")).max_tokens(10).sampling(sampling);
    request.n = 3;
    let mut stream = engine.submit(&request).unwrap();
    let mut texts = [const { String::new() }; 3];
    let mut done = [0; 3];
    let mut cached = 0;
    while let Next::Event(event) = stream.next(None).unwrap() {
        match event {
            Event::Text(t) => texts[t.choice as usize] += &t.text,
            Event::Done(d) => {
                done[d.choice as usize] += 1;
                cached += u32::from(d.usage.cached_tokens > 40);
            }
            _ => {}
        }
    }
    assert_eq!(done, [1, 1, 1]);
    assert!(texts[0] != texts[1] && texts[1] != texts[2], "{texts:?}");
    assert_eq!(cached, 2, "the prompt is evaluated once");
}

#[test]
fn a_partial_reply_is_continued() {
    let model = model(support::smollm2());
    let engine = engine(&model, |_| {});
    let mut request = greedy(Request::chat([
        Message::user("Count from one to ten in digits."),
        Message::assistant("Sure: 1, 2, 3, 4,"),
    ]))
    .max_tokens(6);
    request.continue_final_message = true;
    let (text, ..) = collect(engine.submit(&request).unwrap());
    assert!(text.trim_start().starts_with('5'), "{text:?}");
}

#[test]
fn text_between_two_texts() {
    let coder = model(support::qwen());
    let engine = engine(&coder, |_| {});
    let infill = Request::infill("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n");
    let (text, ..) = collect(engine.submit(&greedy(infill.clone()).max_tokens(12)).unwrap());
    assert!(text.trim_start().starts_with("a + b"), "{text:?}");
    let plain = model(support::smollm2());
    let engine = self::engine(&plain, |_| {});
    let error = match engine.submit(&greedy(infill).max_tokens(12)) {
        Err(error) => error,
        Ok(stream) => match collect(stream).2.reason {
            FinishReason::Error(error) => error,
            other => panic!("{other:?}"),
        },
    };
    assert_eq!(error.code(), Code::Unsupported, "{error}");
}

#[test]
fn logprobs_are_the_models_own() {
    let model = model(support::smollm2());
    let engine = engine(&model, |_| {});
    // High temperature must not change what is reported.
    let sampling = Sampling { temperature: Some(2.0), seed: Some(1), ..Sampling::default() };
    let mut request = Request::text("The capital of France is").max_tokens(5).sampling(sampling);
    request.logprobs = Some(5);
    request.return_tokens = true;
    let mut stream = engine.submit(&request).unwrap();
    let mut seen = 0;
    while let Next::Event(event) = stream.next(None).unwrap() {
        let Event::Text(text) = event else { continue };
        assert_eq!(text.tokens.len(), text.logprobs.len());
        for (token, l) in text.tokens.iter().zip(&text.logprobs) {
            assert_eq!(*token, l.token);
            assert!(l.logprob <= l.top[0].1 && l.top.len() == 5);
            assert!(l.top.windows(2).all(|w| w[0].1 >= w[1].1));
            assert!(l.top.iter().map(|t| t.1.exp()).sum::<f32>() <= 1.0001);
            seen += 1;
        }
    }
    assert_eq!(seen, 5);
}

/// Each sampler setting, extreme enough to be seen: greedy text again, or text that is not greedy.
#[test]
fn every_sampler_setting_has_an_effect() {
    let model = model(support::smollm2());
    let engine = engine(&model, |o| o.deterministic = true);
    let say = |sampling: Sampling| {
        let request = Request::text("The cat sat on the mat. The cat").max_tokens(24).sampling(sampling);
        collect(engine.submit(&request).unwrap()).0
    };
    let hot = |change: &dyn Fn(&mut Sampling)| {
        let mut s = Sampling {
            temperature: Some(3.0),
            top_k: Some(0),
            top_p: Some(1.0),
            min_p: Some(0.0),
            seed: Some(11),
            ..Sampling::default()
        };
        change(&mut s);
        say(s)
    };
    let greedy = say(Sampling::greedy());
    let wild = hot(&|_| {});
    assert_ne!(greedy, wild);
    // Cutting the candidates to one makes any temperature greedy.
    assert_eq!(hot(&|s| s.top_k = Some(1)), greedy, "top_k");
    assert_eq!(hot(&|s| s.top_p = Some(1e-6)), greedy, "top_p");
    assert_eq!(hot(&|s| s.min_p = Some(1.0)), greedy, "min_p");
    assert_eq!(hot(&|s| s.top_n_sigma = Some(0.0001)), greedy, "top_n_sigma");
    assert_eq!(hot(&|s| s.temperature = Some(0.0001)), greedy, "temperature");
    // These change a hot draw, each in its own way.
    assert_ne!(hot(&|s| s.typical_p = Some(0.2)), wild, "typical_p");
    assert_ne!(hot(&|s| s.dynatemp_range = Some(2.9)), wild, "dynatemp_range");
    assert_ne!(
        hot(&|s| {
            s.dynatemp_range = Some(2.9);
            s.dynatemp_exponent = Some(8.0);
        }),
        hot(&|s| s.dynatemp_range = Some(2.9)),
        "dynatemp_exponent"
    );
    assert_ne!(hot(&|s| s.mirostat = Some(1)), wild, "mirostat 1");
    assert_ne!(hot(&|s| s.mirostat = Some(2)), hot(&|s| s.mirostat = Some(1)), "mirostat 2");
    let mirostat = |tau: f32, eta: f32| {
        hot(&|s| {
            s.mirostat = Some(2);
            (s.mirostat_tau, s.mirostat_eta) = (Some(tau), Some(eta));
        })
    };
    assert_ne!(mirostat(0.5, 0.1), mirostat(8.0, 0.1), "mirostat_tau");
    assert_ne!(mirostat(3.0, 0.01), mirostat(3.0, 1.0), "mirostat_eta");
    assert_ne!(hot(&|s| (s.xtc_probability, s.xtc_threshold) = (Some(1.0), Some(0.01))), wild, "xtc");
    assert_eq!(
        hot(&|s| (s.xtc_probability, s.xtc_threshold) = (Some(1.0), Some(0.6))),
        wild,
        "xtc above one half"
    );
    assert_ne!(hot(&|s| s.seed = Some(12)), wild, "seed");
    // `min_keep` keeps more than `min_p` would.
    let kept = |n| {
        hot(&|s| {
            s.min_p = Some(1.0);
            s.min_keep = Some(n);
        })
    };
    assert_eq!(kept(1), greedy, "min_keep 1");
    assert_ne!(kept(50), greedy, "min_keep 50");
    // The penalties change a greedy text that repeats itself.
    let cold = |change: &dyn Fn(&mut Sampling)| {
        let mut s = Sampling::greedy();
        change(&mut s);
        say(s)
    };
    assert_ne!(cold(&|s| s.repeat_penalty = Some(2.0)), greedy, "repeat_penalty");
    assert_ne!(cold(&|s| s.frequency_penalty = Some(5.0)), greedy, "frequency_penalty");
    assert_ne!(cold(&|s| s.presence_penalty = Some(10.0)), greedy, "presence_penalty");
    assert_eq!(
        cold(&|s| (s.repeat_penalty, s.penalty_last_n) = (Some(2.0), Some(0))),
        greedy,
        "penalty_last_n of nothing"
    );
    assert_ne!(cold(&|s| (s.dry_multiplier, s.dry_allowed_length) = (Some(20.0), Some(1))), greedy, "dry");
    assert_eq!(
        cold(&|s| (s.dry_multiplier, s.dry_allowed_length) = (Some(20.0), Some(1000))),
        greedy,
        "dry_allowed_length"
    );
    assert_eq!(
        cold(&|s| (s.dry_multiplier, s.dry_allowed_length, s.dry_penalty_last_n) = (Some(20.0), Some(1), Some(0))),
        greedy,
        "dry_penalty_last_n of nothing"
    );
    let first = model.tokenize(&greedy, false, false).unwrap()[0];
    assert_ne!(cold(&|s| s.logit_bias = vec![(first, f32::NEG_INFINITY)]), greedy, "logit_bias");
}

#[test]
fn token_ids_go_in_and_out() {
    let model = model(support::smollm2());
    let engine = engine(&model, |_| {});
    let ids = model.tokenize("1, 2, 3, 4,", true, false).unwrap();
    let by_ids = collect(engine.submit(&greedy(Request::tokens(ids)).max_tokens(6)).unwrap()).0;
    let by_text = collect(engine.submit(&greedy(Request::text("1, 2, 3, 4,")).max_tokens(6)).unwrap()).0;
    assert_eq!(by_ids, by_text);
}

#[test]
fn threads_change_while_running() {
    let model = model(support::smollm2());
    let engine = engine(&model, |_| {});
    let mut endless = greedy(Request::text("Once upon a time")).max_tokens(120);
    endless.ignore_eos = true;
    let mut stream = engine.submit(&endless).unwrap();
    let Next::Event(_) = stream.next(None).unwrap() else { panic!() };
    engine.set_threads(1, 2).unwrap();
    let (_, _, done) = collect(stream);
    assert_eq!(done.usage.output_tokens, 120);
    let stats = engine.stats();
    assert_eq!((stats.threads, stats.threads_batch), (1, 2));
    // What else the machine does may make it fewer, never more.
    assert!(stats.threads_used == 1 && (1..=2).contains(&stats.threads_batch_used), "{stats:?}");
    assert_eq!(engine.set_threads(0, 1).unwrap_err().code(), Code::Range);
}

/// Other tests keep this machine busy: an engine that may not adapt, or that is deterministic, has its threads all the
/// same.
#[test]
fn threads_stay_where_they_may_not_adapt() {
    let model = model(support::smollm2());
    let fixed = engine(&model, |o| o.adapt_threads = false);
    let deterministic = engine(&model, |o| o.deterministic = true);
    for engine in [fixed, deterministic] {
        for tokens in [1, 40] {
            collect(engine.submit(&greedy(Request::text("Once upon a time")).max_tokens(tokens)).unwrap());
            let stats = engine.stats();
            assert_eq!((stats.threads_used, stats.threads_batch_used), (2, 2));
        }
    }
}

#[test]
fn cache_formats_flash_attention_and_separate_caches() {
    use qask::{CacheType, FlashAttention};
    let model = model(support::smollm2());
    let say = |change: &dyn Fn(&mut EngineOptions)| {
        let engine = engine(&model, |o| {
            o.n_ctx = Some(512);
            change(o);
        });
        let streams: Vec<_> =
            (0..3).map(|_| engine.submit(&greedy(Request::text("1, 2, 3, 4,")).max_tokens(8)).unwrap()).collect();
        streams.into_iter().map(|s| collect(s).0).collect::<Vec<_>>()
    };
    for (name, texts) in [
        ("separate", say(&|o| o.unified_kv = false)),
        ("q8_0", say(&|o| (o.cache_type_k, o.cache_type_v) = (CacheType::Q8_0, CacheType::Q8_0))),
        ("q4_0", say(&|o| (o.cache_type_k, o.cache_type_v) = (CacheType::Q4_0, CacheType::Q4_0))),
        ("flash off", say(&|o| o.flash_attention = FlashAttention::Off)),
        ("flash on", say(&|o| o.flash_attention = FlashAttention::On)),
        ("small batches", say(&|o| (o.n_batch, o.n_ubatch) = (32, 8))),
    ] {
        for text in texts {
            assert!(text.contains("5, 6"), "{name}: {text:?}");
        }
    }
    let options = EngineOptions {
        flash_attention: FlashAttention::Off,
        cache_type_v: CacheType::Q8_0,
        ..EngineOptions::default()
    };
    assert!(Engine::new(&model, options).is_err(), "a quantized value cache needs flash attention");
}

#[test]
fn an_answer_ends_with_the_context() {
    let model = model(support::smollm2());
    let engine = engine(&model, |o| o.n_ctx = Some(128));
    let mut request = greedy(Request::text("Once upon a time"));
    request.ignore_eos = true;
    let (_, _, done) = collect(engine.submit(&request).unwrap());
    assert_eq!(done.reason, FinishReason::Length);
    assert_eq!(done.usage.prompt_tokens + done.usage.output_tokens, 128);
}

#[test]
fn streams_that_nobody_reads_do_not_stall_others() {
    let model = model(support::smollm2());
    let engine = engine(&model, |_| {});
    let mut request = greedy(Request::text("Once upon a time")).max_tokens(200);
    request.ignore_eos = true;
    let unread: Vec<_> = (0..4).map(|_| engine.submit(&request).unwrap()).collect();
    let (_, _, done) = collect(engine.submit(&greedy(Request::text("1, 2,")).max_tokens(4)).unwrap());
    assert_eq!(done.usage.output_tokens, 4);
    for stream in unread {
        let (text, _, done) = collect(stream);
        assert!(done.usage.output_tokens == 200 && text.len() > 200);
    }
}

/// Prompts that came together and fill more than one batch begin to answer together, instead of a few tokens a step.
#[test]
fn a_burst_of_prompts_answers_together() {
    let model = Model::load(support::tiny().file(), ModelOptions::default()).unwrap();
    let options = EngineOptions {
        n_batch: 256,
        n_ubatch: 256,
        max_step_ms: 1,
        prefix_cache: false,
        kv_tokens: Some(2048),
        ..EngineOptions::default()
    };
    let engine = Engine::new(&model, options).unwrap();
    let steps = |attempt: i32| {
        engine.pause(None).unwrap();
        let ask = |i: i32| {
            let tokens: Vec<i32> = (0..110).map(|t| 10 + (t * 7 + i + attempt) % 50).collect();
            let mut request = greedy(Request::tokens(tokens)).max_tokens(10);
            request.ignore_eos = true;
            engine.submit(&request).unwrap()
        };
        let streams: Vec<_> = (0..4).map(ask).collect();
        // Until they are prepared, for which there is no sign: on a busy machine that may be too short.
        std::thread::sleep(Duration::from_millis(300));
        let before = engine.stats().steps;
        engine.resume().unwrap();
        streams.into_iter().for_each(|s| drop(s.collect_text().unwrap()));
        let until = Instant::now() + Duration::from_secs(20);
        while engine.stats().active > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        engine.stats().steps - before
    };
    // Two for 440 prompt tokens, the second of which gives the first tokens.
    let found: Vec<u64> = (0..5).map(|i| steps(i * 4)).collect();
    assert!(found.contains(&(2 + 9)), "{found:?} steps");
}
