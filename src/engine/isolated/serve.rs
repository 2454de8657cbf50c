//! The worker: serves one engine to the host at the other end of its standard input, and ends with it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::child::{self, Socket};
use super::frame::{self, Frame};
use super::wire::{
    Build, LoadAdapter, ModelPlace, Order, Outcome, Prefix, Prompted, Report, SessionFile, Start, Submit,
    TakenOut, WireError, WireEvent,
};
use super::{sandbox, LOOK};
use crate::adapter::Adapter;
use crate::engine::shared::Shared;
use crate::engine::stream::{Channel, Recorder};
use crate::engine::{Engine, Extras};
use crate::error::{Code, Error, Result};
use crate::event::{Done, Event, FinishReason, Usage};
use crate::log::{self, Level};
use crate::model::{Model, Token};
use crate::request::Request;
use crate::session::{Directory, Record};
use crate::sync::lock;
use crate::template::Rendered;

/// How long a worker that was told to end takes for what runs, and for prefixes on their way to the disk.
const PATIENCE: Duration = Duration::from_millis(600);

/// Serves when `argument` says so, and gives the code to leave with then.
pub(crate) fn serve_if_worker(argument: &str) -> Option<i32> {
    #[cfg(feature = "test-hooks")]
    if let Some(probe) = argument.strip_prefix(sandbox::probe::ARGUMENT) {
        return Some(sandbox::probe::run(probe));
    }
    let host = argument.strip_prefix(child::ARGUMENT)?.parse().ok()?;
    let model = child::settle(host);
    Some(match Socket::of_worker() {
        Ok(socket) => serve(socket, model),
        Err(_) => {
            eprintln!("qask-worker: this program is started by qask, for engines with the option `isolated`");
            2
        }
    })
}

fn serve(socket: Socket, model: Option<File>) -> i32 {
    let Ok(from) = socket.reader() else { return 2 };
    let from = &mut BufReader::with_capacity(1 << 16, from);
    let out = Arc::new(Out(Mutex::new(socket)));
    out.say(&Report::Hello(Build::own()));
    let Ok(Frame::Said(Order::Start(start))) = frame::read(from) else { child::leave() };
    let held = sandbox::hold(start.options.prefix_cache_dir.as_deref());
    listen_to_log(&out, start.log);
    held.tell();
    let engine = match begin(*start, model) {
        Ok(engine) => engine,
        Err(error) => {
            out.say(&Report::Failed((&error).into()));
            child::leave();
        }
    };
    watch(&engine, &out);
    out.say(&Report::Ready { kv_tokens: engine.kv_tokens() });
    let mut worker = Worker { engine, out, streams: HashMap::new(), sweep_at: 64, adapters: HashMap::new() };
    worker.run(from);
    worker.close();
    child::leave()
}

/// Loads the model that the host has, and makes the engine.
fn begin(start: Start, given: Option<File>) -> Result<Engine> {
    let options = start.load.options();
    let model = match start.place {
        ModelPlace::Paths(paths) => {
            let paths: Vec<_> = paths.into_iter().map(|p| p.path()).collect();
            match &paths[..] {
                [one] => Model::load(one, options)?,
                parts => Model::load_splits(parts, options)?,
            }
        }
        ModelPlace::Given { offset, length } => {
            let file = given.ok_or_else(|| Error::new(Code::Io, "the model's descriptor did not arrive"))?;
            Model::load_file(&file, offset, length, options)?
        }
    };
    if model.info().fingerprint() != start.fingerprint {
        return Err(Error::new(
            Code::Invalid,
            "the model's file was changed since the model was loaded: load it again",
        ));
    }
    Engine::new(&model, start.options)
}

/// What goes to the host. Whoever has something to say waits until it is said: the host always reads.
struct Out(Mutex<Socket>);

impl Out {
    fn say(&self, report: &Report) {
        // What is too long for a frame is left out: the text of a prompt, for a chat's next turn.
        if let Some(frame) = frame::encode(report) {
            self.send(&frame);
        }
    }

