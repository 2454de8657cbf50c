//! The embedder's thread: it packs inputs of any call into micro-batches, and hands each call its vectors.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::guard::{ContextParams, Fault};
use super::native::{Batch, Context, DecodeError, Pooled};
use super::{bigstack, exit};
use crate::cancel::Cancel;
use crate::embedder::Pooling;
use crate::error::{Code, Error, Result};
use crate::model::{Model, Token};

/// How often a waiting call looks at its cancel flag.
const LOOK: Duration = Duration::from_millis(5);

/// Tokens of a micro-batch up to which attention is computed in full.
const MOST_WITHOUT_FLASH: u32 = 2048;

/// What the thread needs to know; checked by `EmbedderOptions`.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Tokens that a micro-batch can hold: at least those of the longest input.
    pub n_batch: u32,
    /// Tokens up to which inputs are packed together.
    pub budget: u32,
    pub max_sequences: u32,
    pub threads: u32,
    /// llama.cpp's number of the pooling.
    pub pooling: i32,
    /// Numbers that the engine gives for an input, or for each of its tokens.
    pub width: usize,
    /// One vector a token.
    pub per_token: bool,
}

/// One input of a call.
pub(crate) struct Input {
    pub tokens: Vec<Token>,
    /// Where its numbers go.
    pub place: usize,
}

/// A call that waits for its vectors.
struct Job {
    state: Mutex<State>,
    done: Condvar,
    /// Nobody waits for it any more.
    over: AtomicBool,
}

struct State {
    out: Vec<f32>,
    /// Inputs that are not computed yet.
    left: usize,
    failed: Option<Error>,
}

struct Item {
    job: Arc<Job>,
    input: Input,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    closing: bool,
    poison: Option<Error>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// The calls of the micro-batch that runs.
    running: Mutex<Vec<Arc<Job>>>,
    finished: Mutex<bool>,
    finish: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each critical section leaves its data whole, so a panic elsewhere does not matter.
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

impl Job {
    fn fail(&self, error: Error) {
        lock(&self.state).failed.get_or_insert(error);
        self.over.store(true, Ordering::Release);
        self.done.notify_all();
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn put(&self, place: usize, numbers: &[f32]) {
        if let Some(to) = lock(&self.state).out.get_mut(place..place + numbers.len()) {
            to.copy_from_slice(numbers);
        }
    }

    fn input_done(&self) {
        let mut state = lock(&self.state);
        state.left -= 1;
        if state.left == 0 {
            self.done.notify_all();
        }
    }

    fn wait(&self, cancel: Option<&Cancel>) -> Result<Vec<f32>> {
        let mut state = lock(&self.state);
        loop {
            if let Some(error) = state.failed.take() {
                return Err(error);
            }
            if state.left == 0 {
                return Ok(std::mem::take(&mut state.out));
            }
            state = match cancel {
                None => self.done.wait(state).unwrap_or_else(|e| e.into_inner()),
                Some(cancel) if cancel.is_cancelled() => {
                    self.over.store(true, Ordering::Release);
                    return Err(Error::new(Code::Cancelled, "embedding was cancelled"));
                }
                Some(_) => self.done.wait_timeout(state, LOOK).unwrap_or_else(|e| e.into_inner()).0,
            };
        }
    }
}

impl exit::Stop for Shared {
    fn close(&self) {
        let items = {
            let mut queue = lock(&self.queue);
            queue.closing = true;
            std::mem::take(&mut queue.items)
        };
        self.wake.notify_all();
        let closed = || Error::new(Code::Closed, "the embedder was closed");
        items.iter().for_each(|i| i.job.fail(closed()));
        lock(&self.running).iter().for_each(|j| j.fail(closed()));
    }

