//! The thread that tells a worker what to do, and starts another one when it died. It computes nothing and waits for
//! nothing but its inbox.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{sync_channel, SyncSender};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::child::{Process, Socket};
use super::deaths::Deaths;
use super::listen::listen;
use super::wire::{LoadAdapter, ModelPlace, Order, Outcome, PathBytes, Start, Submit, WireTranscript};
use super::{add, frame, numbers, Ask, Asked, Call, Gone, Live, Remote, Said};
use crate::adapter::{Adapter, Watched};
use crate::engine::shared::Inbox;
use crate::engine::submission::Submission;
use crate::error::{Code, Error, Result};
use crate::event::{Done, FinishReason, Usage};
use crate::gguf;
use crate::log::{self, Level};
use crate::model::Origin;
use crate::request::Request;
use crate::sync::lock;

/// A worker that does not say who it is within this time is none.
const HELLO: Duration = Duration::from_secs(30);

/// How long a worker that closed its socket, or was told to end, may take for it.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A worker that has not ended a request so long after its deadline hangs.
const GRACE: Duration = Duration::from_secs(10);

/// How often cancel flags are looked at, and deadlines of what no worker has yet.
const LOOK: Duration = Duration::from_millis(5);

/// Starts the thread, and with it the first worker; waits until that is ready.
pub(super) fn start(remote: &Arc<Remote>) -> Result<()> {
    let (tell, told) = sync_channel(1);
    let stop: Arc<dyn crate::engine::exit::Stop> = remote.shared.clone();
    crate::engine::exit::register(Arc::downgrade(&stop));
    let keeper = Keeper {
        remote: Arc::clone(remote),
        link: None,
        serial: 0,
        held: Vec::new(),
        first: Some(tell),
        deaths: Deaths::default(),
        stillborn: false,
    };
    let run = move || keeper.run();
    std::thread::Builder::new().name("qask-host".into()).spawn(run).map_err(|e| {
        Error::new(Code::OutOfMemory, format!("the thread of an isolated engine could not be started: {e}"))
    })?;
    told.recv().unwrap_or_else(|_| Err(Error::new(Code::Closed, "the engine was closed while it started")))
}

struct Keeper {
    remote: Arc<Remote>,
    link: Option<Link>,
    /// Counts workers.
    serial: u64,
    /// What waits for a worker to be ready.
    held: Vec<Held>,
    /// Who waits for the first one.
    first: Option<SyncSender<Result<()>>>,
    deaths: Deaths,
    /// The first worker was none, and whoever wanted the engine was told so.
    stillborn: bool,
}

enum Held {
    Submit(u64, Box<Submission>),
    Ask(Box<Order>, Vec<(Adapter, f32)>),
}

/// A worker and what it was told.
struct Link {
    process: Process,
    socket: Socket,
    /// Until when it has to say who it is, or nothing once it has.
    hello: Option<Instant>,
    ready: bool,
    adapters: HashMap<u64, Watched>,
    threads: (u32, u32),
    paused: bool,
    log: i32,
}

impl Keeper {
    fn run(mut self) {
        self.start_worker();
        loop {
            if self.stillborn {
                return self.remote.shared.finished();
            }
            let inbox = self.remote.shared.take_paused(self.nap());
            if inbox.closing {
                return self.close();
            }
            self.turn(inbox);
        }
    }

    fn turn(&mut self, inbox: Inbox) {
        self.catch_up();
        for rests in inbox.pauses {
            if self.remote.shared.is_paused() {
                self.link.iter_mut().for_each(|l| l.paused = true);
                self.rest(rests, Order::Pause);
            } else {
                // It was told to go on meanwhile; whoever asked may be gone.
                let _ = rests.send(());
            }
        }
        for (level, done) in inbox.trims {
            self.rest(done, |id| Order::Trim(id, level));
        }
        if inbox.unpin {
            self.say(&Order::Unpin);
        }
        for call in inbox.calls {
            match call {
                Call::Submit(id, submission) => self.submit(id, submission),
                Call::Ask(ask) => self.ask(ask),
                Call::Said(serial, said) if serial == self.serial => self.heard(said),
                Call::Said(..) => {}
                #[cfg(feature = "test-hooks")]
                Call::Provoke(signal) => self.say(&Order::Provoke(signal)),
            }
        }
        self.sweep();
    }