    fn send(&self, frame: &[u8]) {
        if lock(&self.0).send(frame, &|| false).is_err() {
            // The host is gone.
            child::leave();
        }
    }

    fn answer(&self, id: u64, outcome: Result<Outcome>) {
        self.say(&Report::Answer(id, outcome.as_ref().map_err(WireError::from).map(copy)));
    }
}

fn copy(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Done => Outcome::Done,
        Outcome::Stats(s) => Outcome::Stats(*s),
        Outcome::Put(n) => Outcome::Put(*n),
        Outcome::Prefix(_) => Outcome::Prefix(None),
        #[cfg(feature = "test-hooks")]
        Outcome::Tried(tried) => Outcome::Tried(tried.clone()),
    }
}

fn listen_to_log(out: &Arc<Out>, level: i32) {
    let Some(level) = Level::of(level) else {
        let _ = log::clear();
        return;
    };
    let out = Arc::clone(out);
    // Without its thread there is no log.
    let _ = log::set(level, move |record| {
        let (level, engine, message) = (record.level as i32, record.target == "engine", record.message.to_owned());
        out.say(&Report::Log { level, engine, message });
    });
}

/// Tells the host when the engine is poisoned, and ends: the next worker begins anew.
fn watch(engine: &Engine, out: &Arc<Out>) {
    let (shared, out) = (Arc::clone(&engine.0.shared), Arc::clone(out));
    let watch = move || {
        shared.wait_finished(None);
        leave_if_poisoned(&shared, &out);
    };
    // Without it a poisoned engine only answers with errors.
    let _ = std::thread::Builder::new().name("qask-watch".into()).spawn(watch);
}

/// Before the host hears of any end that this fault brought, so that a request that it sends then finds another worker.
fn leave_if_poisoned(shared: &Shared, out: &Out) {
    if let Err(error) = shared.check() {
        if error.code() != Code::Closed {
            out.say(&Report::Fault((&error).into()));
            child::leave();
        }
    }
}

struct Worker {
    engine: Engine,
    out: Arc<Out>,
    /// What runs, for cancelling it.
    streams: HashMap<u64, Weak<Channel>>,
    /// So many streams, and those that have ended are swept.
    sweep_at: usize,
    /// By the host's numbers; those that could not be loaded as well.
    adapters: HashMap<u64, Result<Adapter>>,
}

impl Worker {
    /// Does what the host says, until it says that this is all, or is gone.
    fn run(&mut self, from: &mut impl Read) {
        loop {
            let order = match frame::read(from) {
                Ok(Frame::Said(order)) => order,
                Ok(Frame::Cells(_)) | Err(_) => child::leave(),
            };
            match order {
                Order::Start(_) => child::leave(),
                Order::Close => return,
                Order::Submit(submit) => self.submit(*submit),
                Order::Cancel(id) => {
                    if let Some(channel) = self.streams.get(&id).and_then(Weak::upgrade) {
                        channel.cancel();
                        self.engine.0.shared.wake();
                    }
                }
                Order::Adapter(wanted) => self.load(wanted),
                Order::Forget(id) => drop(self.adapters.remove(&id)),
                // What cannot be said of an engine that has failed is said by `watch`.
                Order::Threads(decode, batch) => drop(self.engine.set_threads(decode, batch)),
                Order::Log(level) => listen_to_log(&self.out, level),
                Order::Unpin => drop(self.engine.unpin()),
                Order::Resume => drop(self.engine.resume()),
                Order::Pause(id) => {
                    let (tell, told) = channel();
                    // Here, so that a resume cannot come before it.
                    self.engine.0.shared.pause(tell);
                    self.aside(move |_, out| {
                        let _ = told.recv();
                        out.answer(id, Ok(Outcome::Done));
                    });
                }
                Order::Trim(id, level) => self.aside(move |engine, out| {
                    let done = engine.trim(level, None).map(|_| Outcome::Done);
                    out.answer(id, done);
                }),
                Order::Stats(id) => self.out.answer(id, Ok(Outcome::Stats(self.engine.stats()))),
                Order::TakeOut(id, prefix) => {
                    let request = self.request_of(&prefix);
                    self.aside(move |engine, out| take_out(id, &prefix, request, engine, out));
                }
                Order::PutBack(id, prefix, file) => {
                    let request = self.request_of(&prefix);
                    self.aside(move |engine, out| {
                        let put = request.and_then(|r| put_back(&r, &prefix.prompt, file, engine));
                        out.answer(id, put.map(|n| Outcome::Put(n as u64)));
                    });
                }
                #[cfg(feature = "test-hooks")]
                Order::Provoke(0) => drop(self.engine.provoke_fault()),
                #[cfg(feature = "test-hooks")]
                Order::Provoke(signal) => child::raise(signal),
                #[cfg(feature = "test-hooks")]
                Order::Probe(id, grounds) => self.aside(move |_, out| {
                    out.answer(id, Ok(Outcome::Tried(sandbox::probe::attempts(&grounds))));
                }),
            }
        }
    }

