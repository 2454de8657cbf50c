//! Hears what a worker says, on a thread of its own, and believes none of it: what does not fit ends the worker.

use std::convert::Infallible;
use std::io::{BufReader, Read};
use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::frame::{self, Broken, Frame};
use super::wire::{Build, Outcome, Prompted, Report};
use super::{Asked, Call, Gone, Remote, Said};
use crate::error::{Code, Error};
use crate::event::{Event, FinishReason};
use crate::log::{self, Level};
use crate::model::Token;
use crate::sync::lock;

/// The cells of the largest prefix that is taken from a worker, in bytes.
const MOST_CELLS: usize = 64 << 30;

/// The longest message of an error or a log line that is taken.
const MOST_WORDS: usize = 1 << 16;

type Heard<T> = Result<T, Gone>;

impl From<Broken> for Gone {
    fn from(broken: Broken) -> Gone {
        match broken {
            Broken::End => Gone::Ended,
            Broken::Malformed(why) => Gone::Malformed(why),
        }
    }
}

fn malformed<T>(why: &str) -> Heard<T> {
    Err(Gone::Malformed(why.to_owned()))
}

/// Listens to the worker with this number until it ends, or should.
pub(super) fn listen(remote: &Arc<Remote>, serial: u64, from: impl Read) {
    let ear = Ear { remote, serial };
    let Err(gone) = ear.run(&mut BufReader::with_capacity(1 << 16, from));
    ear.tell(Said::Gone(gone));
}

struct Ear<'a> {
    remote: &'a Arc<Remote>,
    serial: u64,
}

