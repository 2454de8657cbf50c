//! The yardstick: a minimal greedy loop over the same `llama-cpp-sys-2`, with nothing around it. The tests compare
//! tokens with it, the benchmarks time.
//!
//! `raw MODEL THREADS SEQUENCES UNIFIED` obeys lines on stdin, each `COMMAND STREAMS TOKENS`:
//! `time` answers with the seconds from first prompt token to last new token, `tokens` with a line of ids a stream,
//! `margins` with the lead of each of those ids over the second best (in logits), and `step` as `time`, but without
//! looking at the logits at all (TOKENS steps of one fixed token, behind the prompts): what decoding alone costs.
// The yardstick has to speak to llama.cpp directly; the library itself keeps `unsafe` in two folders.
#![allow(unsafe_code, dead_code, unreachable_pub, missing_docs)]

use std::ffi::CString;
use std::path::Path;
use std::time::Instant;

use llama_cpp_sys_2 as sys;

pub struct Raw {
    model: *mut sys::llama_model,
    context: *mut sys::llama_context,
    vocab: *const sys::llama_vocab,
    n_vocab: usize,
    n_batch: usize,
    batch: sys::llama_batch,
    /// End-of-generation tokens, which are never chosen, as with `ignore_eos`.
    enders: Vec<i32>,
}

/// New tokens of one sequence.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub tokens: Vec<i32>,
    /// How far each was ahead of the second best, in logits; empty unless asked for.
    pub margins: Vec<f32>,
}

unsafe extern "C" fn silent(_: sys::ggml_log_level, _: *const std::ffi::c_char, _: *mut std::ffi::c_void) {}

/// The prompts of the benchmarks: about `words` words each, no two with the same beginning.
pub fn prompts(streams: usize, words: usize) -> Vec<String> {
    let some = ["river", "market", "window", "engine", "garden", "letter", "winter", "bridge"];
    (0..streams)
        .map(|i| {
            let mut text = format!("{} stories about the {}:", i + 3, some[i % some.len()]);
            for w in 0..words.saturating_sub(5) {
                text += " ";
                text += some[(w * 5 + w / 7 + i) % some.len()];
            }
            text + ". Once upon a time there"
        })
        .collect()
}

impl Raw {
    pub fn new(path: &Path, threads: i32, sequences: u32, n_ctx: u32, unified: bool) -> Raw {
        let n_batch = 512;
        let path = CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
        // SAFETY: plain calls in the documented order; every pointer is checked.
        unsafe {
            sys::llama_log_set(Some(silent), std::ptr::null_mut());
            sys::llama_backend_init();
            let model = sys::llama_model_load_from_file(path.as_ptr(), sys::llama_model_default_params());
            assert!(!model.is_null(), "no model");
            let mut params = sys::llama_context_default_params();
            params.n_ctx = n_ctx * sequences;
            params.n_batch = n_batch;
            params.n_ubatch = n_batch;
            params.n_seq_max = sequences;
            params.n_threads = threads;
            params.n_threads_batch = threads;
            params.kv_unified = unified;
            params.swa_full = true;
            params.no_perf = true;
            let context = sys::llama_init_from_model(model, params);
            assert!(!context.is_null(), "no context");
            let vocab = sys::llama_model_get_vocab(model);
            let n_vocab = sys::llama_vocab_n_tokens(vocab) as usize;
            let batch = sys::llama_batch_init(n_batch as i32, 0, 1);
            let enders = (0..n_vocab as i32).filter(|t| sys::llama_vocab_is_eog(vocab, *t)).collect();
            Raw { model, context, vocab, n_vocab, n_batch: n_batch as usize, batch, enders }
        }
    }

    pub fn tokenize(&self, text: &str) -> Vec<i32> {
        let mut tokens = vec![0; text.len() + 8];
        // SAFETY: a live vocabulary, a text with its length, room with its size.
        let n = unsafe {
            sys::llama_tokenize(
                self.vocab,
                text.as_ptr().cast(),
                text.len() as i32,
                tokens.as_mut_ptr(),
                tokens.len() as i32,
                true,
                false,
            )
        };
        tokens.truncate(usize::try_from(n).expect("room"));
        tokens
    }

    fn add(&mut self, token: i32, pos: usize, seq: usize, logits: bool) {
        let i = self.batch.n_tokens as usize;
        assert!(i < self.n_batch);
        // SAFETY: `llama_batch_init` gave room for `n_batch` rows.
        unsafe {
            *self.batch.token.add(i) = token;
            *self.batch.pos.add(i) = pos as i32;
            *self.batch.n_seq_id.add(i) = 1;
            **self.batch.seq_id.add(i) = seq as i32;
            *self.batch.logits.add(i) = i8::from(logits);
        }
        self.batch.n_tokens += 1;
    }

    fn decode(&mut self) {
        // SAFETY: a live context and a filled batch.
        let rc = unsafe { sys::llama_decode(self.context, self.batch) };
        assert_eq!(rc, 0, "llama_decode");
        self.batch.n_tokens = 0;
    }