    /// Does something that takes its time on a thread of its own.
    fn aside(&self, work: impl FnOnce(&Engine, &Out) + Send + 'static) {
        let (engine, out) = (self.engine.clone(), Arc::clone(&self.out));
        let work = move || work(&engine, &out);
        if std::thread::Builder::new().name("qask-aside".into()).spawn(work).is_err() {
            // Whoever waits for it would wait for ever: another process may have more luck.
            let error = Error::new(Code::OutOfMemory, "the worker has no memory for a thread");
            self.out.say(&Report::Fault((&error).into()));
            child::leave();
        }
    }

    fn submit(&mut self, submit: Submit) {
        let Submit { id, request, adapters, pin, followed, before, waited } = submit;
        let n = request.n;
        let submitted = Instant::now().checked_sub(Duration::from_micros(waited));
        let begun = self.adapters(&adapters).and_then(|adapters| {
            let request = Request { adapters, ..request };
            let before = before.map(|b| b.transcript()).transpose();
            let before = before.map_err(|why| Error::new(Code::Panic, format!("a transcript with {why}")))?;
            let recorder: Arc<dyn Recorder> = Arc::new(Teller {
                id,
                followed,
                shared: Arc::clone(&self.engine.0.shared),
                out: Arc::clone(&self.out),
            });
            let extras = Extras { pin, recorder: Some(recorder), before: before.map(Arc::new), submitted };
            self.engine.begin(request, None, extras)
        });
        match begun {
            Ok(channel) => {
                if self.streams.len() >= self.sweep_at {
                    self.streams.retain(|_, c| c.strong_count() > 0);
                    self.sweep_at = 64.max(2 * self.streams.len());
                }
                self.streams.insert(id, Arc::downgrade(&channel));
            }
            Err(error) => {
                leave_if_poisoned(&self.engine.0.shared, &self.out);
                for choice in 0..n {
                    let reason = FinishReason::Error(error.clone());
                    let done = Event::Done(Done { choice, reason, usage: Usage::default(), seed: 0 });
                    self.out.say(&Report::Event(id, WireEvent(done)));
                }
            }
        }
    }

    fn load(&mut self, wanted: LoadAdapter) {
        let LoadAdapter { id, path, fingerprint } = wanted;
        let path = path.path();
        let loaded = Adapter::load(self.engine.model(), &path).and_then(|adapter| {
            match adapter.identity().2 == fingerprint {
                true => Ok(adapter),
                false => Err(Error::new(
                    Code::Invalid,
                    format!(
                        "{}: the adapter's file was changed since it was loaded: load it again",
                        path.display()
                    ),
                )),
            }
        });
        self.adapters.insert(id, loaded);
    }