    /// How long there is nothing to look at.
    fn nap(&self) -> Option<Duration> {
        let live = lock(&self.remote.live);
        let looked_at = |l: &Live| (l.cancel.is_some() && !l.told) || (l.sent.is_none() && l.deadline.is_some());
        if live.values().any(looked_at) {
            return Some(LOOK);
        }
        let starts = self.link.as_ref().is_some_and(|l| l.hello.is_some());
        (starts || live.values().any(|l| l.deadline.is_some())).then_some(Duration::from_millis(500))
    }

    // ---- telling ----

    /// Sends to a worker that is ready; to none it would be of no use.
    fn say(&mut self, order: &Order) {
        if let Some(link) = self.link.as_ref().filter(|l| l.ready) {
            send(&self.remote, &link.socket, order);
        }
    }

    /// Tells the worker what has changed since it was told last.
    fn catch_up(&mut self) {
        let Some(link) = self.link.as_mut().filter(|l| l.ready) else { return };
        let (threads, paused, log) = (self.remote.shared.threads(), self.remote.shared.is_paused(), log::level());
        let mut orders = Vec::new();
        if std::mem::replace(&mut link.threads, threads) != threads {
            orders.push(Order::Threads(threads.0, threads.1));
        }
        if std::mem::replace(&mut link.log, log) != log {
            orders.push(Order::Log(log));
        }
        // Pausing is an order of its own, that somebody waits for.
        if std::mem::replace(&mut link.paused, paused) && !paused {
            orders.push(Order::Resume);
        }
        for order in orders {
            self.say(&order);
        }
    }

