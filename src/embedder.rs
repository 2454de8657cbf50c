//! Embeddings and rerank scores: texts to vectors and numbers.

use std::sync::Arc;
use std::time::Duration;

use crate::cancel::Cancel;
use crate::engine::embed::{Embeddings, Setup};
use crate::engine::guard::ModelFacts;
use crate::engine::jobs::Limits;
use crate::engine::score::Scoring;
use crate::engine::{bigstack, check_generates, check_threads, default_threads};
use crate::error::{Code, Error, Result};
use crate::gguf::{self, Value};
use crate::model::{Model, Token};
use crate::plan::Plan;
use crate::rerank::{self, Form, Judge, Room};
use crate::sampling::range;
use crate::scorer::{self, ScorerOptions};

/// How the vectors of a text's tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Pooling {
    /// They do not: one vector a token ([`Embedder::embed_tokens`]).
    None = 0,
    /// Their mean.
    Mean = 1,
    /// The first token's.
    Cls = 2,
    /// The last token's.
    Last = 3,
    /// A score of a query and a document ([`Embedder::rerank`]): by a classifier's head, or for a model that generates
    /// text by its answer, yes or no.
    Rank = 4,
}

impl Pooling {
    const ALL: [Pooling; 5] = [Pooling::None, Pooling::Mean, Pooling::Cls, Pooling::Last, Pooling::Rank];

    /// By its number, which is llama.cpp's too.
    pub fn from_number(number: i64) -> Option<Pooling> {
        Pooling::ALL.into_iter().find(|p| *p as i64 == number)
    }
}

/// What happens to an input that is longer than `max_tokens`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Truncation {
    /// The call fails with [`Code::TooLong`].
    #[default]
    Refuse = 0,
    /// Its end is dropped.
    End = 1,
    /// Its beginning is dropped.
    Start = 2,
}

/// What a text is: some models want another prefix for what is searched for than for what is searched in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Purpose {
    /// The text as it is.
    #[default]
    Plain = 0,
    /// With the prefix of queries.
    Query = 1,
    /// With the prefix of documents.
    Document = 2,
}

/// How to set up an embedder. Start from `EmbedderOptions::default()`.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbedderOptions {
    /// How a text's vectors become one. Default: as the model's metadata says.
    pub pooling: Option<Pooling>,
    /// Scale each vector to length 1. Default true; scores are never scaled.
    pub normalize: bool,
    /// Keep so many numbers of each vector, before it is scaled (for models trained so: "Matryoshka"). Default: all.
    pub dimensions: Option<u32>,
    /// Tokens that an input may have, those that the model puts around it included. Default: the trained length, at
    /// most 2,048.
    pub max_tokens: Option<u32>,
    /// What happens to longer inputs. Default: they are refused.
    pub truncation: Truncation,
    /// Inputs are computed together up to so many tokens; 1 to 65,536. Default: 256, less for a large vocabulary.
    pub batch_tokens: Option<u32>,
    /// Inputs that are computed together at most; 1 to 256. Default 64.
    pub max_sequences: u32,
    /// Put before queries. Default: metadata key `qask.embedding.query_prefix`, else nothing.
    pub query_prefix: Option<String>,
    /// Put before documents. Default: metadata key `qask.embedding.document_prefix`, else nothing.
    pub document_prefix: Option<String>,
    /// What a reranker that answers yes or no is told to judge by, where its form has a place for it. Default: "Given a
    /// web search query, retrieve relevant passages that answer the query".
    pub instruction: Option<String>,
    /// Threads that compute, at most. Default: the physical (or performance) cores; 1 to 512.
    pub threads: Option<u32>,
    /// Compute with fewer threads than `threads` where that is faster, as it is beside other busy programs; see
    /// [`crate::EngineOptions::adapt_threads`]. Default true.
    pub adapt_threads: bool,
    /// Bytes that the embedder and its model may take, together and on all devices; an embedder that would take more
    /// (by [`crate::Plan`]) is refused with [`Code::TooLarge`]. Default: no limit.
    pub memory_budget: Option<u64>,
}

impl Default for EmbedderOptions {
    fn default() -> Self {
        EmbedderOptions {
            pooling: None,
            normalize: true,
            dimensions: None,
            max_tokens: None,
            truncation: Truncation::Refuse,
            batch_tokens: None,
            max_sequences: 64,
            query_prefix: None,
            document_prefix: None,
            instruction: None,
            threads: None,
            adapt_threads: true,
            memory_budget: None,
        }
    }
}

/// Options with every default filled in and every limit checked.
pub(crate) struct Resolved {
    pub(crate) setup: Setup,
    pooling: Pooling,
    pub(crate) max_tokens: u32,
    dimensions: u32,
}