    /// The best token of a row of the last batch, and its lead over the second.
    fn best(&self, row: usize, margin: bool) -> (i32, f32) {
        // SAFETY: a row with logits of the last batch; llama.cpp gives one f32 a vocabulary entry.
        let logits = unsafe {
            std::slice::from_raw_parts_mut(sys::llama_get_logits_ith(self.context, row as i32), self.n_vocab)
        };
        for token in &self.enders {
            logits[*token as usize] = f32::NEG_INFINITY;
        }
        let mut best = (0, logits[0]);
        for (i, x) in logits.iter().enumerate() {
            if *x > best.1 {
                best = (i, *x);
            }
        }
        let mut second = f32::NEG_INFINITY;
        if margin {
            for (i, x) in logits.iter().enumerate() {
                if i != best.0 {
                    second = second.max(*x);
                }
            }
        }
        (best.0 as i32, best.1 - second)
    }

    /// Evaluates the prompts, one after the other in batches of `n_batch`, and gives the row of each one's last token,
    /// with the token chosen there.
    fn prefill(&mut self, prompts: &[Vec<i32>], margin: bool) -> Vec<(i32, f32)> {
        // SAFETY: a live context.
        unsafe { sys::llama_memory_clear(sys::llama_get_memory(self.context), false) };
        let mut first = vec![(0, 0.0); prompts.len()];
        let mut ends = Vec::new();
        for (seq, prompt) in prompts.iter().enumerate() {
            for (pos, token) in prompt.iter().enumerate() {
                if self.batch.n_tokens as usize == self.n_batch {
                    self.decode();
                    for (seq, row) in ends.drain(..) {
                        first[seq] = self.best(row, margin);
                    }
                }
                let last = pos + 1 == prompt.len();
                if last {
                    ends.push((seq, self.batch.n_tokens as usize));
                }
                self.add(*token, pos, seq, last);
            }
        }
        self.decode();
        for (seq, row) in ends {
            first[seq] = self.best(row, margin);
        }
        first
    }

    /// Greedy continuations of all prompts at once, `n` tokens each, end tokens included.
    pub fn generate(&mut self, prompts: &[Vec<i32>], n: usize, margin: bool) -> Vec<Answer> {
        let mut answers = vec![Answer::default(); prompts.len()];
        let mut next = self.prefill(prompts, margin);
        for step in 0..n {
            for (answer, (token, lead)) in answers.iter_mut().zip(&next) {
                answer.tokens.push(*token);
                if margin {
                    answer.margins.push(*lead);
                }
            }
            if step + 1 == n {
                break;
            }
            for (seq, prompt) in prompts.iter().enumerate() {
                self.add(next[seq].0, prompt.len() + step, seq, true);
            }
            self.decode();
            for (row, slot) in next.iter_mut().enumerate() {
                *slot = self.best(row, margin);
            }
        }
        answers
    }

    /// Seconds for `n` steps of one fixed token behind each prompt, with logits made and not read.
    pub fn steps(&mut self, prompts: &[Vec<i32>], n: usize) -> f64 {
        let first = self.prefill(prompts, false);
        let began = Instant::now();
        for step in 0..n {
            for (seq, prompt) in prompts.iter().enumerate() {
                self.add(first[seq].0, prompt.len() + step, seq, true);
            }
            self.decode();
            // SAFETY: a live context; it waits for the result.
            unsafe { sys::llama_synchronize(self.context) };
        }
        began.elapsed().as_secs_f64()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: owned, freed once, context before model.
        unsafe {
            sys::llama_batch_free(self.batch);
            sys::llama_free(self.context);
            sys::llama_model_free(self.model);
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, path, threads, sequences, unified] = args.as_slice() else {
        eprintln!("usage: raw MODEL.gguf THREADS SEQUENCES UNIFIED");
        std::process::exit(2);
    };
    let began = Instant::now();
    let sequences: u32 = sequences.parse().expect("a number");
    let n_ctx = 512;
    let mut raw = Raw::new(Path::new(path), threads.parse().expect("a number"), sequences, n_ctx, unified == "1");
    println!("ready {}", began.elapsed().as_secs_f64());
    for line in std::io::stdin().lines() {
        let line = line.expect("stdin");
        let words: Vec<&str> = line.split_whitespace().collect();
        let [command, streams, n] = words.as_slice() else { break };
        let (streams, n): (usize, usize) = (streams.parse().expect("a number"), n.parse().expect("a number"));
        let prompts: Vec<Vec<i32>> = prompts(streams, 40).iter().map(|p| raw.tokenize(p)).collect();
        match *command {
            "time" => {
                let began = Instant::now();
                raw.generate(&prompts, n, false);
                println!("{}", began.elapsed().as_secs_f64());
            }
            "step" => println!("{}", raw.steps(&prompts, n)),
            "tokens" | "margins" => {
                for answer in raw.generate(&prompts, n, true) {
                    let words: Vec<String> = match *command {
                        "tokens" => answer.tokens.iter().map(i32::to_string).collect(),
                        _ => answer.margins.iter().map(f32::to_string).collect(),
                    };
                    println!("{}", words.join(" "));
                }
            }
            _ => println!("unknown command"),
        }
    }
}
