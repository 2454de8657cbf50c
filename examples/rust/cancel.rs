//! `cancel MODEL.gguf`: stops a generation from another thread, after a deadline, and by dropping its stream.

use std::time::Duration;

use qask::{Engine, EngineOptions, Event, Model, ModelOptions, Next, Request};

fn main() -> qask::Result<()> {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: cancel MODEL.gguf");
        std::process::exit(2);
    };
    let model = Model::load(path, ModelOptions::default())?;
    let engine = Engine::new(&model, EngineOptions::default())?;
    let mut endless = Request::text("Once upon a time");
    endless.ignore_eos = true;

    let mut stream = engine.submit(&endless)?;
    let canceller = stream.canceller();
    let other = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        canceller.cancel();
    });
    while let Next::Event(event) = stream.next(None)? {
        if let Event::Done(done) = event {
            println!("{}: {} tokens", done.reason.name(), done.usage.output_tokens);
        }
    }
    other.join().expect("no panic");

    endless.deadline = Some(Duration::from_millis(300));
    let mut stream = engine.submit(&endless)?;
    while let Next::Event(event) = stream.next(None)? {
        if let Event::Done(done) = event {
            println!("{}: {} tokens", done.reason.name(), done.usage.output_tokens);
        }
    }

    // A stream that is dropped is cancelled; the engine is free for the next request.
    drop(engine.submit(&endless)?);
    let (text, _) = engine.submit(&Request::text("1, 2, 3,").max_tokens(4))?.collect_text()?;
    println!("next: 1, 2, 3,{text}");
    Ok(())
}