    /// Something that is so at once where no worker runs.
    fn rest(&mut self, tell: std::sync::mpsc::Sender<()>, order: impl FnOnce(u64) -> Order) {
        if !self.link.as_ref().is_some_and(|l| l.ready) {
            // Whoever asked may be gone.
            let _ = tell.send(());
            return;
        }
        let id = self.remote.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.remote.asked).insert(id, Asked::Rest(tell));
        self.say(&order(id));
    }

    fn ask(&mut self, Ask { id, order, adapters }: Ask) {
        let ready = self.link.as_ref().is_some_and(|l| l.ready);
        let nothing = match *order {
            _ if ready => None,
            // There are no cells, and no figures but those of before.
            Order::TakeOut(..) => Some(Ok((Outcome::Prefix(None), Vec::new()))),
            Order::Stats(_) => Some(Err(Error::new(Code::Closed, "no worker runs"))),
            _ => None,
        };
        match nothing {
            Some(outcome) => {
                if let Some(Asked::Outcome(tell)) = lock(&self.remote.asked).remove(&id) {
                    let _ = tell.try_send(outcome);
                }
            }
            None => self.hold_or_pass(Held::Ask(order, adapters)),
        }
    }

    fn submit(&mut self, id: u64, submission: Box<Submission>) {
        self.hold_or_pass(Held::Submit(id, submission));
    }

    fn hold_or_pass(&mut self, held: Held) {
        if self.link.as_ref().is_some_and(|l| l.ready) {
            return self.pass(held);
        }
        self.held.push(held);
        if self.link.is_none() {
            self.start_worker();
        }
    }

    /// Gives the worker, which is ready, something to do.
    fn pass(&mut self, held: Held) {
        match held {
            Held::Ask(order, adapters) => {
                self.introduce(&adapters);
                self.say(&order);
            }
            Held::Submit(id, submission) => {
                let Submission { mut request, pin, followed, before, submitted } = *submission;
                match lock(&self.remote.live).get_mut(&id) {
                    Some(live) => live.sent = Some(self.serial),
                    // It was ended before it was sent.
                    None => return,
                }
                let adapters = std::mem::take(&mut request.adapters);
                self.introduce(&adapters);
                let order = Order::Submit(Box::new(Submit {
                    id,
                    request,
                    adapters: numbers(&adapters),
                    pin,
                    followed,
                    before: before.as_deref().map(WireTranscript::from),
                    waited: submitted.elapsed().as_micros().try_into().unwrap_or(u64::MAX),
                }));
                let Some(frame) = frame::encode(&order) else {
                    let text =
                        format!("the request is longer than the {} bytes that a worker takes", frame::LONGEST);
                    return self.end(id, FinishReason::Error(Error::new(Code::TooLong, text)));
                };
                let sent = self.link.as_ref().is_some_and(|l| send_frame(&self.remote, &l.socket, &frame));
                let Order::Submit(submit) = order else { return };
                if !sent {
                    // It is gone, which was not heard yet: the next one gets it.
                    lock(&self.remote.live).entry(id).and_modify(|l| l.sent = None);
                    let request = Request { adapters, ..submit.request };
                    let submission = Submission { request, pin, followed, before, submitted };
                    self.held.push(Held::Submit(id, Box::new(submission)));
                }
            }
        }
    }

    /// Names adapters to the worker before a request does, and says which ones are gone.
    fn introduce(&mut self, adapters: &[(Adapter, f32)]) {
        let Some(link) = &mut self.link else { return };
        let gone: Vec<u64> = link.adapters.iter().filter(|(_, w)| w.is_gone()).map(|(id, _)| *id).collect();
        let mut orders: Vec<Order> = gone.iter().map(|id| Order::Forget(*id)).collect();
        gone.iter().for_each(|id| drop(link.adapters.remove(id)));
        for (adapter, _) in adapters {
            let (id, path, fingerprint) = adapter.identity();
            if link.adapters.insert(id, adapter.watch()).is_none() {
                orders.push(Order::Adapter(LoadAdapter { id, path: PathBytes::new(path), fingerprint }));
            }
        }
        for order in orders {
            self.say(&order);
        }
    }

    // ---- hearing ----

    fn heard(&mut self, said: Said) {
        match said {
            Said::Hello => self.greeted(),
            Said::Ready(kv_tokens) => self.ready(kv_tokens),
            Said::Gone(gone) => self.gone(gone),
        }
    }

    /// It is one of ours: it is told what to load.
    fn greeted(&mut self) {
        let start = match self.first_words() {
            Ok(start) => start,
            Err(error) => return self.gone(Gone::Failed(error)),
        };
        let Some(link) = &mut self.link else { return };
        link.hello = None;
        (link.log, link.threads) = (start.log, self.remote.shared.threads());
        send(&self.remote, &link.socket, &Order::Start(Box::new(start)));
    }

    fn first_words(&self) -> Result<Start> {
        let Remote { model, options, shared, .. } = &*self.remote;
        let place = match &model.0.origin {
            // Where the file is now: a relative path may mean another by this time.
            Origin::Files(files) => {
                let now =
                    |f: &gguf::Opened| f.place().filter(|p| p.exists()).unwrap_or_else(|| f.path().to_owned());
                ModelPlace::Paths(files.iter().map(|f| PathBytes::new(&now(f))).collect())
            }
            Origin::File(_, offset, _) => ModelPlace::Given { offset: *offset, length: model.info().file_size },
        };
        let threads = shared.threads();
        let mut wanted = options.options.clone();
        (wanted.threads, wanted.threads_batch) = (Some(threads.0), Some(threads.1));
        // The host has looked at the budget, and is the one that is isolated.
        (wanted.memory_budget, wanted.isolated, wanted.worker) = (None, false, None);
        Ok(Start {
            place,
            load: model.0.loaded.into(),
            fingerprint: model.info().fingerprint().to_owned(),
            options: wanted,
            log: log::level(),
        })
    }

    fn ready(&mut self, kv_tokens: u32) {
        let Some(link) = self.link.as_mut().filter(|l| l.hello.is_none() && !l.ready) else { return };
        link.ready = true;
        self.remote.kv_tokens.store(kv_tokens, Ordering::Release);
        if self.remote.shared.is_paused() {
            self.link.iter_mut().for_each(|l| l.paused = true);
            // Nobody waits for this answer.
            let id = self.remote.next.fetch_add(1, Ordering::Relaxed);
            self.say(&Order::Pause(id));
        }
        if let Some(first) = self.first.take() {
            let _ = first.send(Ok(()));
        }
        for held in std::mem::take(&mut self.held) {
            self.pass(held);
        }
    }

    fn start_worker(&mut self) {
        self.serial += 1;
        let file = match &self.remote.model.0.origin {
            Origin::File(file, ..) => Some(file),
            Origin::Files(_) => None,
        };
        let started = Process::start(&self.remote.worker, file).and_then(|(process, socket)| {
            let (remote, serial) = (Arc::clone(&self.remote), self.serial);
            let reader = socket.reader().and_then(|from| {
                let listen = move || listen(&remote, serial, from);
                std::thread::Builder::new().name("qask-listen".into()).spawn(listen)
            });
            match reader {
                Ok(_) => Ok((process, socket)),
                Err(e) => {
                    let mut process = process;
                    process.end(Duration::ZERO);
                    let text = format!("the thread that listens to a worker could not be started: {e}");
                    Err(Error::new(Code::OutOfMemory, text))
                }
            }
        });
        match started {
            Ok((process, socket)) => {
                self.remote.process.store(process.id(), Ordering::Release);
                self.link = Some(Link {
                    process,
                    socket,
                    hello: Some(Instant::now() + HELLO),
                    ready: false,
                    adapters: HashMap::new(),
                    threads: (0, 0),
                    paused: false,
                    log: 0,
                });
            }
            Err(error) => self.gone(Gone::Failed(error)),
        }
    }

    /// The worker is no more, or ends here: whatever it had ends with it.
    fn gone(&mut self, gone: Gone) {
        let was_ready = self.link.as_ref().is_some_and(|l| l.ready);
        let serial = self.serial;
        // What it still says, and that it ended, is of no interest.
        self.serial += 1;
        let mut how = String::new();
        if let Some(mut link) = self.link.take() {
            let patience = if matches!(gone, Gone::Malformed(_) | Gone::Late) { Duration::ZERO } else { PATIENCE };
            link.socket.shut();
            how = link.process.end(patience);
            self.remote.process.store(0, Ordering::Release);
        }
        let again = "the next request starts another one";
        let fault = |text: String| Error::new(Code::EngineFault, text);
        let error = match gone {
            Gone::Failed(error) => error,
            Gone::Fault(error) => error,
            Gone::Ended => fault(format!("the engine's process {how}; {again}")),
            Gone::Late => fault(format!("the engine's process hung and was ended; {again}")),
            Gone::Malformed(why) => fault(format!("the engine's process sent {why} and was ended; {again}")),
        };
        log::write(Level::Error, || format!("isolated engine: {error}"));
        if let Some(first) = self.first.take() {
            let _ = first.send(Err(error));
            self.stillborn = true;
            return;
        }
        {
            let mut figures = lock(&self.remote.figures);
            figures.1 = add(figures.0, &figures.1);
            figures.0 = Default::default();
        }
        let error = self.count_death(error);
        for asked in std::mem::take(&mut *lock(&self.remote.asked)).into_values() {
            match asked {
                // What is gone rests, and holds no memory.
                Asked::Rest(tell) => drop(tell.send(())),
                Asked::Outcome(tell) => drop(tell.try_send(Err(error.clone()))),
            }
        }
        // What it never got is for the next one, unless there is none: it did not even start.
        let all = !was_ready || self.remote.shared.check().is_err();
        if all {
            self.held.clear();
        } else {
            self.held.retain(|h| matches!(h, Held::Submit(..)));
        }
        let ended: Vec<u64> = {
            let live = lock(&self.remote.live);
            live.iter().filter(|(_, l)| all || l.sent == Some(serial)).map(|(id, _)| *id).collect()
        };
        for id in ended {
            self.end(id, FinishReason::Error(error.clone()));
        }
        if !self.held.is_empty() {
            self.start_worker();
        }
    }

    /// Remembers a death; when there were too many the engine takes no more requests, and the error says so.
    fn count_death(&mut self, error: Error) -> Error {
        let answered = self.remote.answered.swap(false, Ordering::AcqRel);
        let Some(many) = self.deaths.one_more(Instant::now(), answered) else { return error };
        let text = format!(
            "the engine's process died {many} times within a minute and is not started again: make another engine; the \
             last time: {}",
            error.message()
        );
        let error = Error::new(Code::EngineFault, text);
        self.remote.shared.poison(error.clone());
        error
    }

    // ---- looking after what runs ----

    /// Passes cancels on, and ends what has to end without the worker.
    fn sweep(&mut self) {
        let now = Instant::now();
        let (mut cancels, mut ends, mut late) = (Vec::new(), Vec::new(), false);
        for (id, live) in lock(&self.remote.live).iter_mut() {
            match live.channel.interrupted(live.cancel.as_ref(), live.deadline) {
                None => {}
                Some(reason) if live.sent.is_none() => ends.push((*id, reason)),
                Some(FinishReason::Cancelled) if !live.told => {
                    live.told = true;
                    cancels.push(*id);
                }
                Some(_) => late |= live.deadline.is_some_and(|d| now.saturating_duration_since(d) > GRACE),
            }
        }
        cancels.into_iter().for_each(|id| self.say(&Order::Cancel(id)));
        for (id, reason) in ends {
            self.held.retain(|h| !matches!(h, Held::Submit(other, _) if *other == id));
            self.end(id, reason);
        }
        let silent = self.link.as_ref().and_then(|l| l.hello).is_some_and(|until| now >= until);
        if silent {
            let text = format!("{} does not say who it is: it is no worker", self.remote.worker.display());
            self.gone(Gone::Failed(Error::new(Code::Unsupported, text)));
        } else if late {
            self.gone(Gone::Late);
        }
    }

    /// Ends what has not ended of a stream.
    fn end(&self, id: u64, reason: FinishReason) {
        let Some(live) = lock(&self.remote.live).remove(&id) else { return };
        let open: Vec<u32> = (0..live.open.len() as u32).filter(|i| live.open[*i as usize]).collect();
        self.remote.shared.queued.fetch_sub(live.queued as usize, Ordering::AcqRel);
        self.remote.shared.with_stats(|s| {
            s.finished += open.len() as u64;
            s.failed += if matches!(reason, FinishReason::Error(_)) { open.len() as u64 } else { 0 };
        });
        for choice in open {
            live.channel.done(Done { choice, reason: reason.clone(), usage: Usage::default(), seed: 0 });
        }
    }

    fn close(mut self) {
        if let Some(mut link) = self.link.take() {
            if link.ready {
                send(&self.remote, &link.socket, &Order::Close);
                link.process.end(PATIENCE);
            } else {
                link.process.end(Duration::ZERO);
            }
            link.socket.shut();
            self.remote.process.store(0, Ordering::Release);
        }
        // Readers were woken by `close`; whoever waits for an outcome is told by this.
        lock(&self.remote.live).clear();
        lock(&self.remote.asked).clear();
        drop(self.remote.shared.take_paused(Some(Duration::ZERO)));
        log::write(Level::Info, || "engine closed".into());
        self.remote.shared.finished();
    }
}

fn send(remote: &Remote, socket: &Socket, order: &Order) {
    match frame::encode(order) {
        Some(frame) => drop(send_frame(remote, socket, &frame)),
        None => log::write(Level::Error, || "isolated engine: an order that is too long for a frame".into()),
    }
}

/// False when the worker is gone, of which more is heard on the other side, and when the engine is being closed.
fn send_frame(remote: &Remote, socket: &Socket, frame: &[u8]) -> bool {
    socket.send(frame, &|| remote.shared.is_closing()).is_ok()
}