impl EmbedderOptions {
    pub(crate) fn resolve(&self, info: &gguf::Info, facts: &ModelFacts) -> Result<Resolved> {
        let pooling = pooling(info, facts, self)?;
        let width = if pooling == Pooling::Rank { facts.n_cls_out } else { facts.n_embd_out }.max(1) as u32;
        let dimensions = self.dimensions.unwrap_or(width);
        let longest = facts.context_length().min(65_536);
        let max_tokens = self.max_tokens.unwrap_or(longest.min(DEFAULT_MAX_TOKENS));
        let row = 4 * u64::from(facts.n_vocab.max(1) as u32);
        let room = (LOGITS_ROOM / row).clamp(64, DEFAULT_BATCH_TOKENS.into()) as u32;
        let budget = self.batch_tokens.unwrap_or(room);
        let threads = self.threads.unwrap_or_else(default_threads);
        let limits = [
            ("dimensions", dimensions, 1, width),
            ("max_tokens", max_tokens, LEAST_TOKENS, longest),
            ("batch_tokens", budget, 1, 65_536),
            ("max_sequences", self.max_sequences, 1, 256),
        ];
        for (name, value, low, high) in limits {
            if !(low..=high).contains(&value) {
                return Err(range(name, value, low, high));
            }
        }
        check_threads("threads", threads)?;
        let setup = Setup {
            n_batch: budget.max(max_tokens),
            budget,
            max_sequences: self.max_sequences,
            threads,
            adapts: self.adapt_threads,
            pooling: pooling as i32,
            width: width as usize,
            per_token: pooling == Pooling::None,
        };
        Ok(Resolved { setup, pooling, max_tokens, dimensions })
    }
}

/// The default of `max_tokens`, where the model was trained for more.
const DEFAULT_MAX_TOKENS: u32 = 2048;
/// The default of `batch_tokens`: attention grows with its square, and 512 take 4% longer for as many tokens (MiniLM).
const DEFAULT_BATCH_TOKENS: u32 = 256;
/// llama.cpp keeps room for a row of logits for each token of a micro-batch, also where none are computed; so many
/// bytes of it are the default's limit.
const LOGITS_ROOM: u64 = 256 << 20;
/// Fewer tokens than this hold no text between the tokens that the model puts around it.
const LEAST_TOKENS: u32 = 4;

/// Turns texts into vectors, or a query and documents into scores. Clones share it; any thread may use it, and calls
/// that run at once are computed together. Its memory goes with its last clone.
#[derive(Clone)]
pub struct Embedder(Arc<Inner>);

struct Inner {
    model: Model,
    computing: Computing,
    /// How inputs are made of a query and a document.
    form: Option<Form>,
    options: EmbedderOptions,
    pooling: Pooling,
    max_tokens: usize,
    /// Numbers that the engine gives, and that are kept.
    width: usize,
    dimensions: usize,
}

/// The thread behind it.
enum Computing {
    Vectors(Embeddings),
    Answers(Scoring, Judge),
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedder").field("pooling", &self.0.pooling).finish_non_exhaustive()
    }
}

impl Embedder {
    /// Starts an embedder.
    ///
    /// # Errors
    /// [`Code::Range`] for an option out of range, [`Code::Unsupported`] for a model that gives no vectors or does not
    /// say how, [`Code::OutOfMemory`], [`Code::TooLarge`] when it would not fit `memory_budget`.
    pub fn new(model: &Model, options: EmbedderOptions) -> Result<Embedder> {
        if let Some(budget) = options.memory_budget {
            Plan::for_embedder(model, &options)?.check(budget)?;
        }
        let resolved = options.resolve(model.info(), &model.0.native.facts)?;
        let form = match resolved.pooling {
            Pooling::Rank => Some(Form::of(model, options.instruction.as_deref())?),
            _ => None,
        };
        let computing = if resolved.pooling == Pooling::Rank && !model.info().has_classifier() {
            let scoring = ScorerOptions {
                max_tokens: Some(resolved.max_tokens),
                // The scorer cuts inputs into steps itself.
                batch_tokens: options.batch_tokens.unwrap_or(DEFAULT_BATCH_TOKENS).clamp(16, 8192),
                max_sequences: options.max_sequences.max(2),
                threads: Some(resolved.setup.threads),
                adapt_threads: resolved.setup.adapts,
                special_tokens: false,
            };
            let judge = Judge::of(model)?;
            Computing::Answers(scorer::start(model, &scoring)?.0, judge)
        } else {
            Computing::Vectors(Embeddings::start(model, &resolved.setup)?)
        };
        Ok(Embedder(Arc::new(Inner {
            computing,
            form,
            model: model.clone(),
            options,
            pooling: resolved.pooling,
            max_tokens: resolved.max_tokens as usize,
            width: resolved.setup.width,
            dimensions: resolved.dimensions as usize,
        })))
    }