    fn wait_finished(&self, timeout: Option<Duration>) -> bool {
        let until = timeout.and_then(|t| Instant::now().checked_add(t));
        let mut finished = lock(&self.finished);
        while !*finished {
            let left = until.map(|u| u.saturating_duration_since(Instant::now()));
            finished = match left {
                None => self.finish.wait(finished).unwrap_or_else(|e| e.into_inner()),
                Some(left) if left.is_zero() => return false,
                Some(left) => self.finish.wait_timeout(finished, left).unwrap_or_else(|e| e.into_inner()).0,
            };
        }
        true
    }
}

/// llama.cpp asks this after every node of the graph: a step that nobody waits for is dropped.
unsafe extern "C" fn on_abort_asked(data: *mut c_void) -> bool {
    // SAFETY: `data` is the `Shared` that the thread keeps alive as long as its context.
    let running = lock(unsafe { &(*data.cast::<Shared>()).running });
    !running.is_empty() && running.iter().all(|j| j.is_over())
}

/// The caller's side: dropping it ends the thread.
pub(crate) struct Embeddings {
    shared: Arc<Shared>,
    width: usize,
    per_token: bool,
}

impl Drop for Embeddings {
    fn drop(&mut self) {
        exit::Stop::close(&*self.shared);
    }
}

impl Embeddings {
    /// Makes the context and starts the thread.
    pub(crate) fn start(model: &Model, setup: &Setup) -> Result<Embeddings> {
        let shared = Arc::new(Shared::default());
        let data = Arc::as_ptr(&shared).cast_mut().cast::<c_void>() as usize;
        let context = bigstack::run(|| new_context(model, setup, data as *mut c_void))?;
        let weak: std::sync::Weak<dyn exit::Stop> = Arc::downgrade(&(Arc::clone(&shared) as Arc<dyn exit::Stop>));
        exit::register(weak);
        let worker = Worker {
            shared: Arc::clone(&shared),
            encode: model.0.native.facts.has_encoder,
            setup: setup.clone(),
            context,
            batch: Batch::default(),
        };
        std::thread::Builder::new()
            .name("qask-embed".into())
            .stack_size(bigstack::STACK)
            .spawn(move || worker.run())
            .map_err(|e| {
                Error::new(Code::OutOfMemory, format!("the embedder's thread could not be started: {e}"))
            })?;
        Ok(Embeddings { shared, width: setup.width, per_token: setup.per_token })
    }

    /// Computes the inputs and waits: their vectors, one after the other.
    pub(crate) fn compute(&self, inputs: Vec<Vec<Token>>, cancel: Option<&Cancel>) -> Result<Vec<f32>> {
        let mut size = 0;
        let place = |tokens: Vec<Token>| {
            let place = size;
            size += if self.per_token { tokens.len() * self.width } else { self.width };
            Input { tokens, place }
        };
        let inputs: Vec<Input> = inputs.into_iter().map(place).collect();
        let mut out = Vec::new();
        out.try_reserve_exact(size)
            .map_err(|_| Error::new(Code::OutOfMemory, format!("{size} numbers do not fit into memory")))?;
        out.resize(size, 0.0);
        let job = Arc::new(Job {
            state: Mutex::new(State { out, left: inputs.len(), failed: None }),
            done: Condvar::new(),
            over: AtomicBool::new(false),
        });
        {
            let mut queue = lock(&self.shared.queue);
            if let Some(error) = &queue.poison {
                return Err(error.clone());
            }
            if queue.closing {
                return Err(Error::new(Code::Closed, "the embedder is closed"));
            }
            queue.items.extend(inputs.into_iter().map(|input| Item { job: Arc::clone(&job), input }));
        }
        self.shared.wake.notify_all();
        job.wait(cancel)
    }

    /// Takes no more calls, ends those that wait, and waits for the thread; false when the time ran out first.
    pub(crate) fn close(&self, timeout: Option<Duration>) -> bool {
        exit::Stop::close(&*self.shared);
        exit::Stop::wait_finished(&*self.shared, timeout)
    }
}

fn new_context(model: &Model, setup: &Setup, abort_data: *mut c_void) -> Result<Context> {
    Context::new(&model.0.native, &ContextParams { abort: Some(on_abort_asked), abort_data, ..setup.context() })
}

impl Setup {
    /// For a model of any kind.
    pub(super) fn smallest() -> Setup {
        let (n_batch, budget, max_sequences, threads, width) = (256, 256, 1, 1, 1);
        Setup { n_batch, budget, max_sequences, threads, pooling: Pooling::None as i32, width, per_token: true }
    }

