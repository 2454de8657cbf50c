//! `parallel MODEL.gguf`: eight requests at once over one engine, with one system prompt that is evaluated once.

use qask::{Engine, EngineOptions, Message, Model, ModelOptions, Request};

fn main() -> qask::Result<()> {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: parallel MODEL.gguf");
        std::process::exit(2);
    };
    let model = Model::load(path, ModelOptions::default())?;
    let engine = Engine::new(&model, EngineOptions::default())?;
    let system =
        "You are a helpful assistant who answers in one short sentence. Be precise, be friendly, never lie, \
                  say so when you do not know, and use plain words that a child understands.";
    let topics = ["the sun", "rain", "bread", "a bicycle", "music", "a river", "glass", "the moon"];
    std::thread::scope(|scope| {
        let answers: Vec<_> = topics
            .iter()
            .map(|topic| {
                let engine = &engine;
                scope.spawn(move || {
                    let messages = [Message::system(system), Message::user(format!("What is {topic}?"))];
                    engine.submit(&Request::chat(messages).max_tokens(40))?.collect_text()
                })
            })
            .collect();
        for (topic, answer) in topics.iter().zip(answers) {
            let (text, done) = answer.join().expect("no panic")?;
            let usage = done.usage;
            println!(
                "{topic}: {} [{} of {} prompt tokens cached]",
                text.trim(),
                usage.cached_tokens,
                usage.prompt_tokens
            );
        }
        Ok(())
    })
}
