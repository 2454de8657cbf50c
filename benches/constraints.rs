//! What constraints cost and what fast-forward gains: `make bench-constraints`. Model files as arguments.

use std::time::{Duration, Instant};

use qask::constraint::replay;
use qask::{
    Constraint, Engine, EngineOptions, Event, Message, Model, ModelOptions, Next, Request, Sampling, Usage,
};
use serde_json::{json, Value};

const ROUNDS: usize = 5;

fn main() -> qask::Result<()> {
    for path in std::env::args().skip(1) {
        let model = Model::load(&path, ModelOptions::default())?;
        let engine = Engine::new(
            &model,
            EngineOptions { threads: Some(2), n_ctx: Some(2048), ..EngineOptions::default() },
        )?;
        println!("{path}: {} tokens", model.vocabulary_size());
        plain_against_constrained(&model, &engine)?;
        forms(&model, &engine)?;
    }
    Ok(())
}

fn base() -> Request {
    let mut request = match std::env::var_os("RAW_PROMPT") {
        Some(_) => Request::text("A list of words as JSON:\n"),
        None => Request::chat([Message::user("Write a list of words as JSON.")]),
    };
    request.sampling = Sampling::greedy();
    request.return_tokens = true;
    request
}

fn answer(engine: &Engine, request: &Request) -> qask::Result<(Vec<i32>, Usage)> {
    let mut stream = engine.submit(request)?;
    let (mut tokens, mut usage) = (Vec::new(), Usage::default());
    while let Next::Event(event) = stream.next(None)? {
        match event {
            Event::Text(t) => tokens.extend(t.tokens),
            Event::Done(d) => match d.reason {
                qask::FinishReason::Error(e) => return Err(e),
                _ => usage = d.usage,
            },
            _ => {}
        }
    }
    Ok((tokens, usage))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn microseconds(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    (at(0.5), at(0.99))
}

/// Tokens a second without and with a schema that leaves nearly every token to choose, in turns.
fn plain_against_constrained(model: &Model, engine: &Engine) -> qask::Result<()> {
    let schema = Constraint::JsonSchema(
        json!({"type": "array", "minItems": 100, "items": {"type": "string", "maxLength": 40}}),
    );
    let mut plain = base().max_tokens(96);
    plain.ignore_eos = true;
    let mut held = base().max_tokens(96).constraint(schema.clone());
    held.ignore_eos = true;
    // Each samples every token: fast-forward is measured by itself.
    held.logprobs = Some(0);
    plain.logprobs = Some(0);
    let rate = |usage: &Usage| f64::from(usage.output_tokens - 1) / usage.decode.as_secs_f64();
    let (mut ratios, mut rates, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (_, a) = answer(engine, &plain)?;
        let (tokens, b) = answer(engine, &held)?;
        if round > 0 {
            ratios.push(rate(&b) / rate(&a));
            rates.push(rate(&a));
        }
        last = tokens;
    }
    let step = 1e6 / median(rates.clone());
    let replayed = replay(model, &schema, &last)?;
    let (p50, p99) = microseconds(replayed.masks);
    println!("  unconstrained {:.1} tokens/s; with a schema x{:.3}", median(rates), median(ratios));
    println!(
        "  mask: p50 {p50:.0} us, p99 {p99:.0} us ({:.2}% and {:.2}% of a step)",
        p50 / step * 100.0,
        p99 / step * 100.0
    );
    Ok(())
}

/// Twenty fixed keys with short values.
fn form() -> Value {
    let keys = [
        "first_name",
        "last_name",
        "street_address",
        "postal_code",
        "city",
        "country",
        "date_of_birth",
        "phone_number",
        "email_confirmed",
        "newsletter",
        "shoe_size",
        "favourite_colour",
        "number_of_children",
        "married",
        "profession",
        "years_of_experience",
        "preferred_language",
        "vegetarian",
        "height_in_centimetres",
        "remarks",
    ];
    let kinds = [
        json!({"type": "string", "maxLength": 8}),
        json!({"type": "boolean"}),
        json!({"type": "integer", "minimum": 0, "maximum": 99}),
    ];
    let properties: serde_json::Map<_, _> =
        keys.iter().enumerate().map(|(i, k)| ((*k).to_owned(), kinds[i % 3].clone())).collect();
    json!({"type": "object", "properties": properties, "required": keys, "additionalProperties": false})
}

/// Fast-forward on a form against sampling every token, and against what steps of so many rows cost.
fn forms(model: &Model, engine: &Engine) -> qask::Result<()> {
    let schema = Constraint::JsonSchema(form());
    let fast = base().max_tokens(600).constraint(schema.clone());
    let mut slow = fast.clone();
    slow.logprobs = Some(0);
    let (tokens, usage) = answer(engine, &fast)?;
    let steps = replay(model, &schema, &tokens)?.forced;
    let (mut gains, mut ratios, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let costs = Costs::measure(engine, usage.prompt_tokens + usage.output_tokens / 2)?;
        // The last step's tokens are not evaluated: the answer has ended.
        let predicted: f64 =
            steps[..steps.len().saturating_sub(1)].iter().map(|forced| costs.of(1 + forced)).sum();
        let (_, a) = answer(engine, &fast)?;
        let (_, b) = answer(engine, &slow)?;
        gains.push(b.decode.as_secs_f64() / a.decode.as_secs_f64());
        ratios.push(a.decode.as_secs_f64() / predicted);
        times.push(a.decode.as_secs_f64());
    }
    println!(
        "  form of 20 keys: {} tokens, {} forced, {} sampled; {:.0} ms; x{:.2} faster than sampling each; x{:.3} of the prediction",
        usage.output_tokens, usage.forced_tokens, steps.len(), median(times) * 1e3, median(gains), median(ratios)
    );
    Ok(())
}

/// Seconds of a step by its rows.
struct Costs(Vec<(usize, f64)>);

impl Costs {
    /// Prompts that share a long prefix and end in so many tokens of their own: each is one step.
    fn measure(engine: &Engine, depth: u32) -> qask::Result<Costs> {
        let word = |i: usize| 100 + (i * 7919 % 5000) as i32;
        let prefix: Vec<i32> = (0..depth as usize).map(word).collect();
        let mut salt = Instant::now().elapsed().subsec_nanos() as usize;
        let mut costs = Vec::new();
        for rows in [1, 2, 3, 4, 6, 8, 12, 16, 24] {
            let mut times = Vec::new();
            for round in 0..4 {
                salt += 1;
                let own = (0..rows).map(|i| word(salt * 31 + i * 17 + 5001));
                let mut request = Request::tokens([prefix.clone(), own.collect()].concat()).max_tokens(1);
                request.sampling = Sampling::greedy();
                let (_, usage) = answer(engine, &request)?;
                if round > 0 {
                    times.push(usage.prefill.as_secs_f64());
                }
            }
            costs.push((rows, median(times)));
        }
        Ok(Costs(costs))
    }

    /// Between measured numbers of rows, in proportion.
    fn of(&self, rows: usize) -> f64 {
        let after = self.0.iter().position(|(n, _)| *n >= rows).unwrap_or(self.0.len() - 1).max(1);
        let ((n0, t0), (n1, t1)) = (self.0[after - 1], self.0[after]);
        t0 + (t1 - t0) * (rows as f64 - n0 as f64) / (n1 - n0) as f64
    }
}