    /// The context that it asks for, without an abort callback.
    pub(super) fn context(&self) -> ContextParams {
        // llama.cpp plans its memory with equally many rows a sequence.
        let n_batch = self.n_batch.next_multiple_of(self.max_sequences);
        ContextParams {
            n_ctx: n_batch,
            n_batch,
            n_ubatch: n_batch,
            n_seq_max: self.max_sequences,
            // Every token is an output of an embedding context.
            n_outputs_max: 0,
            n_threads: self.threads as i32,
            n_threads_batch: self.threads as i32,
            // On a CPU flash attention sums in 16 bits, so that a text's company would show in its vector; without it
            // a micro-batch takes the square of its tokens for each head, which long ones cannot afford.
            flash_attn: if self.n_batch <= MOST_WITHOUT_FLASH { 0 } else { -1 },
            // F16.
            type_k: 1,
            type_v: 1,
            kv_unified: true,
            offload_kqv: true,
            swa_full: true,
            embeddings: true,
            dry: false,
            pooling: self.pooling,
            abort: None,
            abort_data: std::ptr::null_mut(),
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    setup: Setup,
    /// Whether the model has an encoder beside its decoder, or no decoder.
    encode: bool,
    context: Context,
    batch: Batch,
}

impl Worker {
    fn run(mut self) {
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| -> std::result::Result<(), Error> {
            while let Some(items) = self.next_items() {
                self.step(items)?;
            }
            Ok(())
        }));
        let Err(error) = end.unwrap_or_else(|panic| Err(bigstack::panicked(&*panic))) else {
            drop(self.context);
            return self.shared.finished();
        };
        let late = {
            let mut queue = lock(&self.shared.queue);
            queue.poison = Some(error.clone());
            std::mem::take(&mut queue.items)
        };
        late.iter().for_each(|i| i.job.fail(error.clone()));
        lock(&self.shared.running).drain(..).for_each(|j| j.fail(error.clone()));
        // As in the engine: its state is unknown, and after an exception inside an OpenMP region this thread would
        // hang in its own exit.
        std::mem::forget(self.context);
        self.shared.finished();
        loop {
            std::thread::park();
        }
    }

    /// Waits for work and takes as much as fits into one micro-batch; `None` when the embedder closes.
    fn next_items(&self) -> Option<Vec<Item>> {
        let mut queue = lock(&self.shared.queue);
        loop {
            if queue.closing {
                return None;
            }
            let mut items: Vec<Item> = Vec::new();
            let mut tokens = 0;
            while let Some(next) = queue.items.front() {
                let n = next.input.tokens.len();
                let full =
                    tokens + n > self.setup.budget as usize || items.len() == self.setup.max_sequences as usize;
                if full && !items.is_empty() && !next.job.is_over() {
                    break;
                }
                // What was cancelled meanwhile is dropped here.
                if let Some(item) = queue.items.pop_front().filter(|i| !i.job.is_over()) {
                    tokens += n;
                    items.push(item);
                }
            }
            if !items.is_empty() {
                // Under the queue's lock, so that `close` finds a call in the one list or in the other.
                *lock(&self.shared.running) = items.iter().map(|i| Arc::clone(&i.job)).collect();
                return Some(items);
            }
            queue = self.shared.wake.wait(queue).unwrap_or_else(|e| e.into_inner());
        }
    }

    fn step(&mut self, items: Vec<Item>) -> Result<()> {
        self.batch.clear();
        for (seq, item) in items.iter().enumerate() {
            for (pos, token) in item.input.tokens.iter().enumerate() {
                self.batch.push(*token, pos as u32, seq as i32, true);
            }
        }
        let result = if self.encode { self.context.encode(&self.batch) } else { self.context.decode(&self.batch) };
        match result {
            Ok(()) => self.deliver(&items)?,
            // All its calls are over.
            Err(DecodeError::Aborted) => {}
            Err(DecodeError::Fault(fault)) => return Err(fault.into()),
            Err(DecodeError::Full) => self.refuse(&items, "there is no room for them"),
            Err(DecodeError::Refused(why)) => self.refuse(&items, &why),
        }
        // Where the model has a memory, the next inputs begin on an empty one.
        for seq in 0..items.len() {
            self.context.remove(seq as i32, 0)?;
        }
        lock(&self.shared.running).clear();
        Ok(())
    }

    fn refuse(&self, items: &[Item], why: &str) {
        let error = Error::new(Code::EngineFault, format!("the engine refused the inputs: {why}"));
        items.iter().for_each(|i| i.job.fail(error.clone()));
    }

    fn deliver(&mut self, items: &[Item]) -> std::result::Result<(), Fault> {
        let width = self.setup.width;
        let mut row = 0;
        for (seq, item) in items.iter().enumerate() {
            let n = item.input.tokens.len();
            if self.setup.per_token {
                for i in 0..n {
                    let numbers = self.context.embedding(Pooled::Row(row + i), width)?;
                    item.job.put(item.input.place + i * width, numbers);
                }
            } else {
                let numbers = self.context.embedding(Pooled::Sequence(seq as i32), width)?;
                item.job.put(item.input.place, numbers);
            }
            row += n;
            item.job.input_done();
        }
        Ok(())
    }
}

impl Shared {
    fn finished(&self) {
        *lock(&self.finished) = true;
        self.finish.notify_all();
    }
}