    /// How many numbers a vector has.
    pub fn dimensions(&self) -> usize {
        self.0.dimensions
    }

    /// How a text's vectors become one.
    pub fn pooling(&self) -> Pooling {
        self.0.pooling
    }

    /// Tokens that an input may have.
    pub fn max_tokens(&self) -> usize {
        self.0.max_tokens
    }

    /// The model it runs.
    pub fn model(&self) -> &Model {
        &self.0.model
    }

    /// One vector for each text, one after the other: [`Embedder::dimensions`] numbers each.
    ///
    /// # Errors
    /// [`Code::TooLong`] names the first text that is too long, with its tokens; [`Code::Cancelled`];
    /// [`Code::Unsupported`] with the poolings that give no vector for a text; [`Code::EngineFault`], also for numbers
    /// that are not finite.
    pub fn embed<T: AsRef<str>>(
        &self,
        texts: &[T],
        purpose: Purpose,
        cancel: Option<&Cancel>,
    ) -> Result<Vec<f32>> {
        match self.0.pooling {
            Pooling::None => {
                return Err(Error::new(Code::Unsupported, "without pooling, embed the tokens of a text"))
            }
            Pooling::Rank => {
                return Err(Error::new(Code::Unsupported, "this model gives scores: rerank documents"))
            }
            _ => {}
        }
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let inputs = self.0.texts(&texts, purpose, cancel)?;
        self.0.vectors(inputs, cancel)
    }

    /// One vector for each token of a text, those that the model puts around it included. Needs [`Pooling::None`].
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    pub fn embed_tokens(&self, text: &str, purpose: Purpose, cancel: Option<&Cancel>) -> Result<Vec<f32>> {
        if self.0.pooling != Pooling::None {
            return Err(Error::new(
                Code::Unsupported,
                "this embedder gives one vector for a text: make one with the pooling \"none\"",
            ));
        }
        let inputs = self.0.texts(&[text], purpose, cancel)?;
        self.0.vectors(inputs, cancel)
    }

    /// A score for each document: the higher, the better it answers the query. Needs [`Pooling::Rank`]. A model that
    /// answers yes or no gives the probability of yes among the two. What is too long is cut from the document, where
    /// `truncation` says so.
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    pub fn rerank<T: AsRef<str>>(
        &self,
        query: &str,
        documents: &[T],
        cancel: Option<&Cancel>,
    ) -> Result<Vec<f32>> {
        let Some(form) = &self.0.form else {
            return Err(Error::new(
                Code::Unsupported,
                "this embedder gives vectors: make one with the pooling \"rank\"",
            ));
        };
        let documents: Vec<&str> = documents.iter().map(AsRef::as_ref).collect();
        let room = Room { max_tokens: self.0.max_tokens, truncation: self.0.options.truncation };
        let inputs = form.inputs(&self.0.model, query, &documents, room, cancel)?;
        match &self.0.computing {
            Computing::Vectors(embeddings) => {
                let width = self.0.width;
                let all = embeddings.compute(inputs, limits(cancel))?;
                check_finite(&all, width)?;
                // Of several outputs the first is the score.
                Ok(all.chunks_exact(width).map(|c| c[0]).collect())
            }
            Computing::Answers(scoring, judge) => {
                let groups = inputs.into_iter().map(|input| judge.group(input)).collect();
                Ok(scoring.compute(groups, limits(cancel))?.chunks_exact(2).map(Judge::score).collect())
            }
        }
    }

    /// How many tokens a text has as an input, its prefix and what the model puts around it included, before any
    /// truncation.
    pub fn count_tokens(&self, text: &str, purpose: Purpose) -> Result<usize> {
        let prefix = self.0.prefix(purpose);
        Ok(self.0.model.tokenize(&format!("{prefix}{text}"), true, false)?.len())
    }

    /// Takes no more calls, ends those that wait with [`Code::Closed`], and waits until the memory is free; false when
    /// the time ran out first. `None` waits for as long as it takes.
    pub fn close(&self, timeout: Option<Duration>) -> bool {
        match &self.0.computing {
            Computing::Vectors(embeddings) => embeddings.close(timeout),
            Computing::Answers(scoring, _) => scoring.close(timeout),
        }
    }
}

