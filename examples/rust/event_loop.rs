//! `event_loop MODEL.gguf`: three answers and a clock on one thread of tokio. Any other executor would do. A stream or an
//! answer that is dropped is cancelled.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Duration;

use qask::{Engine, EngineOptions, Event, EventStream, Message, Model, ModelOptions, Request};

const TOPICS: [&str; 3] = ["the sun", "bread", "a river"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: event_loop MODEL.gguf");
        std::process::exit(2);
    };
    let model = Model::load(path, ModelOptions::default())?;
    let engine = Engine::new(&model, EngineOptions::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let ticks = Arc::new(AtomicU32::new(0));
        let clock = tokio::spawn(tick(Arc::clone(&ticks)));
        let answers: Vec<_> = TOPICS
            .iter()
            .map(|topic| {
                let question = format!("What is {topic}?");
                let stream = engine.submit(&Request::chat([Message::user(question)]).max_tokens(40))?;
                Ok(tokio::spawn(answer(topic, stream.into_async())))
            })
            .collect::<qask::Result<_>>()?;
        for answer in answers {
            answer.await??;
        }
        clock.abort();
        println!("the clock ticked {} times meanwhile", ticks.load(Ordering::Relaxed));
        Ok(())
    })
}

/// Reads one stream to its end.
async fn answer(topic: &str, mut stream: EventStream) -> qask::Result<()> {
    let mut text = String::new();
    let mut pieces = 0;
    while let Some(event) = stream.next().await {
        match event? {
            Event::Text(piece) => {
                text += &piece.text;
                pieces += 1;
            }
            Event::Done(done) => {
                println!("{topic}: {} [{}, {pieces} pieces]", one_line(&text), done.reason.name())
            }
            _ => {}
        }
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Shows that the loop lives while the engine computes.
async fn tick(ticks: Arc<AtomicU32>) {
    let mut interval = tokio::time::interval(Duration::from_millis(50));
    loop {
        interval.tick().await;
        ticks.fetch_add(1, Ordering::Relaxed);
    }
}