    fn adapters(&self, wanted: &[(u64, u32)]) -> Result<Vec<(Adapter, f32)>> {
        let unknown = || Err(Error::new(Code::Panic, "an adapter that the worker was not told of"));
        let one = |(id, scale): &(u64, u32)| {
            let adapter = self.adapters.get(id).cloned().unwrap_or_else(unknown)?;
            Ok((adapter, f32::from_bits(*scale)))
        };
        wanted.iter().map(one).collect()
    }

    /// What of a request tells cells from others'.
    fn request_of(&self, prefix: &Prefix) -> Result<Request> {
        let adapters = self.adapters(&prefix.adapters)?;
        let (cache_key, origin) = (prefix.cache_key.clone(), prefix.origin.clone());
        Ok(Request { adapters, cache_key, origin, ..Request::text("") })
    }

    /// Ends what runs, and waits a moment for prefixes that are being written.
    fn close(self) {
        let directory: Option<Arc<Directory>> = self.engine.0.options.directory.clone();
        let shared = Arc::clone(&self.engine.0.shared);
        drop(self.engine);
        shared.close();
        shared.wait_finished(Some(PATIENCE));
        let until = Instant::now() + PATIENCE;
        while directory.as_ref().is_some_and(|d| Arc::strong_count(d) > 1) && Instant::now() < until {
            std::thread::sleep(LOOK);
        }
    }
}

fn take_out(id: u64, prefix: &Prefix, request: Result<Request>, engine: &Engine, out: &Out) {
    let mut record = Record::default();
    let never = || false;
    let taken =
        request.and_then(|r| engine.access(&never).take_out(&prefix.text, &prefix.prompt, &r, &mut record));
    let held = match taken {
        Ok(held) => held,
        Err(error) => return out.answer(id, Err(error)),
    };
    let Record { engine, adapters, tokens, order, .. } = record;
    // Nothing may come between the cells and the answer that they belong to.
    let socket = lock(&out.0);
    let send = |frame: &[u8]| {
        if socket.send(frame, &|| false).is_err() {
            child::leave();
        }
    };
    let cells = || held.iter().flat_map(|h| h.contents());
    let bytes = cells().map(|c| c.len() as u64).sum();
    cells().flat_map(|c| c.chunks(frame::CELLS)).for_each(|chunk| send(&frame::encode_cells(chunk)));
    let taken = held.is_some().then_some(TakenOut { engine, adapters, tokens, order, bytes });
    let report = Report::Answer(id, Ok(Outcome::Prefix(taken)));
    match frame::encode(&report) {
        Some(frame) => send(&frame),
        None => child::leave(),
    }
}

fn put_back(request: &Request, prompt: &[Token], file: SessionFile, engine: &Engine) -> Result<usize> {
    let path = file.path.path();
    let opened = crate::session::open(&path, None)?;
    if opened.checksum.to_hex().as_str() != file.checksum {
        return Err(Error::new(Code::StateInvalid, "the session's file was changed while it was read"));
    }
    engine.access(&|| false).put_back(opened, request, prompt)
}

/// Tells the host what a generation yields.
struct Teller {
    id: u64,
    /// Whether the prompt and the tokens are wanted.
    followed: bool,
    shared: Arc<Shared>,
    out: Arc<Out>,
}

impl Recorder for Teller {
    fn relays(&self) -> bool {
        true
    }

    fn begun(&self) {
        self.out.say(&Report::Began(self.id));
    }

    fn prompt(&self, rendered: &Rendered, tokens: &[Token]) {
        if self.followed {
            self.out.say(&Report::Prompt(self.id, Prompted::new(rendered, tokens)));
        }
    }

    fn event(&self, event: &Event) {
        if matches!(event, Event::Done(Done { reason: FinishReason::Error(_), .. })) {
            leave_if_poisoned(&self.shared, &self.out);
        }
        self.out.say(&Report::Event(self.id, WireEvent(event.clone())));
    }

    fn tokens(&self, tokens: &[Token]) {
        if self.followed {
            self.out.say(&Report::Tokens(self.id, tokens.to_vec()));
        }
    }

    fn closed(&self) {}
}