impl Ear<'_> {
    fn tell(&self, said: Said) {
        self.remote.shared.tell(|inbox| inbox.calls.push(Call::Said(self.serial, said)));
    }

    fn run(&self, from: &mut impl Read) -> Heard<Infallible> {
        let Frame::Said(Report::Hello(build)) = frame::read(from)? else {
            return malformed("it did not say who it is");
        };
        if build != Build::own() {
            return Err(Gone::Failed(self.other_build(&build)));
        }
        self.tell(Said::Hello);
        let mut cells = Vec::new();
        loop {
            let report = match frame::read(from)? {
                Frame::Cells(more) if cells.len() + more.len() > MOST_CELLS => return malformed("too many cells"),
                Frame::Cells(more) => {
                    if cells.try_reserve(more.len()).is_err() {
                        return malformed("cells that do not fit into memory");
                    }
                    cells.extend(more);
                    continue;
                }
                Frame::Said(report) => report,
            };
            match report {
                Report::Hello(_) => return malformed("it said twice who it is"),
                Report::Ready { kv_tokens } => self.tell(Said::Ready(kv_tokens)),
                Report::Failed(e) => return Err(Gone::Failed(self.error(e.error())?)),
                Report::Fault(e) => return Err(Gone::Fault(self.error(e.error())?)),
                Report::Began(id) => self.began(id)?,
                Report::Prompt(id, prompt) => self.prompt(id, prompt)?,
                Report::Tokens(id, tokens) => self.tokens(id, &tokens)?,
                Report::Event(id, event) => self.event(id, event.0)?,
                Report::Log { level, engine, message } => match Level::of(level) {
                    Some(level) if message.len() <= MOST_WORDS => log::pass_on(level, engine, message),
                    _ => return malformed("a log line that is none"),
                },
                Report::Answer(id, outcome) => {
                    let outcome = match outcome {
                        Ok(outcome) => Ok((outcome, std::mem::take(&mut cells))),
                        Err(e) => Err(self.error(e.error())?),
                    };
                    self.answer(id, outcome);
                }
            }
        }
    }

    fn other_build(&self, build: &Build) -> Error {
        let own = Build::own();
        // Its words, but no more than a version needs.
        let short = |s: &str| s.chars().filter(|c| !c.is_control()).take(40).collect::<String>();
        Error::new(
            Code::Unsupported,
            format!(
                "the worker {} is of qask {} (build {}), and this library of {} (build {}): ship the worker that was \
                 built with the library",
                self.remote.worker.display(),
                short(&build.version),
                short(&build.build),
                own.version,
                own.build
            ),
        )
    }

    fn error(&self, error: Result<Error, String>) -> Heard<Error> {
        match error {
            Ok(e) if e.message().len() <= MOST_WORDS => Ok(e),
            Ok(_) => malformed("an error without end"),
            Err(why) => Err(Gone::Malformed(why)),
        }
    }

    /// Looks at a stream of this worker's. One that has ended meanwhile is no fault.
    fn with<T>(&self, id: u64, look: impl FnOnce(&mut super::Live) -> Heard<T>) -> Heard<Option<T>> {
        if id >= self.remote.next.load(Ordering::Relaxed) {
            return malformed("a stream that there never was");
        }
        let mut all = lock(&self.remote.live);
        match all.get_mut(&id).filter(|l| l.sent == Some(self.serial)) {
            Some(live) => look(live).map(Some),
            None => Ok(None),
        }
    }

    fn began(&self, id: u64) -> Heard<()> {
        let left = self.with(id, |live| match live.queued.checked_sub(1) {
            Some(less) => {
                live.queued = less;
                Ok(())
            }
            None => malformed("that more answers began than there are"),
        })?;
        if left.is_some() {
            self.remote.shared.queued.fetch_sub(1, Ordering::AcqRel);
        }
        Ok(())
    }

    fn check_tokens(&self, tokens: &[Token]) -> Heard<()> {
        match self.remote.model.0.vocabulary.check(tokens) {
            Ok(()) => Ok(()),
            Err(_) => malformed("a token that the model does not have"),
        }
    }

    fn prompt(&self, id: u64, prompt: Prompted) -> Heard<()> {
        let (rendered, tokens) = prompt.parts().map_err(Gone::Malformed)?;
        self.check_tokens(&tokens)?;
        let channel = self.with(id, |live| Ok(Arc::clone(&live.channel)))?;
        channel.inspect(|c| c.record_prompt(&rendered, &tokens));
        Ok(())
    }

    fn tokens(&self, id: u64, tokens: &[Token]) -> Heard<()> {
        self.check_tokens(tokens)?;
        let channel = self.with(id, |live| Ok(Arc::clone(&live.channel)))?;
        channel.inspect(|c| c.record_tokens(0, tokens));
        Ok(())
    }

    fn event(&self, id: u64, event: Event) -> Heard<()> {
        match &event {
            Event::Text(t) | Event::Reasoning(t) => self.check_tokens(&t.tokens)?,
            Event::ToolCallDelta(d) => self.check_tokens(&d.tokens)?,
            Event::ToolCall(_) => {}
            Event::Done(done) => {
                if let FinishReason::Error(e) = &done.reason {
                    self.error(Ok(e.clone()))?;
                }
            }
        }
        let choice = event.choice() as usize;
        let done = matches!(event, Event::Done(_));
        let found = self.with(id, |live| match live.open.get_mut(choice) {
            Some(open @ true) => {
                *open = !done;
                let left = live.open.iter().filter(|o| **o).count() as u32;
                // What has ended does not wait, whether or not it ever ran.
                let never_ran = live.queued.saturating_sub(left);
                live.queued -= never_ran;
                Ok((Arc::clone(&live.channel), left == 0, never_ran))
            }
            _ => malformed("an event of a choice that does not run"),
        })?;
        let Some((channel, over, never_ran)) = found else { return Ok(()) };
        if over {
            lock(&self.remote.live).remove(&id);
        }
        let Event::Done(done) = event else {
            channel.event(event);
            return Ok(());
        };
        self.remote.shared.queued.fetch_sub(never_ran as usize, Ordering::AcqRel);
        let failed = matches!(done.reason, FinishReason::Error(_));
        if !failed {
            self.remote.answered.store(true, Ordering::Release);
        }
        self.remote.shared.with_stats(|s| {
            s.finished += 1;
            s.failed += u64::from(failed);
        });
        channel.done(done);
        Ok(())
    }

    fn answer(&self, id: u64, outcome: crate::error::Result<(Outcome, Vec<u8>)>) {
        match lock(&self.remote.asked).remove(&id) {
            // Whoever asked may be gone.
            Some(Asked::Rest(tell)) => drop(tell.send(())),
            Some(Asked::Outcome(tell)) => drop(tell.try_send(outcome)),
            None => {}
        }
    }
}
