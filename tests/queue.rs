//! Promises of queues, wake-up callbacks and async streams, on a tiny model with random weights.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use qask::{Code, Engine, EngineOptions, Event, Model, ModelOptions, Next, Queue, Request, Stream};

const NOW: Option<Duration> = Some(Duration::ZERO);
/// So many tokens take seconds.
const ENDLESS: u32 = 16_000;
const LONG: Option<Duration> = Some(Duration::from_secs(60));

fn engine() -> Engine {
    let mut tiny = support::tiny();
    tiny.set("llama.context_length", support::Value::U32(ENDLESS + 256));
    let file = tiny.file();
    let model = Model::load(&file, ModelOptions::default()).expect("the model loads");
    let options = EngineOptions {
        threads: Some(2),
        max_sequences: 16,
        n_ctx: Some(ENDLESS + 256),
        ..EngineOptions::default()
    };
    Engine::new(&model, options).expect("the engine starts")
}

/// Letters cost a token each.
fn request(salt: usize, tokens: u32) -> Request {
    let mut request = Request::text(format!("{salt} in a row")).max_tokens(tokens);
    request.ignore_eos = true;
    request
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A stream that has ended and was not read.
fn ended(engine: &Engine, salt: usize) -> Stream {
    let before = engine.stats().finished;
    let stream = engine.submit(&request(salt, 4)).unwrap();
    wait_for("the answer ends", || engine.stats().finished > before);
    stream
}

/// Reads until there is no event; how many output tokens DONE told, and whether that was the end.
fn drain(stream: &mut Stream) -> (u32, bool) {
    let mut tokens = 0;
    loop {
        match stream.next(NOW).unwrap() {
            Next::Event(Event::Done(done)) => tokens += done.usage.output_tokens,
            Next::Event(_) => {}
            Next::Timeout => return (tokens, false),
            Next::Finished => return (tokens, true),
        }
    }
}

/// The same for one event.
fn read_one(stream: &mut Stream) -> (u32, bool) {
    match stream.next(NOW).unwrap() {
        Next::Event(Event::Done(done)) => (done.usage.output_tokens, false),
        Next::Event(_) => (0, false),
        Next::Timeout => panic!("it was named and there was nothing to read"),
        Next::Finished => (0, true),
    }
}

#[test]
fn one_thread_serves_two_hundred_streams() {
    const N: usize = 200;
    let engine = engine();
    for read in [drain, read_one] {
        let queue = Queue::new();
        let mut streams: Vec<Stream> = (0..N).map(|i| engine.submit(&request(i, 20)).unwrap()).collect();
        for (i, stream) in streams.iter().enumerate() {
            queue.add(stream, 1000 + i as u64).unwrap();
        }
        let (mut tokens, mut running) = (vec![0; N], N);
        while running > 0 {
            let i = queue.next(LONG).unwrap().expect("a stream with something to read") as usize - 1000;
            let (more, end) = read(&mut streams[i]);
            tokens[i] += more;
            running -= usize::from(end);
        }
        assert_eq!(tokens, vec![20; N]);
        assert_eq!(queue.next(NOW).unwrap(), None);
    }
}

#[test]
fn the_line_is_fair_and_names_what_can_be_read() {
    let engine = engine();
    let queue = Queue::new();
    let mut streams: Vec<Stream> = (0..3).map(|i| ended(&engine, i)).collect();
    // Events that came before count.
    for tag in [2, 0, 1] {
        queue.add(&streams[tag], tag as u64).unwrap();
    }
    let named = || queue.next(NOW).unwrap();
    assert_eq!(named(), Some(2));
    read_one(&mut streams[2]);
    assert_eq!((named(), named()), (Some(0), Some(1)));
    assert_eq!(named(), Some(2), "what a read left goes to the end of the line");
    assert_eq!(named(), None, "a stream that was named and not read is not named again");
    for stream in &mut streams {
        assert!(drain(stream).1);
    }
    assert_eq!(named(), None, "what was read is not named");
}

#[test]
fn streams_leave_when_they_are_dropped_or_added_elsewhere() {
    let engine = engine();
    let (queue, other) = (Queue::new(), Queue::new());
    let (a, mut b) = (ended(&engine, 1), ended(&engine, 2));
    queue.add(&a, 1).unwrap();
    queue.add(&b, 2).unwrap();
    drop(a);
    other.add(&b, 3).unwrap();
    assert_eq!(queue.next(NOW).unwrap(), None);
    assert_eq!(other.next(NOW).unwrap(), Some(3));
    drop(other);
    assert!(drain(&mut b).1, "a stream outlives its queue");
    drop(engine);
}

#[test]
fn closing_wakes_whoever_waits() {
    let engine = engine();
    let queue = Arc::new(Queue::new());
    let mut stream = engine.submit(&request(1, ENDLESS)).unwrap();
    queue.add(&stream, 7).unwrap();
    // What is there is named first; after that it waits, since nobody reads.
    assert_eq!(queue.next(LONG).unwrap(), Some(7));
    let waiter = std::thread::spawn({
        let queue = Arc::clone(&queue);
        move || queue.next(None)
    });
    std::thread::sleep(Duration::from_millis(50));
    queue.close();
    assert_eq!(waiter.join().unwrap().unwrap_err().code(), Code::Closed);
    assert_eq!(queue.add(&stream, 7).unwrap_err().code(), Code::Closed);
    stream.cancel();
    while stream.next(LONG).unwrap() != Next::Finished {}
}

#[test]
fn an_engine_that_ends_is_something_to_read() {
    let engine = engine();
    let queue = Queue::new();
    let mut stream = engine.submit(&request(1, ENDLESS)).unwrap();
    assert!(matches!(stream.next(LONG).unwrap(), Next::Event(_)), "it runs");
    queue.add(&stream, 7).unwrap();
    engine.close(None).unwrap();
    loop {
        assert_eq!(queue.next(LONG).unwrap(), Some(7));
        match stream.next(NOW) {
            Ok(Next::Event(_)) => {}
            Err(e) => break assert_eq!(e.code(), Code::Closed),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(queue.next(NOW).unwrap(), None);
}

/// A bell that a callback can ring as often as it likes.
fn bell() -> (impl Fn() + Clone + Send + Sync + 'static, Receiver<()>) {
    let (ring, bell) = sync_channel(1);
    let ring = move || {
        let _ = ring.try_send(());
    };
    (ring, bell)
}

#[test]
fn a_reader_that_sleeps_until_it_is_woken_reads_everything() {
    let engine = engine();
    let (ring, bell) = bell();
    let mut streams: Vec<Stream> = (0..20).map(|i| engine.submit(&request(i, 50)).unwrap()).collect();
    for stream in &streams {
        stream.set_wake(ring.clone()).unwrap();
    }
    let mut tokens = 0;
    while !streams.is_empty() {
        bell.recv_timeout(LONG.unwrap()).expect("a wake-up");
        streams.retain_mut(|stream| {
            let (more, end) = drain(stream);
            tokens += more;
            !end
        });
    }
    assert_eq!(tokens, 20 * 50);
}

#[test]
fn a_queue_wakes_its_reader() {
    let engine = engine();
    let (ring, bell) = bell();
    let queue = Queue::new();
    let mut streams: Vec<Stream> = (0..50).map(|i| engine.submit(&request(i, 20)).unwrap()).collect();
    for (i, stream) in streams.iter().enumerate() {
        queue.add(stream, i as u64).unwrap();
    }
    queue.set_wake(ring).unwrap();
    let (mut tokens, mut running) = (0, streams.len());
    while running > 0 {
        bell.recv_timeout(LONG.unwrap()).expect("a wake-up");
        while let Some(i) = queue.next(NOW).unwrap() {
            let (more, end) = read_one(&mut streams[i as usize]);
            tokens += more;
            running -= usize::from(end);
        }
    }
    assert_eq!(tokens, 50 * 20);
}

#[test]
fn a_callback_may_use_its_own_stream_and_let_it_go() {
    let engine = engine();
    let stream = Arc::new(Mutex::new(Some(engine.submit(&request(1, 30)).unwrap())));
    let (told, said) = channel();
    let inside = Arc::clone(&stream);
    let owner = stream.lock().unwrap();
    let set = owner.as_ref().unwrap().set_wake(move || {
        let mut stream = inside.lock().unwrap();
        let Some(found) = stream.as_mut() else { return };
        let (tokens, end) = drain(found);
        if end {
            // The callback goes with its stream, from inside itself.
            *stream = None;
        }
        told.send(tokens).unwrap();
    });
    set.unwrap();
    drop(owner);
    assert_eq!(said.iter().sum::<u32>(), 30, "and the callback, with its end of the channel, was dropped");
    assert!(stream.lock().unwrap().is_none());
}

#[test]
fn a_callback_that_panics_harms_nobody() {
    let engine = engine();
    let mut victim = engine.submit(&request(1, 30)).unwrap();
    // `resume_unwind` skips the hook, which would print.
    victim.set_wake(|| std::panic::resume_unwind(Box::new("on purpose"))).unwrap();
    let (ring, bell) = bell();
    let mut other = ended(&engine, 2);
    other.set_wake(ring).unwrap();
    bell.recv_timeout(LONG.unwrap()).expect("a wake-up after the panic");
    assert!(drain(&mut other).1);
    while victim.next(LONG).unwrap() != Next::Finished {}
}

#[test]
fn a_callback_is_dropped_once_and_not_called_after_its_stream() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let engine = engine();
    let drops = Arc::new(AtomicUsize::new(0));
    let (told, said) = channel();
    let callback = |name: &'static str| {
        let (counted, told) = (Counted(Arc::clone(&drops)), told.clone());
        move || {
            let _ = &counted;
            let _ = told.send(name);
        }
    };
    let first = ended(&engine, 1);
    first.set_wake(callback("first")).unwrap();
    assert_eq!(said.recv_timeout(LONG.unwrap()), Ok("first"), "what is there already wakes");
    first.set_wake(callback("second")).unwrap();
    assert_eq!(said.recv_timeout(LONG.unwrap()), Ok("second"));
    first.clear_wake();
    let never = engine.submit(&request(2, ENDLESS)).unwrap();
    let _ = said.try_iter().count();
    drop(first);
    never.set_wake(callback("third")).unwrap();
    drop(never);
    wait_for("each callback is dropped", || drops.load(Ordering::SeqCst) == 3);
    // It may have begun before its stream was dropped, but not after.
    assert!(said.try_iter().count() <= 1);
}

#[cfg(feature = "async")]
mod asynchronous {
    use super::*;
    use std::future::IntoFuture;
    use std::pin::Pin;

    fn block_on<T>(future: impl std::future::Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(async { tokio::time::timeout(LONG.unwrap(), future).await.expect("no wake-up is missed") })
    }

    #[test]
    fn many_tasks_on_one_thread_get_whole_answers() {
        let engine = engine();
        block_on(async {
            let tasks: Vec<_> = (0..200)
                .map(|i| {
                    let mut stream = engine.submit(&request(i, 20)).unwrap().into_async();
                    tokio::spawn(async move {
                        if i % 2 == 0 {
                            return stream.await.unwrap().1.usage.output_tokens;
                        }
                        let mut tokens = 0;
                        while let Some(event) = stream.next().await {
                            if let Event::Done(done) = event.unwrap() {
                                tokens += done.usage.output_tokens;
                            }
                        }
                        assert!(stream.next().await.is_none(), "an end is an end");
                        tokens
                    })
                })
                .collect();
            for task in tasks {
                assert_eq!(task.await.unwrap(), 20);
            }
        });
    }

    #[test]
    fn it_is_a_stream_of_futures_core() {
        let engine = engine();
        let mut stream = engine.submit(&request(1, 10)).unwrap().into_async();
        let mut events = Vec::new();
        block_on(async {
            let next = |s: &mut qask::EventStream, c: &mut std::task::Context<'_>| {
                futures_core::Stream::poll_next(Pin::new(s), c)
            };
            while let Some(event) = std::future::poll_fn(|c| next(&mut stream, c)).await {
                events.push(event.unwrap());
            }
        });
        assert!(matches!(events.last(), Some(Event::Done(d)) if d.reason == qask::FinishReason::Length));
    }

    #[test]
    fn a_dropped_future_cancels() {
        let engine = engine();
        let before = engine.stats().finished;
        block_on(async {
            let answer = engine.submit(&request(1, ENDLESS)).unwrap().into_async();
            let late = tokio::time::timeout(Duration::from_millis(1), async {
                answer.await.unwrap();
                std::future::pending::<()>().await;
            });
            assert!(late.await.is_err());
        });
        wait_for("the generation ends", || engine.stats().finished == before + 1);
        assert!(engine.stats().output_tokens < u64::from(ENDLESS) / 2);
    }

    #[test]
    fn failures_and_closed_engines_are_errors() {
        let engine = engine();
        let long = Request::text("x".repeat(ENDLESS as usize + 300));
        let failed = engine.submit(&long).unwrap().into_async();
        assert_eq!(block_on(failed.into_future()).unwrap_err().code(), Code::ContextFull);
        let mut closed = engine.submit(&request(2, ENDLESS)).unwrap().into_async();
        block_on(async {
            assert!(closed.next().await.is_some(), "it runs");
            engine.close(None).unwrap();
            let mut last = None;
            while let Some(event) = closed.next().await {
                last = Some(event);
            }
            assert_eq!(last.unwrap().unwrap_err().code(), Code::Closed);
            assert!(closed.next().await.is_none());
        });
    }
}
