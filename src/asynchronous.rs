//! Streams and answers for async programs, with any executor: feature `async`.
//!
//! ```no_run
//! # async fn ask(engine: &qask::Engine, request: &qask::Request) -> qask::Result<()> {
//! let mut stream = engine.submit(request)?.into_async();
//! while let Some(event) = stream.next().await {
//!     if let qask::Event::Text(text) = event? {
//!         print!("{}", text.text);
//!     }
//! }
//! // Or all at once:
//! let (text, done) = engine.submit(request)?.into_async().await?;
//! # Ok(())
//! # }
//! ```

use std::future::{poll_fn, Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{ready, Context, Poll, Waker};
use std::time::Duration;

use crate::engine::Stream;
use crate::error::{Error, Result};
use crate::event::{Collected, Done, Event, Next};
use crate::sync::lock;

/// A [`Stream`] of an async program: a `futures_core::Stream` of its events, which ends after the last one or an
/// error, and a future of its whole answer. Dropping it cancels the generation.
pub struct EventStream {
    stream: Stream,
    waker: Arc<Mutex<Option<Waker>>>,
    /// Why no wake-up will come.
    failed: Option<Error>,
    ended: bool,
}

impl Stream {
    /// The same stream for an async program. A callback of [`Stream::set_wake`] is replaced.
    pub fn into_async(self) -> EventStream {
        let waker = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&waker);
        let set = self.set_wake(move || {
            let waker: Option<Waker> = lock(&slot).take();
            waker.into_iter().for_each(Waker::wake);
        });
        EventStream { stream: self, waker, failed: set.err(), ended: false }
    }
}

impl EventStream {
    /// The next event; `None` behind the last.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|context| self.poll(context)).await
    }

    /// Ends the generation soon, as [`Stream::cancel`].
    pub fn cancel(&self) {
        self.stream.cancel();
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // Before looking, so that what comes after the look wakes this task.
        let old = lock(&self.waker).replace(context.waker().clone());
        drop(old);
        let next = match self.failed.take() {
            Some(error) => Err(error),
            None => self.stream.next(Some(Duration::ZERO)),
        };
        match next {
            Ok(Next::Event(event)) => Poll::Ready(Some(Ok(event))),
            Ok(Next::Timeout) => Poll::Pending,
            Ok(Next::Finished) => {
                self.ended = true;
                Poll::Ready(None)
            }
            Err(error) => {
                self.ended = true;
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

impl futures_core::Stream for EventStream {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl IntoFuture for EventStream {
    type Output = Result<(String, Done)>;
    type IntoFuture = Collect;

    fn into_future(self) -> Collect {
        Collect { stream: self, collected: Collected::default() }
    }
}

/// The whole text of choice 0 and its end, as far as it was not read before; or the error of a generation that failed.
/// Dropping it cancels the generation.
pub struct Collect {
    stream: EventStream,
    collected: Collected,
}

impl Future for Collect {
    type Output = Result<(String, Done)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some(event) = ready!(self.stream.poll(context)) {
            match event {
                Ok(event) => self.collected.add(event),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(std::mem::take(&mut self.collected).finish().map(|answer| (answer.text, answer.done)))
    }
}