/// The pooling that was asked for, or that the model names.
fn pooling(info: &gguf::Info, facts: &ModelFacts, options: &EmbedderOptions) -> Result<Pooling> {
    let unsupported = |why: String| Err(Error::new(Code::Unsupported, why));
    if info.vocab_only {
        return unsupported("the file has only a vocabulary: it gives no vectors".into());
    }
    let named = info.metadata(&format!("{}.pooling_type", info.architecture)).and_then(Value::as_u64);
    let named = named.and_then(|n| i64::try_from(n).ok()).and_then(Pooling::from_number);
    let rank = || (check_generates(info, facts).is_ok() && rerank::is_named(info)).then_some(Pooling::Rank);
    let pooling = match options.pooling.or(named).or_else(rank) {
        Some(pooling) => pooling,
        None => {
            return unsupported(format!(
            "the model ({}) does not say how its vectors are pooled; it may not be made for embeddings: set the \
                 pooling to use it all the same",
            info.architecture
        ))
        }
    };
    if pooling == Pooling::Rank && !info.has_classifier() && check_generates(info, facts).is_err() {
        return unsupported(
            "the pooling \"rank\" needs a model with a classifier head (cls.*), or one that generates text".into(),
        );
    }
    Ok(pooling)
}

pub(crate) fn too_long(index: usize, tokens: usize, max_tokens: usize) -> Error {
    Error::new(
        Code::TooLong,
        format!(
            "text {index} has {tokens} tokens and max_tokens is {max_tokens}: shorten it, or set a truncation"
        ),
    )
}

fn limits(cancel: Option<&Cancel>) -> Limits<'_> {
    Limits { cancel, until: None }
}

fn check_finite(all: &[f32], width: usize) -> Result<()> {
    match all.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::new(
            Code::EngineFault,
            format!("vector {} is not finite (NaN or infinite): the model's weights are damaged", at / width),
        )),
    }
}

impl Inner {
    fn prefix(&self, purpose: Purpose) -> &str {
        let (set, key) = match purpose {
            Purpose::Plain => return "",
            Purpose::Query => (&self.options.query_prefix, "qask.embedding.query_prefix"),
            Purpose::Document => (&self.options.document_prefix, "qask.embedding.document_prefix"),
        };
        let known = || self.model.info().metadata(key).and_then(Value::as_str).unwrap_or("");
        set.as_deref().unwrap_or_else(known)
    }

    fn texts(&self, texts: &[&str], purpose: Purpose, cancel: Option<&Cancel>) -> Result<Vec<Vec<Token>>> {
        let prefix = self.prefix(purpose);
        let vocabulary = &self.model.0.vocabulary;
        bigstack::run(|| {
            let one = |(index, text): (usize, &&str)| {
                cancel.map_or(Ok(()), |c| c.check("embedding"))?;
                let joined;
                let text = if prefix.is_empty() {
                    text
                } else {
                    joined = format!("{prefix}{text}");
                    joined.as_str()
                };
                let tokens = vocabulary.tokenize_on_worker(text, true, false)?;
                self.fit(index, tokens)
            };
            texts.iter().enumerate().map(one).collect()
        })
    }

    /// Cuts an input that is too long, or refuses it. The special tokens around it stay.
    fn fit(&self, index: usize, mut tokens: Vec<Token>) -> Result<Vec<Token>> {
        if tokens.is_empty() {
            return Err(Error::new(Code::Range, format!("text {index} has no tokens")));
        }
        let extra = tokens.len().saturating_sub(self.max_tokens);
        if extra == 0 {
            return Ok(tokens);
        }
        let is_control = |t: Option<&Token>| t.is_some_and(|t| self.model.0.vocabulary.is_control(*t));
        let first = usize::from(is_control(tokens.first()));
        let last = usize::from(is_control(tokens.last()));
        match self.options.truncation {
            Truncation::Refuse => return Err(too_long(index, tokens.len(), self.max_tokens)),
            Truncation::Start => drop(tokens.drain(first..first + extra)),
            Truncation::End => {
                let end = tokens.len() - last;
                tokens.drain(end - extra..end);
            }
        }
        Ok(tokens)
    }

    fn vectors(&self, inputs: Vec<Vec<Token>>, cancel: Option<&Cancel>) -> Result<Vec<f32>> {
        let Computing::Vectors(embeddings) = &self.computing else {
            return Err(Error::new(Code::Unsupported, "this model gives scores: rerank documents"));
        };
        let mut all = embeddings.compute(inputs, limits(cancel))?;
        check_finite(&all, self.width)?;
        if self.dimensions < self.width {
            let cut: Vec<f32> =
                all.chunks_exact(self.width).flat_map(|v| &v[..self.dimensions]).copied().collect();
            all = cut;
        }
        if self.options.normalize {
            all.chunks_exact_mut(self.dimensions).for_each(normalize);
        }
        Ok(all)
    }
}

/// Scales to length 1; a vector of zeros stays.
fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
}
